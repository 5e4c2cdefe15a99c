"""The parts of the bundled model's recipe that can be checked by hand."""

import importlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, BertModel

from secondpass import CrossEncoder
from secondpass.training import read_config

pytestmark = pytest.mark.source

MINI = Path(__file__).parents[2] / "recipes" / "mini"


@pytest.mark.parametrize("script", sorted(path.stem for path in MINI.glob("*.py")))
def test_every_script_finds_what_it_imports(script: str) -> None:
    importlib.import_module(script)


@pytest.mark.parametrize(("name", "base"), [("first", "runs/graft"), ("mini", "runs/first")])
def test_each_run_is_one_that_training_accepts(name: str, base: str) -> None:
    config = read_config(MINI / f"{name}.toml")
    assert config.folder / config.model.base == MINI / base  # what README.md makes before it
    assert config.run.output == {"first": "runs/first", "mini": "runs/second"}[name]


def test_data_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    build_data = importlib.import_module("build_data")
    path = tmp_path / "lists" / "web.jsonl"
    build_data.write(path, [{"query": "é"}])
    with pytest.raises(UnicodeEncodeError):
        build_data.write(path, [{"query": "a"}, {"query": "\ud800"}])
    assert path.read_text(encoding="utf-8") == '{"query": "é"}\n'
    assert list(path.parent.glob("*.jsonl")) == [path]


@torch.no_grad()
def test_units_that_others_can_stand_in_for_go_without_a_loss() -> None:
    pruning = importlib.import_module("pruning")
    torch.manual_seed(0)
    small = BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
        max_position_embeddings=16,
    )  # fmt: skip
    encoder = BertModel(small).eval()
    for layer in encoder.encoder.layer:
        up, down = layer.intermediate.dense, layer.output.dense
        up.weight[3], up.bias[3] = up.weight[7], up.bias[7]  # a double
        up.weight[9], up.bias[9] = 0.0, 2.0  # a constant, which the bias can be
        down.weight[:, 5] = 0.0  # one that nobody reads
    batch = {
        "input_ids": torch.randint(0, 50, (40, 16)),
        "attention_mask": (torch.arange(16) < torch.randint(4, 17, (40, 1))).long(),
    }
    real = batch["attention_mask"].bool()
    before = encoder(**batch).last_hidden_state[real]
    pruning.prune(encoder, batch, size=11, spare=2)
    assert [layer.intermediate.dense.out_features for layer in encoder.encoder.layer] == [11, 11]
    assert encoder.config.intermediate_size == 11
    torch.testing.assert_close(encoder(**batch).last_hidden_state[real], before, atol=1e-4, rtol=0)


def test_a_term_gets_what_bm25_gives_it() -> None:
    """With idf 2 for term 5, k1 = 0.9 and b = 0.4: tf 2 in 4 tokens where 8 are usual is 2 * 2 / (2 + 0.9 * 0.8)."""
    matching = importlib.import_module("matching")
    terms = matching.Terms(term=torch.arange(10), idf=torch.where(torch.arange(10) < 3, 0.0, 2.0), mean_length=8.0)
    batch = {
        "input_ids": torch.tensor([[1, 5, 6, 2, 5, 7, 5, 8, 2, 0]]),  # [CLS] 5 6 [SEP] 5 7 5 8 [SEP] [PAD]
        "token_type_ids": torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1, 1, 0]]),
        "attention_mask": torch.tensor([[1, 1, 1, 1, 1, 1, 1, 1, 1, 0]]),
    }
    expected = torch.zeros(1, 10)
    expected[0, 1] = 4 / 2.72
    torch.testing.assert_close(terms.scores(batch), expected)


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """All parts of the data, with lists of different lengths and texts that are too long."""

    def record(query: str, *documents: str) -> dict[str, object]:
        return {"query": query, "documents": documents, "scores": [float(len(each) % 7) for each in documents]}

    long = "word " * 200
    parts: dict[str, list[dict[str, object]]] = {
        "lists": [record("what is it", "a word", long, "another word"), record(long, "a word", long)],
        "agreement": [record("what is a word", "a word", "it is a word", "nothing")],
        "answers": [{"query": "what is it", "positive": ["a word"], "negative": ["nothing", "it is a word"]}],
    }
    build_data = importlib.import_module("build_data")
    for part, records in parts.items():
        build_data.write(tmp_path / "data" / part / f"{'web-answers' if part == 'answers' else 'web'}.jsonl", records)
    return tmp_path / "data"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A small model with the bundled one's tokenizer."""
    mini = MINI.parents[1] / "core" / "secondpass" / "models" / "mini"
    torch.manual_seed(0)
    small = BertConfig(
        vocab_size=30522, hidden_size=24, num_hidden_layers=3, num_attention_heads=3, intermediate_size=40,
        initializer_range=0.2,
    )  # fmt: skip
    small.num_labels = 1
    folder = tmp_path / "base"
    BertForSequenceClassification(small).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(mini / name, folder / name)
    return folder


