"""Parts of a model that cannot bear rounding stay in float32, and the scorer says which."""

from collections.abc import Callable
from pathlib import Path

import checkpoints
import pytest
from random_backbones import CPU
from scipy.stats import kendalltau
from sensitive_backbones import SENSITIVE_PART, classifier_of, ordinary_backbone, sensitive_backbone
from texts import SHORT_PAIRS
from transformers import BertModel

from secondpass import CrossEncoder

pytestmark = pytest.mark.skipif(not CPU.int8_products, reason="this CPU has no 8-bit products")


def _checkpoint(folder: Path, make: Callable[..., BertModel]) -> Path:
    tokenizer = checkpoints.wordpiece(max_length=128)
    classifier_of(make(vocab_size=len(tokenizer), num_labels=1)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_part_that_cannot_bear_8_bits_is_told_and_the_order_stays(tmp_path: Path) -> None:
    folder = _checkpoint(tmp_path / "m", sensitive_backbone)
    exact, model = CrossEncoder(folder), CrossEncoder(folder, dtype="int8")
    assert exact.float32_parts == ()
    assert model.float32_parts == (SENSITIVE_PART,)
    assert repr(model).endswith(f"dtype='int8', devices=('cpu',), float32_parts=('{SENSITIVE_PART}',))")
    assert kendalltau(model.predict(SHORT_PAIRS), exact.predict(SHORT_PAIRS)).statistic > 0.9


def test_where_all_is_rounded_nothing_is_told(tmp_path: Path) -> None:
    model = CrossEncoder(_checkpoint(tmp_path / "m", ordinary_backbone), dtype="int8")
    assert model.float32_parts == ()
    assert repr(model).endswith("dtype='int8', devices=('cpu',))")


def test_a_fingerprint_of_int8_names_the_version_of_its_rules(tmp_path: Path) -> None:
    folder = _checkpoint(tmp_path / "m", ordinary_backbone)
    files, *settings = CrossEncoder(folder, dtype="int8", activation="identity").fingerprint().split(" ")
    assert settings == ["int8", "rules", "1", "128", "0", "identity"]
    assert CrossEncoder(folder, activation="identity").fingerprint() == f"{files} float32 128 0 identity"
