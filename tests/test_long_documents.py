"""Documents longer than the model: every token read, where the best part is, and nothing truncated silently."""

import itertools
import tracemalloc
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import checkpoints
import numpy as np
import pytest
from folders import FolderOf
from texts import AWKWARD, LONG
from truncation import TRUNCATES

from secondpass import BiEncoder, CrossEncoder, Passage, RankedDocument
from secondpass.adapters.lazy import LazyCrossEncoder
from secondpass.errors import InputError, InputTypeError, TruncationWarning
from secondpass.local.local_scorer import LocalScorer
from secondpass.options import ModelOptions
from secondpass.ranking import blocks as blocks_of_pairs

MIXED = " ".join([*AWKWARD, "東京都の人口は約1400万人です。" * 12, "e\u0301 👩‍👩‍👧‍👦 \r\n\r\n مرحبا بالعالم؟ " * 12])
DOCUMENTS = [LONG, "the wall fell", MIXED, "", " ", MIXED[::-1], "the wall", LONG, "x" * 500]
QUERY = "when did the berlin wall fall?"

LAYOUTS = ("bert", "roberta", "modernbert", "electra", "bert_cat", "qwen3_reranker")
# Long enough for each layout's prompt, and shorter than its longest document.
MAX_LENGTHS = dict.fromkeys(LAYOUTS, 48) | {"qwen3_reranker": 400}


@pytest.fixture(scope="module")
def load(folder_of: FolderOf, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., LocalScorer]:
    """A small scorer by its layout, or a bi-encoder."""
    base = checkpoints.base_transformer(tmp_path_factory.mktemp("bi-encoder"))

    def load(layout: str, **options: Any) -> LocalScorer:
        if layout == "bi-encoder":
            return BiEncoder(base, **{"max_length": 48} | options)
        return CrossEncoder(folder_of(layout), **{"max_length": MAX_LENGTHS[layout]} | options)

    return load


def check_passages(model: LocalScorer, documents: list[str]) -> list[RankedDocument]:
    """Every document, in the given order, when each passage's characters have been scored alone."""
    ranked = sorted(model.rank(QUERY, documents), key=lambda document: document.index)
    for document in ranked:
        if document.passage is None:
            assert document.text == ""
            continue
        start, end = document.passage.start, document.passage.end
        assert 0 <= start < end <= len(document.text)
        (score,) = model.score(QUERY, [document.text[start:end]])
        assert document.passage.score == pytest.approx(score, abs=1e-4)
    return ranked


@TRUNCATES
@pytest.mark.parametrize("layout", [*LAYOUTS, "bi-encoder"])
def test_a_passage_has_the_score_of_its_characters(layout: str, load: Callable[..., LocalScorer]) -> None:
    truncating, windows = load(layout), load(layout, long_documents="windows")
    truncated, read = check_passages(truncating, DOCUMENTS), check_passages(windows, DOCUMENTS)
    long = [i for i, document in enumerate(truncated) if document.truncated]
    assert {0, 2, 5, 7} <= set(long)
    assert {1, 3, 4, 6}.isdisjoint(long)
    assert not any(document.truncated for document in read)
    for i, document in enumerate(DOCUMENTS):
        if i not in long:
            assert read[i].score == pytest.approx(truncated[i].score, abs=1e-5)
            assert read[i].passage == (Passage(0, len(document), read[i].score) if document else None)
        else:
            assert truncated[i].passage == Passage(0, truncated[i].passage.end, truncated[i].score)  # type: ignore[union-attr]
            assert read[i].score == read[i].passage.score  # type: ignore[union-attr]
    assert read[0].score == read[7].score
    assert any(read[i].passage.start > 0 for i in long)  # type: ignore[union-attr]


@pytest.mark.parametrize("layout", ["bert", "roberta", "qwen3_reranker", "bi-encoder"])
def test_scores_of_documents_that_fit_are_bit_equal(layout: str, load: Callable[..., LocalScorer]) -> None:
    pairs = [(query, text) for query in ("berlin", "the wall") for text in ("the wall fell", "people", "", "東京")] * 3
    np.testing.assert_array_equal(load(layout, long_documents="windows").predict(pairs), load(layout).predict(pairs))


