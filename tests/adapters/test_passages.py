"""From the characters that a model read to those of a document's own text."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass import Passage
from secondpass.adapters.passages import own_passage, passage_metadata, passage_text

TEXT = "Tides. The moon pulls."


@pytest.mark.parametrize(
    ("passage", "start", "expected"),
    [
        (None, 0, None),
        (Passage(7, 21, 1.5), 0, (7, 21)),
        (Passage(17, 31, 1.5), 10, (7, 21)),
        # Metadata that is read together with the text: its characters are not the text's.
        (Passage(4, 16, 1.5), 10, (0, 6)),
        (Passage(0, 10, 1.5), 10, None),
        (Passage(0, 9, 1.5), 10, None),
        # The whole text, all that is read of it or all but the white space ahead of it, is not worth pointing at.
        (Passage(0, 22, 1.5), 0, None),
        (Passage(3, 32, 1.5), 10, None),
        # And what is behind the text is not the text's either.
        (Passage(7, 99, 1.5), 0, (7, 22)),
    ],
)
def test_a_passage_moves_to_the_own_text(passage: Passage | None, start: int, expected: tuple[int, int] | None) -> None:
    own = own_passage(passage, TEXT, start)
    assert (None if own is None else (own.start, own.end)) == expected
    assert own is None or own.score == 1.5


def test_white_space_that_is_not_read_is_not_missed() -> None:
    text = f"\n\n {TEXT} \n"
    assert own_passage(Passage(0, len(TEXT), 1.0), text, -3) is None
    first = own_passage(Passage(0, 6, 1.0), text, -3)
    assert first is not None
    assert passage_text(first, text) == "Tides."


@given(
    prefix=st.text(max_size=8),
    text=st.text(max_size=20),
    suffix=st.text(max_size=4),
    ends=st.tuples(*[st.integers(0, 32)] * 2),
)
def test_what_is_pointed_at_was_read(prefix: str, text: str, suffix: str, ends: tuple[int, int]) -> None:
    read = prefix + text + suffix
    start, end = sorted(min(place, len(read)) for place in ends)
    own = own_passage(Passage(start, end, 0.0), text, len(prefix))
    if own is not None:
        assert 0 <= own.start < own.end <= len(text)
        assert passage_text(own, text) in read[start:end]
        assert passage_text(own, text).strip() != text.strip()


def test_metadata_is_plain_numbers() -> None:
    metadata = passage_metadata(Passage(np.int64(3), np.int64(9), np.float32(0.5)))  # type: ignore[arg-type] # another's
    assert json.loads(json.dumps(metadata)) == {"start": 3, "end": 9, "score": 0.5}
