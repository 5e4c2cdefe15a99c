"""What commands say of documents that were not read to their end: counts, in the command line's words."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from secondpass.cli.notices import say_warning
from secondpass.errors import TruncationWarning
from secondpass.quantities import count
from secondpass.ranking import Scorer


@contextmanager
def counted_instead() -> Iterator[None]:
    """No warning of what is truncated, where the command counts it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        yield


def report_truncated(scorer: Scorer, n_truncated: int, n_documents: int, *, max_length: int | None) -> None:
    """Say on standard error how many documents, or queries beside them, did not fit; nothing where all did.

    Args:
        scorer: What read them.
        n_truncated: How many were truncated.
        n_documents: Of how many.
        max_length: What --max-length says; None: nothing.
    """
    if not n_truncated:
        return
    of_model = getattr(scorer, "max_length", None)  # a service keeps its limit to itself
    if of_model is None:
        limit = "the service's limit"
    else:
        limit = f"the model's limit of {of_model} tokens" if max_length is None else f"--max-length {max_length}"
    if getattr(scorer, "long_documents", None) == "windows":
        what = f"the query was truncated beside {n_truncated} of {count(n_documents, 'document')} to fit {limit}"
    else:
        were = "was" if n_documents == 1 else "were"
        what = (
            f"{n_truncated} of {count(n_documents, 'document')} {were} truncated to fit {limit}"
            f"{'' if of_model is None else '; --long-documents windows reads all of each'}"
        )
    say_warning(what)
