"""How much text is in memory at a time: so much for each device."""

import pytest

from secondpass.ranking import blocks


def test_several_devices_have_larger_blocks_by_pairs_and_by_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_PAIRS", 4)
    monkeypatch.setattr(blocks, "BLOCK_CHARACTERS", 100)
    short, long = [("q", "d")] * 20, [("q" * 10, "d" * 40)] * 12
    for n_devices in (1, 2, 3):
        assert len(next(blocks.blocks_of(short, n_devices))) == 4 * n_devices
        assert [len(block) for block in blocks.blocks_of(long, n_devices)] == [2 * n_devices] * (6 // n_devices)
