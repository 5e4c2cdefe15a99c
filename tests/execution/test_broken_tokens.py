"""A token whose embedding is NaN: the pair that holds it is named, and no pair beside it suffers."""

from collections.abc import Sequence
from pathlib import Path

import checkpoints
import numpy as np
import pytest
import torch
from random_backbones import CPU
from safetensors.torch import load_file
from transformers import AutoTokenizer

from secondpass import BiEncoder, CrossEncoder
from secondpass.errors import ScoringError
from secondpass.options import DType
from secondpass.sentence_transformers import CrossEncoder as STCrossEncoder

pytestmark = pytest.mark.filterwarnings("ignore:dtype .* is slow on this CPU")

DTYPES: list[DType] = ["float32", "bfloat16", "float16", "int8"]
QUERY = "berlin wall"
DOCUMENTS = ["the wall fell in the year", "people", "the people of berlin", "wall of the people in the old town"] * 3
TABLES = ("word_embeddings.weight", "tok_embeddings.weight", "embed_tokens.weight")


def with_table(folder: Path, rows: dict[int, float], *, words: Sequence[str] = ()) -> Path:
    """Fill rows of a checkpoint's table of tokens, behind which more words have rows of their own."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(list(words))
    tokenizer.save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    (name,) = [name for name in weights if name.endswith(TABLES)]
    table = torch.cat([weights[name], weights[name][: len(words)]])
    for row, value in rows.items():
        table[row] = value
    checkpoints.write_weights(folder, {**weights, name: table})
    checkpoints.edit_json(folder / "config.json", vocab_size=len(table))
    return folder


def alone(model: CrossEncoder) -> list[float]:
    return [float(model.score(QUERY, [document])[0]) for document in DOCUMENTS]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "layout", ["bert", "electra", "roberta", "modernbert", "modernbert_mean", "deberta_v2", "mpnet", "qwen3_reranker"]
)
def test_the_pair_that_holds_it_is_named(layout: str, dtype: DType, tmp_path: Path) -> None:
    if dtype == "int8" and (layout in ("mpnet", "qwen3_reranker") or not CPU.int8_products):
        pytest.skip("has no 8-bit form")
    folder = with_table(getattr(checkpoints, layout)(tmp_path / layout), {-1: torch.nan}, words=["zzbroken"])
    model = CrossEncoder(folder, dtype=dtype, device="cpu")
    np.testing.assert_allclose(model.score(QUERY, DOCUMENTS), alone(model), rtol=0.02)
    for place in (0, 5, 11):
        documents = [*DOCUMENTS[:place], "the zzbroken wall", *DOCUMENTS[place:]]
        with pytest.raises(ScoringError, match=rf"got NaN for pair {place}$"):
            model.score(QUERY, documents)


def test_the_class_of_sentence_transformers_names_it_too(tmp_path: Path) -> None:
    folder = with_table(checkpoints.bert(tmp_path / "m"), {-1: torch.nan}, words=["zzbroken"])
    with pytest.raises(ScoringError, match=r"got NaN for pair 7$"):
        STCrossEncoder(str(folder)).predict([(QUERY, text) for text in [*DOCUMENTS[:7], "zzbroken", *DOCUMENTS[7:]]])


def test_a_bi_encoder_names_it_on_either_side(tmp_path: Path) -> None:
    folder = with_table(checkpoints.base_transformer(tmp_path / "m"), {-1: torch.nan}, words=["zzbroken"])
    pairs = [(f"query {document}", document) for document in DOCUMENTS[:4]]
    for broken in (("zzbroken", "wall"), ("berlin", "zzbroken")):
        with pytest.raises(ScoringError, match=r"got NaN for pair 2$"):
            BiEncoder(folder).predict([*pairs[:2], broken, *pairs[2:]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_the_token_of_padding_spoils_no_pair(value: float, dtype: DType, tmp_path: Path) -> None:
    """Behind the last pair of a batch there are rows, which attention reads along with it."""
    if dtype == "int8" and not CPU.int8_products:
        pytest.skip("has no 8-bit form")
    whole = CrossEncoder(checkpoints.bert(tmp_path / "whole"), dtype=dtype, device="cpu")
    broken = CrossEncoder(with_table(checkpoints.bert(tmp_path / "broken"), {0: value}), dtype=dtype, device="cpu")
    np.testing.assert_allclose(broken.score(QUERY, DOCUMENTS), whole.score(QUERY, DOCUMENTS), rtol=0.02)
