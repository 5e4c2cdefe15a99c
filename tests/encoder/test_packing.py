"""Where pairs lie in the packed matrix."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from random_backbones import CPU

from secondpass.encoder.packing import pack
from secondpass.encoder.round_up import round_up_to_few


@given(st.lists(st.integers(1, 60), min_size=1, max_size=20), st.sampled_from([1, 16]))
def test_padding_rows_take_any_rounded_up_read_and_row_numbers_are_few(lengths: list[int], multiple: int) -> None:
    packing = pack(lengths, replace(CPU, key_multiple=multiple))
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    assert packing.n_pairs == len(lengths)
    assert packing.read_rows[: packing.n_pairs].tolist() == starts
    assert len(packing.read_rows) == round_up_to_few(len(lengths), 32)
    assert packing.read_rows.max() < packing.n_tokens
    assert packing.n_tokens == sum(lengths)
    ends = [start + packing.n_keys_read(length) for start, length in zip(starts, lengths, strict=True)]
    assert max(*ends, packing.n_tokens) <= packing.n_rows
    assert packing.n_rows == round_up_to_few(packing.n_tokens + multiple - 1, 32)
    lasts = pack(lengths, replace(CPU, key_multiple=multiple), reads_last=True).read_rows
    assert lasts[: packing.n_pairs].tolist() == [
        start + length - 1 for start, length in zip(starts, lengths, strict=True)
    ]
    assert len(lasts) == len(packing.read_rows)
    expected = [position for length in lengths for position in range(length)]
    assert packing.positions.tolist() == expected + [0] * (packing.n_rows - packing.n_tokens)