def test_scores_are_aggregated_before_the_activation(load: Callable[..., LocalScorer]) -> None:
    options: dict[str, Any] = {"long_documents": "windows", "activation": "sigmoid", "window_overlap": 0}
    best, three = load("bert", **options), load("bert", window_aggregation="mean-top-3", **options)
    logits = load("bert", activation="identity", long_documents="windows")
    assert isinstance(best, CrossEncoder)
    assert isinstance(three, CrossEncoder)
    windows = best._reader([(QUERY, MIXED)]).windows
    spans = list(zip(windows.starts.tolist(), windows.ends.tolist(), strict=True))
    assert len(spans) > 5
    of_windows = np.sort(logits.score(QUERY, [MIXED[start:end] for start, end in spans]))[::-1]
    (found,) = best.rank(QUERY, [MIXED])
    assert found.score == pytest.approx(1 / (1 + np.exp(-of_windows[0])), abs=1e-5)
    (found,) = three.rank(QUERY, [MIXED])
    assert found.score == pytest.approx(1 / (1 + np.exp(-of_windows[:3].mean())), abs=1e-5)
    assert found.passage is not None
    assert found.passage.score == pytest.approx(1 / (1 + np.exp(-of_windows[0])), abs=1e-5)
    np.testing.assert_allclose(best.logits([(QUERY, MIXED)]), [[of_windows[0]]], atol=1e-5)
    np.testing.assert_allclose(three.logits([(QUERY, MIXED)]), [[of_windows[:3].mean()]], atol=1e-5)


def test_windows_go_through_batches_duplicates_and_devices(load: Callable[..., LocalScorer]) -> None:
    pairs = [(query, document) for query in ("berlin", QUERY) for document in DOCUMENTS] * 2
    whole = load("bert", long_documents="windows")
    expected = [float(whole.score(query, [document])[0]) for query, document in pairs]
    two = load("bert", long_documents="windows", device=["cpu", "cpu"], batch_tokens=128)
    for model in (whole, two):
        np.testing.assert_allclose(model.predict(iter(pairs)), expected, atol=1e-5)
        read = model.read(iter(pairs))
        np.testing.assert_allclose(read.scores, expected, atol=1e-5)
        assert not read.truncated.any()
        alone = [document for pair in pairs for document in model.rank(pair[0], [pair[1]])]
        assert [p and (p.start, p.end) for p in read.passages] == [
            d.passage and (d.passage.start, d.passage.end) for d in alone
        ]


def test_a_document_of_a_million_characters(load: Callable[..., LocalScorer]) -> None:
    """Its two hundred thousand tokens and their windows take little more memory than its own text."""
    model = load("bert", max_length=512, long_documents="windows")
    assert isinstance(model, CrossEncoder)
    document = "wall " * 150_000 + "berlin people of the revolution " + "wall " * 50_000
    tracemalloc.start()
    (found,) = model.rank("berlin", [document])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6
    windows = model._reader([("berlin", document)]).windows
    assert (windows.starts[1:] < windows.ends[:-1]).all(), "each overlaps the next"
    assert np.count_nonzero((windows.starts <= 750_000) & (windows.ends > 750_030)) > 0
    parts = {document[start:end] for start, end in zip(windows.starts, windows.ends, strict=True)}
    assert found.score == pytest.approx(float(model.score("berlin", list(parts)).max()), abs=1e-5)


def test_the_first_truncation_is_warned_of_and_no_other(load: Callable[..., LocalScorer]) -> None:
    model = load("bert")
    expected = '1 of 2 pairs did not fit into 48 tokens and were truncated; long_documents="windows" reads all'
    model.score(QUERY, ["the wall fell"])  # nothing to be warned of
    with pytest.warns(TruncationWarning, match=expected) as caught:
        model.score(QUERY, [LONG, "the wall fell"])
    assert caught[0].filename == __file__
    model.score(QUERY, [LONG])
    model.rank(QUERY, [LONG])


def test_every_call_warns_where_it_is_called(load: Callable[..., LocalScorer]) -> None:
    pairs = [(QUERY, LONG), (QUERY, "")]
    calls: list[Callable[[CrossEncoder], object]] = [
        lambda model: model.rank(QUERY, ["", LONG]),
        lambda model: model.predict(iter(pairs)),
        lambda model: model.logits(pairs),
    ]
    for call in calls:
        model = load("bert")
        assert isinstance(model, CrossEncoder)
        with pytest.warns(TruncationWarning, match="1 of 2 pairs") as caught:
            call(model)
        assert caught[0].filename == __file__


