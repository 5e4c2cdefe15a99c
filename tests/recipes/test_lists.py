"""How the second edition's lists are drawn and scored."""

import importlib
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import checkpoints
import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

pytestmark = pytest.mark.source


@pytest.fixture
def build_lists() -> ModuleType:
    return importlib.import_module("build_lists")


def _pool(build_lists: ModuleType, texts: list[str], sources: dict[str, list[int]]) -> object:
    encoded = importlib.import_module("encode").Encoded(np.zeros((len(texts), 1), np.float32), None)
    return build_lists.Pool(texts, sources, encoded, None)


def _found(build_lists: ModuleType, lexical: list[int], dense: list[int], teacher: list[float]) -> object:
    return build_lists.Found(np.array(lexical), np.array(dense), np.array(teacher, np.float32))


def test_a_term_weighs_the_log_of_its_largest_logit_over_the_tokens() -> None:
    """log(1 + 3), then log(1 + relu(-1)) = 0, then log(1 + 0.5)."""
    splade = importlib.import_module("splade")
    logits = torch.tensor([[1.0, -2.0, 0.5], [3.0, -1.0, -4.0]])
    torch.testing.assert_close(splade.term_weights(logits), torch.tensor([4.0, 1.0, 1.5]).log())


def test_a_list_is_eight_of_bm25s_hundred_four_of_the_teachers_best_of_these_and_four_of_the_bi_encoders(
    build_lists: ModuleType,
) -> None:
    lexical, dense = list(range(100)), list(range(50, 150))
    found = _found(build_lists, lexical, dense, [float(index) for index in range(150)])  # the teacher's best is 99
    for seed in range(20):
        drawn = build_lists.draw(found, np.random.default_rng(seed), [])
        assert len(set(drawn)) == len(drawn) == 16
        assert set(drawn[:8]) <= set(lexical)
        assert set(drawn[8:12]) <= set(range(80, 100))
        assert set(drawn[12:]) <= set(range(50, 100))  # the first fifty


def test_passages_to_leave_out_are_not_drawn(build_lists: ModuleType) -> None:
    found = _found(build_lists, list(range(12)), list(range(12)), [0.0] * 12)
    drawn = build_lists.draw(found, np.random.default_rng(0), [0, 1, 2, 3, 4])
    assert sorted(drawn) == list(range(5, 12))


def test_a_known_answer_is_lifted_above_the_others_and_its_document_has_no_other_passage_in_the_list(
    build_lists: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_lists, "LABELLED", 1.0)
    texts = [f"passage {index}" for index in range(100)]
    pool = _pool(build_lists, texts, {"a": [3, 4]})
    teacher = [10.0] * 100
    teacher[4] = 11.0  # of the two passages of the document the better one
    found = _found(build_lists, list(range(100)), list(range(100)), teacher)
    query = build_lists.Query("question", "a")
    record = build_lists.scored(query, pool, found, np.random.default_rng(0))
    assert record["documents"][-1] == "passage 4"
    assert "passage 3" not in record["documents"]
    # 0.59 * 10 = 5.9 for the others, 1.5 more for the answer: 0.59 * 11 = 6.49 would not be enough.
    assert record["scores"] == [5.9] * 15 + [7.4]


def test_an_answer_that_the_teacher_likes_keeps_its_score(
    build_lists: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_lists, "LABELLED", 1.0)
    pool = _pool(build_lists, ["text"] * 100, {"a": [0]})
    found = _found(build_lists, list(range(100)), list(range(100)), [20.0] + [10.0] * 99)
    record = build_lists.scored(build_lists.Query("question", "a"), pool, found, np.random.default_rng(0))
    assert record["scores"][-1] == 11.8  # 0.59 * 20


