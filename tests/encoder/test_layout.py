"""Where pairs lie in the packed matrix."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from secondpass.encoder.layout import lay_out

CPU = torch.device("cpu")


@given(st.lists(st.integers(1, 60), min_size=1, max_size=20), st.sampled_from([1, 16]))
def test_the_margin_takes_any_rounded_up_read_and_row_numbers_are_few(lengths: list[int], multiple: int) -> None:
    layout = lay_out(lengths, multiple=multiple, device=CPU)
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    assert layout.first_rows.tolist() == starts
    assert layout.n_tokens == sum(lengths)
    ends = [start + layout.rounded(length) for start, length in zip(starts, lengths, strict=True)]
    assert max(*ends, layout.n_tokens) <= layout.n_rows
    assert layout.n_rows % 32 == 0
    assert layout.n_rows < layout.n_tokens + multiple + 32
    expected = [place for length in lengths for place in range(length)]
    assert layout.positions.tolist() == expected + [0] * (layout.n_rows - layout.n_tokens)
