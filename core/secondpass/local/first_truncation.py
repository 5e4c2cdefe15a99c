"""The one warning of a scorer that it does not read all that it is given."""

import threading
import warnings

from secondpass.concurrency.per_process import PerProcess
from secondpass.errors import TruncationWarning
from secondpass.errors.caller_warnings import warn_caller
from secondpass.options import LongDocuments


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

        Where a filter makes it an error, it is raised each time.

        Args:
            n_truncated: Pairs of this call that were truncated.
            n_pairs: Pairs of this call.
        """
        if not n_truncated:
            return
        with self._lock.get():
            is_told, self._is_told = self._is_told, True
        if is_told and not _is_an_error():
            return
        message = f"{n_truncated} of {n_pairs} pairs {self._what} (said once for each scorer)"
        try:
            warn_caller(message, TruncationWarning)
        except TruncationWarning:  # an error is not told once, but to every call
            self._is_told = is_told
            raise


def _is_an_error() -> bool:
    """Whether the first filter for the category, whatever module or message it names, makes an error of it.

    `warnings.warn` then decides; asked each time, it would show what it may show again.
    """
    actions = (action for action, _, category, *_ in warnings.filters if issubclass(TruncationWarning, category))
    return next(actions, None) == "error"