def test_passages_of_a_query_that_is_too_long_warn_where_they_are_asked_for(load: Callable[..., LocalScorer]) -> None:
    with pytest.warns(TruncationWarning, match="of 1 pairs") as caught:
        load("bert").passages(LONG, "the wall fell", max_tokens=8)
    assert caught[0].filename == __file__


def test_threads_that_share_a_scorer_warn_once(load: Callable[..., LocalScorer]) -> None:
    model = load("bert")
    with warnings.catch_warnings(record=True) as caught, ThreadPoolExecutor(8) as pool:
        warnings.simplefilter("always")
        list(pool.map(lambda i: model.score(QUERY, [f"{i} {LONG}"]), range(16)))
    assert [type(warning.message) for warning in caught] == [TruncationWarning]


@pytest.mark.parametrize("before", ["always", "ignore", None])
def test_a_filter_makes_an_error_of_every_call_that_truncates(
    load: Callable[..., LocalScorer], before: Literal["always", "ignore"] | None
) -> None:
    model = load("bert")
    with warnings.catch_warnings(record=True) as caught:
        if before is not None:
            warnings.simplefilter(before)
            model.score(QUERY, [LONG])
        warnings.filterwarnings("error", category=TruncationWarning)
        for call in (model.score, model.rank, model.score):
            with pytest.raises(TruncationWarning, match="1 of 1 pairs did not fit"):
                call(QUERY, [LONG])
        model.score(QUERY, ["the wall fell"])
        warnings.simplefilter("always")
        model.score(QUERY, [LONG])
        model.score(QUERY, [LONG])
    assert len(caught) == (0 if before == "ignore" else 1)


def test_windows_are_warned_of_for_a_query_alone(load: Callable[..., LocalScorer]) -> None:
    model = load("bert", long_documents="windows")
    model.score(QUERY, [LONG])
    with pytest.warns(TruncationWarning, match="1 of 1 pairs have a query that is too long to be read whole"):
        (found,) = model.rank(LONG, [LONG])
    assert found.truncated


def test_who_asks_what_was_read_is_not_warned(load: Callable[..., LocalScorer]) -> None:
    model = load("bert")
    read = model.read([(QUERY, LONG), (QUERY, "the wall"), (LONG, "the wall"), (QUERY, "")])
    assert read.truncated.tolist() == [True, False, True, False]
    (truncated, whole, short, nothing) = read.passages
    assert truncated is not None
    assert (truncated.start, truncated.score) == (0, float(read.scores[0]))
    assert 0 < truncated.end < len(LONG)
    assert whole == Passage(0, 8, float(read.scores[1]))
    assert short == Passage(0, 8, float(read.scores[2]))
    assert nothing is None
    assert len(read) == 4
    assert len(model.read([])) == 0


def test_what_was_read_is_counted_in_tokens(load: Callable[..., LocalScorer], folder_of: FolderOf) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder_of("bert"))
    pairs = [(QUERY, LONG), (QUERY, "the wall"), (QUERY, ""), (QUERY, "the wall")]
    read = load("bert").read(pairs)
    assert read.n_tokens is not None
    expected = tokenizer(pairs, truncation=True, max_length=48).input_ids
    assert read.n_tokens.tolist() == list(map(len, expected))
    in_windows = load("bert", long_documents="windows").read(pairs).n_tokens
    assert in_windows is not None
    assert in_windows[1:].tolist() == read.n_tokens[1:].tolist()
    assert in_windows[0] > len(tokenizer(QUERY, LONG).input_ids), "windows share tokens, and each has the query"
    bi_encoder = load("bi-encoder")
    for of in (bi_encoder.read([(QUERY, "the wall")]), *bi_encoder.read_blocks([(QUERY, "the wall")], passages=False)):
        assert of.n_tokens is not None
        assert of.n_tokens.tolist() == [sum(len(tokenizer(text).input_ids) for text in (QUERY, "the wall"))]