def test_the_same_questions_are_held_out_as_for_the_first_edition(
    build_lists: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`build_data` draws the titles of its pool, then the questions; both from the generator that built the domain."""
    build_data = importlib.import_module("build_data")
    corpora = importlib.import_module("corpora")
    passages = [corpora.Passage(f"d{index}", "title", "some text of a passage") for index in range(300)]
    queries = [corpora.Query(f"question {index}", f"d{index}") for index in range(300)]
    queries += [corpora.Query("keywords", None, kind="keywords"), corpora.Query("of no passage", "d999")]
    domain = corpora.Domain("web", passages, queries)
    encoder = SimpleNamespace(encode=lambda texts, **_: torch.nn.functional.normalize(torch.ones(len(texts), 4), dim=1))
    monkeypatch.setattr(build_data, "record", lambda *_: {})  # lists are not looked at here
    parts = build_data.build(domain, encoder, np.random.default_rng(5))
    held_out = build_lists.held_out(domain, np.random.default_rng(5))
    assert len(held_out) == 60
    assert sorted(query.text for query in held_out) == sorted(line["query"] for line in parts["heldout"])


def _encoder(folder: Path, seed: int) -> Path:
    """A masked language model, which is read as either of the two encoders."""
    tokenizer = checkpoints.wordpiece()
    model = BertForMaskedLM(BertConfig(**checkpoints.SMALL, vocab_size=len(tokenizer)))
    checkpoints.randomise(model, seed)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_what_was_encoded_before_is_read_from_the_cache(tmp_path: Path) -> None:
    """No encoder gives these numbers: only a cache can."""
    encode = importlib.import_module("encode")
    scipy_sparse = importlib.import_module("scipy.sparse")
    folder, cache = _encoder(tmp_path / "encoder", 0), tmp_path / "cache"
    encode.Encoders(folder, folder, cache).encode(["one", "two"])
    (dense,), (sparse,) = cache.glob("*.npy"), cache.glob("*.npz")
    np.save(dense, np.ones((2, 3), np.float32))
    scipy_sparse.save_npz(sparse, scipy_sparse.csr_matrix([[0, 1.5], [2.5, 0]]))
    encoded = encode.Encoders(folder, folder, cache).encode(["one", "two"])
    np.testing.assert_array_equal(encoded.dense, np.ones((2, 3)))
    np.testing.assert_array_equal(encoded.sparse.toarray(), [[0, 1.5], [2.5, 0]])
    joined = encode.Encoded.join([encoded, encoded])
    assert joined.dense.shape == (4, 3)
    np.testing.assert_array_equal(joined.sparse.toarray()[2], [0, 1.5])


def test_what_one_encoder_made_is_not_taken_for_another_s(tmp_path: Path) -> None:
    encode = importlib.import_module("encode")
    texts = ["the berlin wall", "a cat sleeps"]
    first, second = (_encoder(tmp_path / f"encoder {seed}", seed) for seed in (1, 2))
    cache = tmp_path / "cache"
    before = encode.Encoders(first, first, cache).encode(texts)
    files = set(cache.iterdir())
    other_dense = encode.Encoders(second, first, cache).encode(texts)
    other_sparse = encode.Encoders(first, second, cache).encode(texts)
    assert len(set(cache.iterdir()) - files) == 2  # what is new for each of the two
    assert np.abs(other_dense.dense - before.dense).max() > 0.01
    assert abs(other_sparse.sparse - before.sparse).max() > 0.01
    np.testing.assert_array_equal(other_sparse.dense, before.dense)
    assert (other_dense.sparse != before.sparse).nnz == 0
    first.rename(tmp_path / "elsewhere")  # its files are what counts, not where they lie
    encode.Encoders(tmp_path / "elsewhere", tmp_path / "elsewhere", cache).encode(texts)
    assert len(set(cache.iterdir()) - files) == 2


@pytest.mark.usefixtures("build_lists")
def test_the_teacher_scores_what_was_found_and_the_document_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 x cosine + share x product + 5 x BM25 over the best, by hand; everything else is not looked at."""
    pools = importlib.import_module("pools")
    corpora, encode = importlib.import_module("corpora"), importlib.import_module("encode")
    csr_matrix = importlib.import_module("scipy.sparse").csr_matrix
    monkeypatch.setattr(pools, "DEPTH", 2)
    texts = ["red apple", "green apple pie", "blue car", "old house", "a red car"]
    dense = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0], [0.8, 0.6]], np.float32)
    sparse = csr_matrix(np.array([[2, 0], [1, 1], [0, 3], [5, 5], [1, 0]], np.float32))

    def encoded_as(_: object, wanted: list[str]) -> object:
        rows = [texts.index(text) for text in wanted]
        return encode.Encoded(dense[rows], sparse[rows])

    passages = [corpora.Passage(f"d{index}", "", text) for index, text in enumerate([*texts, texts[0]])]
    pool = pools.Pool.build([corpora.Domain("web", passages, [])], SimpleNamespace(encode=partial(encoded_as, None)))
    assert pool.texts == texts
    assert pool.sources["d5"] == [0]  # a passage that was there already
    query = corpora.Query("apple", "d3")
    asked = encode.Encoded(np.array([[0, 1]], np.float32), csr_matrix(np.array([[0.0, 2.0]], np.float32)))
    (found,) = pool.search([query], asked, 0.5)
    assert found.lexical.tolist() == [0, 1]  # the shorter of the two that hold the word
    assert found.dense.tolist() == [2, 1]
    bm25 = pool.index.get_scores(["appl"])
    expected = [5.0, 20 * 0.8 + 0.5 * 2 + 5 * bm25[1] / bm25[0], 20 + 0.5 * 6, 0.5 * 10, np.nan]
    np.testing.assert_allclose(found.teacher, expected, rtol=1e-6)
    assert found.reranked.tolist() == [1, 0]


def test_made_up_questions_are_openings_before_a_passages_words_or_title() -> None:
    asked = importlib.import_module("asked")
    corpora = importlib.import_module("corpora")
    passages = [corpora.Passage("a", "Two Words", "one two three, four five six"), corpora.Passage("b", "", "short")]
    queries = asked.asked(passages, 400, np.random.default_rng(0))
    assert 0 < len(queries) < 400  # the short passage has nothing to ask about
    words = ["one", "two", "three", "four", "five", "six"]
    spans = {" ".join(words[first:last]) for first in range(6) for last in range(first + 1, min(first + 5, 7))}
    for query in queries:
        assert query.gold is None
        opening = next(o for o in sorted(asked.OPENINGS, key=len, reverse=True) if query.text.startswith(o))
        assert query.text[len(opening) :].strip() in spans | {"two words"}
    assert any("two words" in query.text for query in queries)


def test_each_query_is_learned_from_before_any_is_again(build_lists: ModuleType) -> None:
    queries = [build_lists.Query(f"q{index}", None) for index in range(10)]
    for count, times in ((4, {0, 1}), (10, {1}), (25, {2, 3})):
        drawn = [query.text for query in build_lists.sample(queries, count, np.random.default_rng(0))]
        assert len(drawn) == count
        assert {drawn.count(query.text) for query in queries} == times
