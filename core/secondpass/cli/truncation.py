"""What commands say of documents that were not read to their end: counts, in the command line's words."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from secondpass.cli.sheets import count
from secondpass.errors import TruncationWarning

if TYPE_CHECKING:
    from secondpass.execution.local_scorer import LocalScorer


@contextmanager
def counted_instead() -> Iterator[None]:
    """No warning of what is truncated, where the command counts it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        yield


def report_truncated(scorer: "LocalScorer", n_truncated: int, n_documents: int) -> None:
    """Say on standard error how many documents, or queries beside them, did not fit; nothing where all did.

    Args:
        scorer: What read them.
        n_truncated: How many were truncated.
        n_documents: Of how many.
    """
    if not n_truncated:
        return
    limit = f"--max-length {scorer.max_length}"
    if scorer.long_documents == "windows":
        what = f"the query was truncated beside {n_truncated} of {count(n_documents, 'document')} to fit {limit}"
    else:
        were = "was" if n_documents == 1 else "were"
        what = (
            f"{n_truncated} of {count(n_documents, 'document')} {were} truncated to fit {limit}; "
            "--long-documents windows reads all of each"
        )
    typer.echo(f"warning: {what}", err=True)
