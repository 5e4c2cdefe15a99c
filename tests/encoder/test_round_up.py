"""Counts rounded up to few numbers."""

from hypothesis import given
from hypothesis import strategies as st

from secondpass.encoder.round_up import round_up, round_up_to_few


@given(st.integers(1, 100_000), st.sampled_from([2, 8, 32]))
def test_a_number_is_little_larger_than_the_count_and_rounded_is_what_it_was(count: int, multiple: int) -> None:
    number = round_up_to_few(count, multiple)
    assert number >= count
    assert round_up_to_few(number, multiple) == number
    if count <= multiple:
        assert number < 2 * count
        assert number.bit_count() == 1
    else:
        assert number % multiple == 0
        assert number < max(round_up(count, multiple) + 1, count * (1 + 1 / 48))


def test_numbers_are_few() -> None:
    """1 to 32 in powers of two, and on to 3,072 by 32, to 6,144 by 64, to 8,192 by 128."""
    numbers = {round_up_to_few(count, 32) for count in range(1, 8193)}
    assert numbers == {1, 2, 4, 8, 16, *range(32, 3072, 32), *range(3072, 6144, 64), *range(6144, 8193, 128)}


@given(st.integers(1, 100_000))
def test_one_stands_for_no_rounding(count: int) -> None:
    assert round_up_to_few(count, 1) == count