def test_a_stream_is_read_block_by_block_with_or_without_passages(
    load: Callable[..., LocalScorer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks_of_pairs, "BLOCK_PAIRS", 3)
    model = load("bert", long_documents="windows")
    pairs = [(QUERY, text) for text in (LONG, "the wall", "", "berlin", LONG[7:], "a", "b")]
    whole = model.read(pairs)
    blocks = list(model.read_blocks(iter(pairs)))
    assert [len(block) for block in blocks] == [3, 3, 1]
    assert [passage for block in blocks for passage in block.passages] == whole.passages
    bare = list(model.read_blocks(iter(pairs), passages=False))
    assert [block.passages for block in bare] == [[None] * 3, [None] * 3, [None]]
    for found in (blocks, bare):
        np.testing.assert_allclose(np.concatenate([block.scores for block in found]), whole.scores, atol=1e-6)
        assert np.array_equal(np.concatenate([block.truncated for block in found]), whole.truncated)


def test_a_tokenizer_that_truncates_on_the_left_reads_the_end(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    checkpoints.edit_json(folder / "tokenizer_config.json", truncation_side="left")
    model = CrossEncoder(folder, max_length=32)
    document = "people of the year " * 20 + "the berlin wall fell in the revolution"
    read = model.read([(QUERY, document)])
    (passage,) = read.passages
    assert passage is not None
    assert passage.start > 0
    assert passage.end == len(document)
    alone = model.read([(QUERY, document[passage.start :])])
    np.testing.assert_allclose(alone.scores, read.scores, atol=1e-5)


def test_the_best_passages_of_a_document(model: str) -> None:
    scorer = CrossEncoder(model)
    filler = "The weather was mild, and nothing much happened. People went to work, and came home again. "
    answer = "The Berlin Wall fell on 9 November 1989."
    document = filler * 30 + answer + " " + filler * 30
    passages = scorer.passages("When did the Berlin Wall fall?", document, max_tokens=40)
    texts = [document[passage.start : passage.end] for passage in passages]
    assert answer in texts[0]
    assert all(text[0].isupper() and text[-1] == "." for text in texts), "whole sentences"
    assert [p.score for p in passages] == sorted((p.score for p in passages), reverse=True)
    in_order = sorted(passages, key=lambda passage: passage.start)
    assert all(first.end <= second.start for first, second in itertools.pairwise(in_order))
    between = [document[first.end : second.start] for first, second in itertools.pairwise(in_order)]
    assert not "".join(between).strip(), "nothing is left out"
    assert not document[: in_order[0].start].strip()
    assert not document[in_order[-1].end :].strip()
    assert scorer.passages("When did the Berlin Wall fall?", document, max_tokens=40, top_k=2) == passages[:2]
    np.testing.assert_allclose(scorer.score("When did the Berlin Wall fall?", texts[:1]), passages[0].score, atol=1e-5)
    assert scorer.passages("When?", answer) == [Passage(0, len(answer), float(scorer.score("When?", [answer])[0]))]
    assert scorer.passages("When?", " \n") == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"query": None}, InputTypeError, "query must be a string"),
        ({"document": 3}, InputTypeError, "document must be a string, got int 3"),
        ({"max_tokens": 0}, InputError, "max_tokens must be at least 1, got 0"),
        ({"max_tokens": None}, InputTypeError, "max_tokens must be an integer, got NoneType None"),
        ({"top_k": 0}, InputError, "top_k must be at least 1, got 0"),
    ],
)
def test_bad_arguments_of_passages_are_named(
    arguments: dict[str, Any], error: type[Exception], message: str, load: Callable[..., LocalScorer]
) -> None:
    with pytest.raises(error, match=message):
        load("bert").passages(**{"query": "q", "document": "d"} | arguments)


def test_a_fingerprint_changes_with_windows_and_only_then(load: Callable[..., LocalScorer]) -> None:
    for layout in ("bert", "bi-encoder"):
        options: list[dict[str, Any]] = [
            {},
            {"long_documents": "windows"},
            {"long_documents": "windows", "window_overlap": 2},
            {"long_documents": "windows", "window_aggregation": "mean-top-3"},
        ]
        prints = [load(layout, **each).fingerprint() for each in options]
        assert len(set(prints)) == 4
        assert "window" not in prints[0]


def test_an_overlap_without_room_is_refused_when_loading(load: Callable[..., LocalScorer]) -> None:
    with pytest.raises(InputError, match=r"window_overlap must be below 22, .* got 22"):
        load("bert", long_documents="windows", window_overlap=22)  # half of 48 tokens without the three special ones
    load("bert", long_documents="windows", window_overlap=21)


def test_a_lazy_model_says_what_it_read(folder_of: FolderOf) -> None:
    lazy = LazyCrossEncoder(str(folder_of("bert")), ModelOptions(max_length=48, long_documents="windows"))
    read = lazy.read([(QUERY, LONG)])
    assert lazy.load().long_documents == "windows"
    np.testing.assert_array_equal(read.scores, lazy.score(QUERY, [LONG]))
