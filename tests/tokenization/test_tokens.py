"""Pairs laid end to end: joining and taking move whole spans, and nothing else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from secondpass.tokenization.tokens import Column, PairTokens, Spans, Specials, join

IDS = st.lists(st.integers(min_value=0, max_value=250_000), max_size=12)
TEXTS = st.lists(IDS, min_size=1, max_size=8)


def split(spans: Spans) -> list[list[int]]:
    return [spans.ids[start : start + n].tolist() for start, n in zip(spans.starts, spans.lengths, strict=True)]


def split_pairs(pairs: PairTokens) -> list[tuple[list[int], list[int]]]:
    """Ids and types of each pair."""
    ids, types = (split(Spans.end_to_end(n.astype(np.int32), pairs.lengths)) for n in (pairs.ids, pairs.type_ids))
    return list(zip(ids, types, strict=True))


def pairs_of(texts: list[list[int]]) -> PairTokens:
    """[101] text [102 103], all but the first of type 1."""
    n = len(texts)
    return join([Specials((101,)).column(n), Column(Spans.of(texts), 1), Specials((102, 103), 1).column(n)])


@given(TEXTS, TEXTS, st.data())
def test_spans_are_the_texts_they_were_made_of(
    texts: list[list[int]], more: list[list[int]], data: st.DataObject
) -> None:
    spans = Spans.of(texts)
    assert split(spans) == texts
    assert split(spans.extend(Spans.of(more))) == texts + more
    chosen = data.draw(st.lists(st.sampled_from(range(len(texts))), max_size=10))
    taken = spans.take(np.array(chosen, np.int64))
    assert split(taken) == [texts[i] for i in chosen]
    assert taken.concatenate().tolist() == [token for i in chosen for token in texts[i]]


@given(TEXTS)
def test_parts_stand_side_by_side_in_every_pair(texts: list[list[int]]) -> None:
    assert split_pairs(pairs_of(texts)) == [([101, *text, 102, 103], [0, *([1] * len(text)), 1, 1]) for text in texts]


@given(TEXTS, st.data())
def test_taking_gives_the_asked_pairs_in_the_asked_order(texts: list[list[int]], data: st.DataObject) -> None:
    pairs = pairs_of(texts)
    chosen = data.draw(st.lists(st.sampled_from(range(len(texts))), max_size=10))
    taken = pairs.take(chosen)
    assert split_pairs(taken) == [split_pairs(pairs)[i] for i in chosen]
    assert len(taken) == len(chosen)


def test_taking_copies_and_leaves_the_original() -> None:
    pairs = pairs_of([[5, 6], [7]])
    pairs.take(slice(1)).ids[:] = 0
    np.testing.assert_array_equal(pairs.ids, [101, 5, 6, 102, 103, 101, 7, 102, 103])


@given(st.lists(st.lists(st.integers(0, 2), max_size=6), min_size=1, max_size=8))
def test_trailing_tokens_of_one_kind_are_left_out_but_for_the_first_token(texts: list[list[int]]) -> None:
    pairs = PairTokens(
        np.array([token for text in texts for token in text], np.int32),
        np.array([1 for text in texts for _ in text], np.uint8),
        np.array([len(text) for text in texts], np.int64),
    )
    expected = []
    for text in texts:
        kept = list(text)
        while len(kept) > 1 and kept[-1] == 0:
            kept.pop()
        expected.append((kept, [1] * len(kept)))
    assert split_pairs(pairs.without_trailing(0)) == expected
