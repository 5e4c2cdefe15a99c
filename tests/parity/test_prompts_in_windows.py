"""Long documents of models that are asked in a prompt: every part is read, and a passage scores what it says."""

from collections.abc import Callable
from pathlib import Path

import language_models
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from truncation import TRUNCATES

from secondpass import CrossEncoder
from secondpass.options import LongDocuments

QUERY = "When did the wall fall?"
# Sentences of several scripts, many times what the limits below leave room for.
DOCUMENT = " ".join(
    f"{number}. The wall fell in 1989, they say. مرحبا بالعالم hello. 東京都の人口は約1400万人。 Naïve 👩‍👩‍👧‍👦?\r\n"
    for number in range(12)
)
# Names of known prompts, one of each way of being asked, and what stands in for their models.
KNOWN: dict[str, Callable[[Path], Path]] = {
    "Qwen/Qwen3-Reranker-0.6B": language_models.qwen3,
    "mixedbread-ai/mxbai-rerank-base-v2": language_models.qwen2,
    "BAAI/bge-reranker-v2-gemma": language_models.gemma,
    "ContextualAI/ctxl-rerank-v2-instruct-multilingual-1b": language_models.qwen3,
}
TEMPLATES = {
    "document last": language_models.DOCUMENT_LAST,
    "query last": language_models.QUERY_LAST,
    "nothing behind": language_models.NOTHING_BEHIND,
}


@pytest.fixture(params=[*KNOWN, *TEMPLATES])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name: str = request.param
    if name in KNOWN:
        return KNOWN[name](tmp_path / name)
    base = language_models.with_template(language_models.qwen3(tmp_path / "base"), TEMPLATES[name])
    return language_models.logit_score(base, tmp_path / "reranker")


def _limit(folder: Path, room: int) -> int:
    """Tokens of a prompt that leaves this room for the two texts."""
    (tokens,) = CrossEncoder(folder)._reader.tokenize([("", "")]).lengths
    return int(tokens) + room


@pytest.mark.parametrize("query", [QUERY, QUERY * 40], ids=["short query", "long query"])
@TRUNCATES
def test_all_of_a_document_is_read(folder: Path, query: str) -> None:
    model = CrossEncoder(folder, max_length=_limit(folder, 90), long_documents="windows", window_overlap=8)
    windows = model._reader([(query, DOCUMENT)]).windows
    assert windows.counts.tolist() != [1]
    assert not windows.document_truncated.any()
    assert windows.query_truncated.tolist() == [query != QUERY]
    is_read = np.zeros(len(DOCUMENT), bool)
    for start, end in zip(windows.starts, windows.ends, strict=True):
        is_read[start:end] = True
    assert not "".join(np.array(list(DOCUMENT))[~is_read]).strip()


@TRUNCATES
def test_a_passage_scores_what_it_says(folder: Path) -> None:
    for long_documents in ("windows", "truncate"):
        model = CrossEncoder(folder, max_length=_limit(folder, 90), long_documents=long_documents)
        (ranked,) = model.rank(QUERY, [DOCUMENT])
        passage = ranked.passage
        assert passage is not None
        assert 0 <= passage.start < passage.end < len(DOCUMENT)
        assert ranked.truncated is (long_documents == "truncate")
        (score,) = model.score(QUERY, [DOCUMENT[passage.start : passage.end]])
        assert passage.score == pytest.approx(float(score), abs=1e-4)
        assert ranked.score == passage.score


def test_a_long_query_leaves_its_half_to_the_document_wherever_it_is_cut(folder: Path) -> None:
    query = "🚀é東?" * 60  # characters of several tokens each, for most of these tokenizers
    for room in range(80, 92, 2):
        tokenize = CrossEncoder(folder, max_length=_limit(folder, room))._reader.tokenize.for_windows()
        parts = [DOCUMENT[:end] for end in range(0, 200, 10)]
        n_tokens = tokenize.tokenize(parts).lengths
        fitted = tokenize.fit([(query, part) for part in parts])
        assert fitted.query_excess.all()
        assert not fitted.document_excess[n_tokens <= tokenize.least_room].any()
        assert fitted.tokens.lengths.max() <= tokenize.max_length


@pytest.mark.parametrize("long_documents", ["windows", "truncate"])
@TRUNCATES
def test_passages_beside_a_long_query(folder: Path, long_documents: LongDocuments) -> None:
    model = CrossEncoder(folder, max_length=_limit(folder, 90), long_documents=long_documents)
    passages = model.passages(QUERY * 40, DOCUMENT, max_tokens=20)
    assert len(passages) < len(DOCUMENT) // 10
    read = "".join(DOCUMENT[part.start : part.end] for part in sorted(passages, key=lambda part: part.start))
    assert "".join(read.split()) == "".join(DOCUMENT.split())


def test_a_document_that_fits_scores_the_same(folder: Path) -> None:
    pairs = [(QUERY, "It fell in 1989."), (QUERY, ""), ("", "")]
    expected = CrossEncoder(folder).predict(pairs)
    np.testing.assert_array_equal(CrossEncoder(folder, long_documents="windows").predict(pairs), expected)


# Where texts and prompt meet, tokens merge and part: the whole has fewer or more than its parts have apart.
TEXTS = st.lists(st.sampled_from(["ab", " cde", "  ", "\n", "12", "é.", ",", "the wall ", "1989"]), max_size=30).map(
    "".join
)


def test_what_fits_as_a_whole_is_read_as_it_is_without_windows(folder: Path) -> None:
    tokenize = CrossEncoder(folder, max_length=_limit(folder, 20))._reader.tokenize
    for_windows = tokenize.for_windows()

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(TEXTS, TEXTS), min_size=8, max_size=8))
    def check(pairs: list[tuple[str, str]]) -> None:
        expected = tokenize.fit(pairs)
        fitting = [pairs[i] for i in np.flatnonzero(expected.document_excess + expected.query_excess == 0)]
        read = for_windows.fit(fitting)
        assert not read.query_excess.any()
        assert not read.document_excess.any()
        np.testing.assert_array_equal(read.tokens.ids, tokenize(fitting).ids)

    check()
