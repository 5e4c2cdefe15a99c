"""The one warning of a scorer that it does not read all that it is given."""

import threading

from secondpass.callers import warn_caller
from secondpass.errors import TruncationWarning
from secondpass.options import LongDocuments
from secondpass.per_process import PerProcess


class FirstTruncation:
    """Warns the first time that something is truncated. Any number of threads may share one.

    Args:
        max_length: Tokens that are read at a time.
        long_documents: What becomes of documents with more.
    """

    def __init__(self, max_length: int, long_documents: LongDocuments) -> None:
        if long_documents == "windows":
            self._what = "have a query that is too long to be read whole beside its document"
        else:
            self._what = (
                f"did not fit into {max_length} tokens and were truncated; "
                'long_documents="windows" reads all of every document'
            )
        self._lock = PerProcess(threading.Lock)
        self._is_told = False

    def warn_of(self, n_truncated: int, n_pairs: int) -> None:
        """Warn that so many of so many pairs were truncated, unless there were none or it has been said before.

        Args:
            n_truncated: Pairs of this call that were truncated.
            n_pairs: Pairs of this call.
        """
        if not n_truncated:
            return
        with self._lock.get():
            is_told, self._is_told = self._is_told, True
        if not is_told:
            message = f"{n_truncated} of {n_pairs} pairs {self._what} (said once for each scorer)"
            warn_caller(message, TruncationWarning)
