"""Causal models that are stored in 16 bits score as the same numbers stored in 32."""

import shutil
from collections.abc import Callable
from pathlib import Path

import checkpoints
import language_models
import numpy as np
import pytest
import torch
import transformers
from compare import assert_scores
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder as Reference
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from texts import PAIRS
from transformers import AutoModelForCausalLM
from truncation import TRUNCATES

from secondpass import BiEncoder, CrossEncoder
from secondpass.checkpoint.config import load_config
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.pretrained import load_pretrained

pytestmark = TRUNCATES

NAME = "Qwen/Qwen3-Reranker-0.6B"
HALVES = [torch.bfloat16, torch.float16]


def _stored(source: Path, folder: Path, half: torch.dtype, *, widened: str = "nothing") -> Path:
    """A copy of a checkpoint with its weights in 16 bits, but for those with this in their names, which are rounded."""
    shutil.copytree(source, folder)
    (file,) = folder.rglob("*.safetensors")
    rounded = {name: tensor.to(half) for name, tensor in load_file(file).items()}
    stored = {name: tensor.float() if widened in name else tensor for name, tensor in rounded.items()}
    save_file(stored, file, metadata={"format": "pt"})
    return folder


def _logit_score(folder: Path) -> Path:
    base = language_models.with_template(language_models.qwen3(folder / "base"), language_models.DOCUMENT_LAST)
    made = language_models.logit_score(base, folder / "whole")
    shutil.rmtree(base)
    return made


def _yarn(folder: Path) -> Path:
    """The encoder does not know such positions, so that it is made in float32."""
    tokenizer = checkpoints.qwen3_tokenizer()
    rope = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 2.0, "original_max_position_embeddings": 64}
    values = checkpoints.SMALL | {"num_labels": 1, "pad_token_id": 0, "rope_parameters": rope}
    config = transformers.LlamaConfig(vocab_size=len(tokenizer), **values)
    return checkpoints.save(folder, transformers.LlamaForSequenceClassification(config), tokenizer)


KINDS: dict[str, Callable[[Path], Path]] = {
    "classifier": language_models.sequence_classifier,
    "known by name": language_models.qwen3,
    "LogitScore": _logit_score,
    "unknown positions": _yarn,
}


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_float32(kind: str, dtype: torch.dtype, tmp_path: Path) -> None:
    made = KINDS[kind](tmp_path / "made")
    exact = CrossEncoder(_stored(made, tmp_path / "float32" / NAME, dtype, widened=""))
    half = CrossEncoder(_stored(made, tmp_path / "half" / NAME, dtype))
    expected = exact.predict(PAIRS)
    assert np.ptp(expected) > 1e-3
    assert_scores(half.predict(PAIRS), expected)


@pytest.mark.parametrize("devices", [["cpu"], ["cpu", "cpu"]], ids=len)
def test_so_they_are_on_several_devices(devices: list[str], tmp_path: Path) -> None:
    folder = _stored(language_models.sequence_classifier(tmp_path / "made"), tmp_path / "half", torch.bfloat16)
    reference = Reference(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    assert_scores(CrossEncoder(folder, device=devices).predict(PAIRS), reference.predict(PAIRS))


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("pooling", ["lasttoken", "mean", "max"])
def test_cosines_are_those_of_float32(pooling: str, dtype: torch.dtype, tmp_path: Path) -> None:
    """The largest states are read in transformers' own forward, which is in float32 all the same."""
    folder = _stored(language_models.qwen3(tmp_path / "made"), tmp_path / "half", dtype)
    modules = [Transformer(str(folder), model_kwargs={"dtype": torch.float32}), Pooling(32, pooling_mode=pooling)]
    reference = SentenceTransformer(modules=modules, device="cpu")
    reference.save_pretrained(str(tmp_path / "saved"))
    shutil.copy(folder / "model.safetensors", tmp_path / "saved")
    texts = sorted({document for _, document in PAIRS if document})
    query, *embeddings = reference.encode(["berlin", *texts], batch_size=1, normalize_embeddings=True)
    assert_scores(BiEncoder(tmp_path / "saved").score("berlin", texts), np.stack(embeddings) @ query)


@pytest.mark.parametrize(
    ("half", "widened", "loaded"),
    [
        (torch.bfloat16, "nothing", torch.bfloat16),
        (torch.float16, "nothing", torch.float16),
        (torch.float16, "", torch.float32),
        (torch.bfloat16, "layernorm", torch.float32),
    ],
    ids=["bfloat16", "float16", "float32", "both"],
)
def test_memory_holds_them_as_they_are_stored_where_all_are_alike(
    half: torch.dtype, widened: str, loaded: torch.dtype, tmp_path: Path
) -> None:
    path = _stored(language_models.qwen3(tmp_path / "made"), tmp_path / "stored", half, widened=widened)
    folder = Folder("it", path)
    model = load_pretrained(AutoModelForCausalLM, folder, load_config(folder))
    assert {parameter.dtype for parameter in model.parameters()} == {loaded}


def test_other_models_are_made_in_float32(tmp_path: Path) -> None:
    path = _stored(_yarn(tmp_path / "made"), tmp_path / "stored", torch.bfloat16)
    folder = Folder("it", path)
    model = load_pretrained(transformers.AutoModelForSequenceClassification, folder, load_config(folder))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
