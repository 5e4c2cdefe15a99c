"""What the recipe's tests share."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

MINI = Path(__file__).parents[2] / "recipes" / "mini"


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The scripts can be imported by their bare names, here and nowhere else."""
    monkeypatch.syspath_prepend(MINI)
    yield
    for path in MINI.glob("*.py"):
        sys.modules.pop(path.stem, None)


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
