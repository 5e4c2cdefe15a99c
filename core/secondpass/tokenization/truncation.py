"""How much of two texts fits: the longer one is truncated first."""

import numpy as np
from numpy.typing import NDArray


def longest_first(
    n_first: NDArray[np.int64], n_second: NDArray[np.int64], room: int, *, odd_to_first: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many tokens of two texts fit into `room`, truncating the longer one first.

    The rule of the `tokenizers` library (`TruncationStrategy::LongestFirst`), which the model cards' code and
    sentence-transformers use: with a <= b the two counts, b becomes a if a > room, else max(a, room - a); if a + b is
    still above room, both become half of it. Where both are more than half of an odd room, the longer text gets the odd
    token, and of equal ones the second.

    transformers' own tokenizers in Python (`PythonBackend.truncate_sequences`) differ in that token alone: the first
    text gets it, whichever is longer.

    Args:
        n_first: Tokens of the first text of each pair. Shape: (n_pairs,).
        n_second: Tokens of the second text. Shape: (n_pairs,).
        room: Tokens both may have together, specials not counted.
        odd_to_first: Whether the odd token goes by the rule of transformers' tokenizers in Python.

    Returns:
        What is left of each. Shapes: (n_pairs,).
    """
    short, long = np.minimum(n_first, n_second), np.maximum(n_first, n_second)
    long = np.where(short > room, short, np.maximum(short, room - short))
    over = short + long > room
    short, long = np.where(over, room // 2, short), np.where(over, room - room // 2, long)
    swapped, fits = n_first > n_second, n_first + n_second <= room
    if odd_to_first:
        swapped |= over
    first, second = np.where(swapped, long, short), np.where(swapped, short, long)
    return np.where(fits, n_first, first), np.where(fits, n_second, second)