def test_packed_lists_are_what_the_tokenizer_makes_of_their_pairs(lists: Path, base: Path, tmp_path: Path) -> None:
    packed_lists, packed_network = (importlib.import_module(name) for name in ("packed_lists", "packed_network"))
    tokenizer = AutoTokenizer.from_pretrained(base)
    data = packed_lists.PackedLists.pack(lists, Tokenizer.from_file(str(base / "tokenizer.json")))
    data.save(tmp_path / "lists.npz")
    data = packed_lists.PackedLists.load(tmp_path / "lists.npz")
    part = data.parts["lists"]
    batch = packed_network.pairs(data.queries, data.passages, part.queries, part.passages, 65)
    records = [json.loads(line) for line in (lists / "lists" / "web.jsonl").read_text().splitlines()]
    pairs = [(record["query"], document) for record in records for document in record["documents"]]
    expected = [tokenizer(*pair, truncation="longest_first", max_length=65) for pair in pairs]
    assert batch.bounds.diff().tolist() == [len(each["input_ids"]) for each in expected]
    assert batch.longest == 65
    assert batch.ids.tolist() == [token for each in expected for token in each["input_ids"]]
    assert batch.types.tolist() == [kind for each in expected for kind in each["token_type_ids"]]
    assert part.scores[0].tolist() == records[0]["scores"]
    assert np.isnan(part.scores[1]).tolist() == [False, False, True]

    model = BertForSequenceClassification.from_pretrained(base).eval()
    scores = packed_network.PackedNetwork(model)(batch)
    scores.square().sum().backward()
    gradients = [None if weights.grad is None else weights.grad.clone() for weights in model.parameters()]
    model.zero_grad()
    padded = tokenizer.pad([dict(each) for each in expected], return_tensors="pt")
    logits = model(**padded).logits[:, 0]
    torch.testing.assert_close(scores, logits, atol=1e-6, rtol=1e-5)
    logits.square().sum().backward()
    for own, weights in zip(gradients, model.parameters(), strict=True):
        assert own is not None
        torch.testing.assert_close(own, weights.grad, atol=1e-5, rtol=1e-4)


def test_following_has_the_loss_of_the_trainer() -> None:
    follow = importlib.import_module("follow")
    teacher, scores = torch.tensor([[1.0, 3.0, -2.0], [0.5, 2.0, 0.0]]), torch.tensor([0.3, 1.0, 2.0, -1.0, 4.0])
    found = torch.tensor([[True, True, True], [True, True, False]])
    expected = 0.0
    for wanted, given in ((teacher[0], scores[:3]), (teacher[1, :2], scores[3:])):
        p, q = (wanted / 2).softmax(0), (given / 2).softmax(0)
        expected += float(4 * (p * (p / q).log()).sum()) / 2
    assert float(follow.divergence(scores, found, teacher)) == pytest.approx(expected, rel=1e-5)


def test_following_learns_the_teachers_order_and_leaves_a_checkpoint(
    lists: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed_lists, follow = (importlib.import_module(name) for name in ("packed_lists", "follow"))
    packed = tmp_path / "lists.npz"
    packed_lists.PackedLists.pack(lists, Tokenizer.from_file(str(base / "tokenizer.json"))).save(packed)
    monkeypatch.setattr(follow, "LISTS_PER_STEP", 2)
    arguments = ["--steps", "120", "--rate", "3e-3", "--freeze", "embeddings", "--looks", "4"]
    monkeypatch.setattr(sys, "argv", ["follow.py", str(packed), str(base), str(tmp_path / "out"), *arguments])
    follow.main()
    course = [json.loads(line) for line in (tmp_path / "out" / "held_out.jsonl").read_text().splitlines()]
    assert [each["step"] for each in course] == [0, 30, 60, 90, 120]
    assert course[-1]["loss"] < 0.1 * course[1]["loss"]
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert not any("embeddings" in name for name in changed)
    assert CrossEncoder(tmp_path / "out", device="cpu").score("what is it", ["a word"]).shape == (1,)


@pytest.mark.parametrize(
    ("step", "minutes", "rate"),
    [(0, 0.0, 0.1), (4, 0.5, 0.5), (10, 0.0, 1.0), (105, 1.0, 0.5), (50, 7.15, 0.3), (200, 0.0, 0.0), (9, 10.0, 0.0)],
)
def test_the_rate_falls_with_steps_or_time(step: int, minutes: float, rate: float) -> None:
    """Of 200 steps in ten minutes, a twentieth of it warm-up; the rest falls by 1 in the other 0.95."""
    follow = importlib.import_module("follow")
    plan = follow.Plan(200, 10.0, 1.0, 1)
    assert plan.rate_at(step, plan.done(step, minutes)) == pytest.approx(rate)
