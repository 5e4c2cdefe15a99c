"""The parts of the bundled model's recipe that can be checked by hand."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, BertModel

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


def test_packed_pairs_are_what_the_tokenizer_makes_of_them(base: Path) -> None:
    ragged, packed_network = (importlib.import_module(name) for name in ("ragged", "packed_network"))
    tokenizer = AutoTokenizer.from_pretrained(base)
    raw = Tokenizer.from_file(str(base / "tokenizer.json"))
    long = "word " * 200
    queries, passages = ["what is it", long], ["a word", long, "another word"]
    found = np.array([[0, 1, 2], [2, 1, packed_network.NONE]])
    texts = (ragged.tokenised(each, raw) for each in (queries, passages))
    batch = packed_network.pairs(*texts, np.arange(2), found, 65)
    pairs = [(queries[row], passages[place]) for row, each in enumerate(found) for place in each if place >= 0]
    expected = [tokenizer(*pair, truncation="longest_first", max_length=65) for pair in pairs]
    assert batch.bounds.diff().tolist() == [len(each["input_ids"]) for each in expected]
    assert batch.longest == 65
    assert batch.ids.tolist() == [token for each in expected for token in each["input_ids"]]
    assert batch.types.tolist() == [kind for each in expected for kind in each["token_type_ids"]]

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


@pytest.mark.parametrize(
    ("step", "minutes", "rate"),
    [(0, 0.0, 0.1), (4, 0.5, 0.5), (10, 0.0, 1.0), (105, 1.0, 0.5), (50, 7.15, 0.3), (200, 0.0, 0.0), (9, 10.0, 0.0)],
)
def test_the_rate_falls_with_steps_or_time(step: int, minutes: float, rate: float) -> None:
    """Of 200 steps in ten minutes, a twentieth of it warm-up; the rest falls by 1 in the other 0.95."""
    follow = importlib.import_module("follow")
    plan = follow.Plan(200, 10.0, 1.0, 1)
    assert plan.rate_at(step, plan.done(step, minutes)) == pytest.approx(rate)
