"""What `predict` takes: pairs in lists, tuples, arrays or columns, or one pair alone."""

from collections.abc import Sequence
from typing import TypeGuard

import numpy as np

from secondpass.arguments import describe
from secondpass.errors import InputTypeError
from secondpass.ranking import Pair
from secondpass.ranking.request_checks import check_pairs

# numpy's kinds of arrays that may hold text: fixed-width, of objects, of any width.
_TEXT_KINDS = "UOT"


def is_one_pair(inputs: object) -> bool:
    """Whether these are the two texts of one pair, as opposed to pairs; nothing at all is no pairs."""
    if isinstance(inputs, np.ndarray) and inputs.dtype.kind in _TEXT_KINDS:
        return inputs.size > 0 and inputs.ndim == 1
    if _is_sequence(inputs):
        return len(inputs) > 0 and not _is_sequence(inputs[0])
    return True


def pairs_of(inputs: object) -> list[Pair]:
    """The pairs, or the only one.

    Raises:
        InputTypeError: Something is not a pair of strings; the message names which.
    """
    given = inputs.tolist() if isinstance(inputs, np.ndarray) else inputs
    if _is_sequence(given):
        return list(check_pairs([given] if is_one_pair(inputs) else list(given), "inputs"))
    raise InputTypeError(f"inputs must be a list of (query, document) pairs, or one pair, got {describe(inputs)}")


def _is_sequence(value: object) -> TypeGuard[Sequence[object]]:
    """Lists and tuples, and what counts as them, such as a column of a data set; a text is none."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
