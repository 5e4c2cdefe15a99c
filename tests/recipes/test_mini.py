"""The parts of the bundled model's recipe that can be checked by hand."""

import importlib
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

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
