"""The third edition's way from corpora to a checkpoint, on toys: gathered, searched, drawn, learned from."""

import importlib
import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import bm25s
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel

from secondpass import CrossEncoder

pytestmark = pytest.mark.source

MINI = Path(__file__).parents[2] / "core" / "secondpass" / "models" / "mini"
N_PAPERS = 130
SUBJECTS = ("aspirin", "insulin", "statins", "zinc", "exercise", "surgery", "caffeine", "vaccines", "sleep", "diet")
EFFECTS = ("pain", "blood pressure", "infection", "memory", "weight", "bleeding", "mood", "growth", "healing", "vision")


def scripts(*names: str) -> list[ModuleType]:
    return [importlib.import_module(name) for name in names]


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(MINI / "tokenizer.json"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A hundred and thirty papers in PubMedQA's form."""
    papers = {}
    for number in range(N_PAPERS):
        subject, effect = SUBJECTS[number % 10], EFFECTS[number // 10 % 10]
        papers[str(number)] = {
            "QUESTION": f"Does {subject} change {effect} in group {number}?",
            "CONTEXTS": [
                f"Group {number} of patients was given {subject} for a year.",
                f"We measured {effect} weekly.",
            ],
            "LONG_ANSWER": f"In group {number} {subject} had an effect on {effect}.",
        }
    (tmp_path / "data" / "pubmedqa").mkdir(parents=True)
    (tmp_path / "data" / "pubmedqa" / "ori_pqal.json").write_text(json.dumps(papers), encoding="utf-8")
    return tmp_path / "data"


@pytest.fixture
def gathered(data: Path, tokenizer: Tokenizer, tmp_path: Path) -> Any:
    (gather,) = scripts("gather")
    gather.gather(data, tokenizer, ["biomedical"]).save(tmp_path / "gathered.npz")
    return gather.Gathered.load(tmp_path / "gathered.npz")


@pytest.fixture
def encoders(tmp_path: Path) -> tuple[Path, Path]:
    """Small stand-ins for both encoders, of random weights."""
    torch.manual_seed(0)
    small = BertConfig(
        vocab_size=30522, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
        initializer_range=0.2,
    )  # fmt: skip
    BertModel(small).save_pretrained(tmp_path / "encoder")
    BertForMaskedLM(small).save_pretrained(tmp_path / "splade")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "splade" / name).write_bytes((MINI / name).read_bytes())
    return tmp_path / "encoder", tmp_path / "splade"


def texts_of(texts: Any, tokenizer: Tokenizer) -> list[str]:
    ends = texts.bounds
    return [tokenizer.decode(texts.values[a:b].tolist()) for a, b in pairwise(ends)]


def test_what_is_gathered_is_what_the_corpora_hold(gathered: Any, tokenizer: Tokenizer) -> None:
    passages, queries = texts_of(gathered.passages, tokenizer), texts_of(gathered.queries, tokenizer)
    assert len(passages) == N_PAPERS
    assert gathered.held_out.sum() == 60
    held = [queries[row] for row in np.flatnonzero(gathered.held_out)]
    assert all(text.startswith("does ") for text in held)
    for row, query in enumerate(queries):
        for answer in gathered.answers[row].tolist():
            number = query.rstrip("?. ").split("group ")[1].split()[0]
            assert f"group {number} of" in passages[answer]
            assert gathered.siblings[row].tolist() == [answer]
    assert sum(len(gathered.answers[row]) for row in range(len(queries))) == 60 + 2 * (N_PAPERS - 60)
    # Nobody learns from a question that is held out, nor from another about its paper.
    reserved = {int(gathered.answers[row][0]) for row in np.flatnonzero(gathered.held_out)}
    learned = [int(place) for row in np.flatnonzero(~gathered.held_out) for place in gathered.answers[row]]
    assert learned
    assert not reserved & set(learned)


def test_searching_gives_what_each_part_of_the_teacher_gives_alone(
    gathered: Any,
    encoders: tuple[Path, Path],
    tokenizer: Tokenizer,
    data: Path,
) -> None:
    search, splade, teacher, build_lists = scripts("search", "splade", "teacher", "build_lists")
    ragged, corpora = scripts("ragged", "corpora")
    few = np.r_[np.flatnonzero(gathered.held_out)[:5], np.flatnonzero(~gathered.held_out)[-5:]]
    queries = [texts_of(gathered.queries, tokenizer)[row] for row in few]
    chosen = replace(
        gathered,
        queries=ragged.tokenised(queries, tokenizer),
        query_terms=ragged.Ragged.of([gathered.query_terms[row].tolist() for row in few]),
        answers=ragged.Ragged.of([gathered.answers[row].tolist() for row in few]),
        domains=gathered.domains[few],
    )
    encoder, sparse = search.load_encoders(*encoders, torch.device("cpu"))
    found = search.search(chosen, encoder, sparse)

    passages = [passage.text for passage in corpora.biomedical(data, np.random.default_rng(13)).passages]
    weigher = splade.SparseEncoder(encoders[1])
    products = (weigher.encode(queries) @ weigher.encode(passages).T).toarray()

    def embedded(texts: list[str]) -> torch.Tensor:
        states = []
        for text in texts:
            ids = torch.tensor([tokenizer.encode(text).ids])
            with torch.no_grad():
                states.append(encoder(ids).last_hidden_state[0].mean(dim=0))
        return torch.nn.functional.normalize(torch.stack(states))

    cosines = (embedded(queries) @ embedded(passages).T).numpy()
    index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    stems = importlib.import_module("pools")._terms
    index.index(stems(passages), show_progress=False)
    bm25 = np.stack([index.get_scores(terms) for terms in stems(queries)])
    expected = build_lists.SPREAD * (
        teacher.COSINE_SCALE * cosines
        + 0.25 * products
        + teacher.BM25_WEIGHT * bm25 / np.maximum(bm25.max(axis=1, keepdims=True), 1e-6)
    )
    np.testing.assert_allclose(found.scores, np.take_along_axis(expected, found.passages, axis=1), atol=2e-3, rtol=1e-4)
    lexical, dense = found.passages[:, :100], found.passages[:, 100:]
    np.testing.assert_allclose(np.take_along_axis(bm25, lexical, axis=1), -np.sort(-bm25, axis=1)[:, :100], atol=1e-4)
    best = -np.sort(-cosines, axis=1)[:, :100]
    np.testing.assert_allclose(np.take_along_axis(cosines, dense, axis=1), best, atol=1e-5)
    known = found.answers != -1
    assert known[:5].all()
    np.testing.assert_allclose(
        found.answer_scores[known], expected[np.flatnonzero(known), found.answers[known]], atol=2e-3, rtol=1e-4
    )


@pytest.fixture
def candidates(gathered: Any) -> Any:
    """Made up: BM25 and the bi-encoder find the same passages but for a few, in other orders."""
    (search,) = scripts("search")
    rng = np.random.default_rng(0)
    orders = np.stack([rng.permutation(N_PAPERS) for _ in gathered.domains])
    teacher = rng.normal(size=orders.shape).astype(np.float32)
    found = np.concatenate([orders[:, :100], orders[:, ::-1][:, :100]], axis=1)
    answers = np.array([each[0] if len(each) else -1 for each in (gathered.answers[i] for i in range(len(orders)))])
    return search.Candidates(
        found.astype(np.int32),
        np.take_along_axis(teacher, found, axis=1),
        answers,
        np.take_along_axis(teacher, answers.clip(0)[:, None], axis=1)[:, 0],
    )


def test_lists_hold_different_passages_that_were_found(gathered: Any, candidates: Any) -> None:
    (lists,) = scripts("lists")
    queries = np.arange(len(gathered.domains))
    drawn = lists.draw(gathered, candidates, queries, np.random.default_rng(1))
    assert drawn.passages.shape == (len(queries), 16)
    n_lifted = 0
    for query, passages, scores in zip(queries, drawn.passages.tolist(), drawn.scores.tolist(), strict=True):
        assert len(set(passages)) == 16
        known = dict(zip(candidates.passages[query].tolist(), candidates.scores[query].tolist(), strict=True))
        answer = int(candidates.answers[query])
        lifted = answer == passages[-1] and scores[-1] != known.get(answer)
        n_lifted += lifted
        if lifted:
            assert scores[-1] == pytest.approx(max(scores[:-1]) + 1.5) or scores[-1] >= max(scores[:-1]) + 1.5
        rest = list(zip(passages, scores, strict=True))[: -1 if lifted else 16]
        assert all(known[passage] == pytest.approx(score) for passage, score in rest)
        # Eight of BM25's, four of the best twenty of these by the teacher, four of the bi-encoder's best fifty.
        lexical, dense = candidates.passages[query, :100].tolist(), candidates.passages[query, 100:150].tolist()
        best = sorted(lexical, key=known.__getitem__, reverse=True)[:20]
        assert set(passages[:8]) <= set(lexical)
        assert set(passages[8:12]) <= set(best)
        assert set(passages[12:15]) <= set(dense)
    n_known = int((candidates.answers != -1).sum())
    assert 0.35 * n_known < n_lifted < 0.6 * n_known


def test_a_held_out_answer_stands_beside_passages_of_other_papers(gathered: Any, candidates: Any) -> None:
    (lists,) = scripts("lists")
    by_teacher, answers = lists.held_out(gathered, candidates, 0)
    assert by_teacher.passages.shape == (60, 50)
    assert not np.isnan(by_teacher.scores).any()
    for query, passages, scores in zip(answers.queries, answers.passages, answers.scores, strict=True):
        assert passages[0] == candidates.answers[query]
        assert passages[0] not in passages[1:]
        assert scores.tolist() == [1.0] + [0.0] * 50


def test_all_queries_of_a_domain_come_before_any_comes_again(gathered: Any) -> None:
    (lists,) = scripts("lists")
    known = np.flatnonzero(~gathered.held_out)
    steps = lists.turns(gathered, 10, np.random.default_rng(0))
    seen = np.concatenate([next(steps) for _ in range(len(known) // 10)])
    assert len(set(seen.tolist())) == len(seen)
    assert set(seen.tolist()) <= set(known.tolist())


def test_following_learns_the_teachers_order(
    gathered: Any,
    candidates: Any,
    base: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a teacher that orders papers by their subjects alone, whatever is asked."""
    (follow,) = scripts("follow")
    known = replace(
        candidates,
        scores=(candidates.passages % 10 - 4.5).astype(np.float32),
        answer_scores=(candidates.answers % 10 - 4.5).astype(np.float32),
    )
    model = BertForSequenceClassification.from_pretrained(base).eval()
    for name, weights in model.named_parameters():
        weights.requires_grad = "embeddings" not in name
    before = follow.figures(follow.PackedNetwork(model), gathered, known, torch.device("cpu"))
    monkeypatch.setattr(follow, "LISTS_PER_STEP", 4)
    looks = list(follow.train(model, gathered, known, torch.device("cpu"), follow.Plan(60, 99.0, 3e-3, 3)))
    assert [each["step"] for each in looks] == [20, 40, 60]
    assert looks[-1]["loss"] < 0.7 * looks[0]["loss"]
    assert looks[-1]["mean tau"] > before["mean tau"] + 0.2


def test_a_run_leaves_a_checkpoint(
    gathered: Any,
    encoders: tuple[Path, Path],
    base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (follow,) = scripts("follow")
    assert len(gathered.passages) == N_PAPERS
    monkeypatch.setattr(follow, "LISTS_PER_STEP", 2)
    folders = [str(path) for path in (tmp_path / "gathered.npz", *encoders, base, tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["follow.py", *folders, "--steps", "2", "--freeze", "embeddings", "--looks", "1"])
    follow.main()
    course = [json.loads(line) for line in (tmp_path / "out" / "held_out.jsonl").read_text().splitlines()]
    assert [each["step"] for each in course] == [0, 2]
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert not any("embeddings" in name for name in changed)
    assert CrossEncoder(tmp_path / "out", device="cpu").score("what is it", ["a word"]).shape == (1,)


def test_sections_of_a_textbook_know_what_they_explain(tmp_path: Path) -> None:
    (textbooks,) = scripts("textbooks")
    words = " ".join(["word"] * 30)
    module = f"""<document xmlns="http://cnx.rice.edu/cnxml"><title>Cells</title><content>
        <para>Too short.</para>
        <section><title>Stem  Cells</title><para>A <term>stem cell</term> divides. {words}<equation>x</equation></para>
        <figure><caption>left out</caption></figure></section>
        <section class="review"><exercise><problem><para>Why do stem cells divide?</para></problem></exercise>
        <exercise><problem><para>Which of the following is a cell?</para></problem></exercise></section>
        </content><glossary><definition><term>Stem cell</term><meaning>one that divides</meaning></definition>
        <definition><term>organ</term><meaning>a part</meaning></definition></glossary></document>"""
    path = tmp_path / "biology" / "modules" / "m1" / "index.cnxml"
    path.parent.mkdir(parents=True)
    path.write_text(module, encoding="utf-8")
    passages, pairs = textbooks.read(tmp_path)
    assert passages == [{"_id": "biology/m1/1", "title": "Cells - Stem Cells", "text": f"A stem cell divides. {words}"}]
    assert [(each["query"], each["pid"], each["kind"]) for each in pairs] == [
        ("Stem cell", "biology/m1/1", "term"),
        ("organ", None, "term"),
        ("Why do stem cells divide?", None, "exercise"),
    ]
