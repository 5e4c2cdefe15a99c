"""NaN is that of a pair's number among all of a call, also where it is not in the first block."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from secondpass import CrossEncoder
from secondpass.errors import ScoringError
from secondpass.local.read_block import ReadBlock
from secondpass.ranking import Pair, blocks


def test_nan_in_a_later_block_is_named_by_its_number_in_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    model = CrossEncoder("secondpass/mini")
    read = model._read_blocks

    def spoilt(given: Iterable[Sequence[Pair]]) -> Iterator[ReadBlock]:
        for number, block in enumerate(read(given)):
            scores = block.scores.copy()
            scores[2] = np.nan if number == 1 else scores[2]
            yield replace(block, scores=scores)

    monkeypatch.setattr(blocks, "BLOCK_PAIRS", 4)
    monkeypatch.setattr(model, "_read_blocks", spoilt)
    with pytest.raises(ScoringError, match=r"got NaN for pair 6$"):
        model.score("query", list("abcdefgh"))
