"""Which tokens of a pair stay."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from secondpass.tokenization.truncation import longest_first


@given(st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 1000))
def test_truncating_keeps_what_fits_and_never_more(n_first: int, n_second: int, room: int) -> None:
    first, second = (int(kept[0]) for kept in longest_first(np.array([n_first]), np.array([n_second]), room))
    assert 0 <= first <= n_first
    assert 0 <= second <= n_second
    assert first + second == min(room, n_first + n_second)
    if n_first <= room // 2 and n_first <= n_second:
        assert first == n_first, "a short query is never truncated"
