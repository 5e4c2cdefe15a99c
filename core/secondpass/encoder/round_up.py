"""Division and rounding of counts, upwards."""

from typing import Final

# Numbers are this many steps or more, where steps are larger than they have to be.
_STEPS: Final = 48


def ceil_div(count: int, size: int) -> int:
    """How many parts of at most `size` hold `count`."""
    return -(-count // size)


def round_up(count: int, multiple: int) -> int:
    """The smallest multiple that is at least `count`."""
    return ceil_div(count, multiple) * multiple


def round_up_to_few(count: int, multiple: int) -> int:
    """The smallest of few numbers that is at least `count`.

    They are the powers of two up to `multiple`, then its multiples, and from 96 of these on those of ever larger powers
    of two, so that no number is more than a 48th too large that would not be so with `round_up`.

    Args:
        count: At least 1.
        multiple: A power of two; with 1 every number stays what it is.
    """
    if multiple == 1:
        return count
    if count <= multiple:
        return 1 << (count - 1).bit_length()
    return round_up(count, max(multiple, 1 << (count // _STEPS).bit_length() >> 1))
