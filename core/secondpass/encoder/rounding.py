"""Division and rounding of counts, upwards."""


def ceil_div(count: int, size: int) -> int:
    """How many parts of at most `size` hold `count`."""
    return -(-count // size)


def round_up(count: int, multiple: int) -> int:
    """The smallest multiple that is at least `count`."""
    return ceil_div(count, multiple) * multiple
