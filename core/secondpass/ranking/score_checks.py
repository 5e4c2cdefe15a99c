"""What a scorer may answer: one real number for each document, and never NaN."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from secondpass.arguments import describe
from secondpass.errors import ScoringError

# numpy's kinds of text, complex numbers and times, all of which it would make numbers of.
_NOT_REAL = "SUcmM"


def check_scores(scores: Sequence[float] | NDArray[np.float32], n_documents: int) -> NDArray[np.float64]:
    """The scores as numbers of double precision; raise ScoringError unless each document has one that is not NaN."""
    try:
        given = np.asarray(scores)
        values = given.astype(np.float64) if given.dtype.kind not in _NOT_REAL else None
    except Exception as error:  # whatever is given decides what is raised
        raise _not_scores(scores) from error
    if values is None:
        raise _not_scores(scores)
    if values.shape != (n_documents,):
        raise ScoringError(
            f"a scorer must give one score per document, got shape {values.shape} for {n_documents} documents"
        )
    refuse_nan(values, "document")
    return values


def _not_scores(scores: object) -> ScoringError:
    return ScoringError(f"a scorer must give a list or array of real numbers, got {describe(scores)}")


def refuse_nan(scores: NDArray[np.floating], item: str, *, first: int = 0) -> None:
    """Raise ScoringError if a score is NaN.

    Args:
        scores: Shape: (n,).
        item: What has a score, for the message.
        first: Number of the first of them.
    """
    if np.isnan(scores).any():
        raise ScoringError(f"scores must be numbers, got NaN for {item} ", first + int(np.isnan(scores).argmax()))
