"""Parts of a model that cannot bear rounding stay in float32, and the scorer says which."""

from collections.abc import Callable
from pathlib import Path

import checkpoints
import pytest
import torch
from random_backbones import CPU
from scipy.stats import kendalltau
from sensitive_backbones import (
    MINUEND,
    SENSITIVE_PART,
    SUBTRAHEND,
    classifier_of,
    ordinary_backbone,
    sensitive_backbone,
)
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from texts import SHORT_PAIRS
from transformers import BertModel

from secondpass import BiEncoder, CrossEncoder

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
    assert settings == ["int8", "rules", "4", "128", "0", "identity"]
    assert CrossEncoder(folder, activation="identity").fingerprint() == f"{files} float32 128 0 identity"


def _embedder(folder: Path, make: Callable[..., BertModel]) -> Path:
    """A bi-encoder whose embeddings are the score that a cross-encoder of the same transformer would give."""
    tokenizer = checkpoints.wordpiece(max_length=128)
    backbone = make(vocab_size=len(tokenizer))
    backbone.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    hidden = backbone.config.hidden_size
    difference = torch.zeros(1, hidden)
    difference[0, MINUEND], difference[0, SUBTRAHEND] = 1.0, -1.0
    dense = Dense(hidden, 1, bias=False, activation_function=torch.nn.Identity(), init_weight=difference)
    modules = [Transformer(str(folder / "base")), Pooling(hidden, pooling_mode="cls"), dense]
    SentenceTransformer(modules=modules, similarity_fn_name="dot", device="cpu").save_pretrained(str(folder / "saved"))
    return folder / "saved"


def test_of_two_transformers_it_is_told_whose_part_it_is(tmp_path: Path) -> None:
    ordinary, sensitive = (
        _embedder(tmp_path / name, make)
        for name, make in (("ordinary", ordinary_backbone), ("sensitive", sensitive_backbone))
    )
    assert BiEncoder(sensitive, dtype="int8").float32_parts == (SENSITIVE_PART,)
    of_documents = BiEncoder(ordinary, document_model=sensitive, dtype="int8")
    of_queries = BiEncoder(sensitive, document_model=ordinary, dtype="int8")
    of_both = BiEncoder(sensitive, document_model=sensitive, dtype="int8")
    assert of_documents.float32_parts == (f"document.{SENSITIVE_PART}",)
    assert of_queries.float32_parts == (f"query.{SENSITIVE_PART}",)
    assert of_both.float32_parts == (f"query.{SENSITIVE_PART}", f"document.{SENSITIVE_PART}")
    assert f" float32:document.{SENSITIVE_PART} " in of_documents.fingerprint()
