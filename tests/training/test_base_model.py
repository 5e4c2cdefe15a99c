"""The base of a run: found by every name that scoring takes, refused before a step where it cannot be trained."""

from pathlib import Path

import base_models
import numpy as np
import pytest
import torch
from checkpoints import (
    SMALL,
    Builder,
    bert,
    distilbert,
    edit_json,
    modernbert,
    qwen3_tokenizer,
    roberta,
    save,
    with_code,
    write_weights,
)
from gte_checkpoint import gte
from safetensors.torch import load_file
from training_runs import config, data, sure_base
from transformers import AutoModel, Qwen3Config, Qwen3ForSequenceClassification

from secondpass import CrossEncoder
from secondpass.errors import CheckpointError, CheckpointNotFoundError, InputError, RemoteCodeError
from secondpass.training import ModelConfig, train


def test_the_bundled_model_goes_by_its_name(tmp_path: Path) -> None:
    model = base_models.load(ModelConfig("secondpass/mini", max_length=512), tmp_path)
    assert model.model is not None
    assert model.model.config.hidden_size == 384


def test_a_relative_path_starts_from_the_file(tmp_path: Path) -> None:
    bert(tmp_path / "base")
    assert base_models.load(ModelConfig("base", max_length=32), tmp_path).max_seq_length == 32


@pytest.mark.parametrize("name", ["./none", "secondpass/none", "a/b/c", "no model", "~no-such-user/x"])
def test_a_base_that_is_not_there_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CheckpointNotFoundError, match=rf"^model\.base: .*{name}"):
        base_models.load(ModelConfig(name), tmp_path)


def test_a_folder_without_a_checkpoint_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointNotFoundError, match=r"model.base: .*empty .*holds no config.json"):
        base_models.load(ModelConfig("empty"), tmp_path)


@pytest.mark.parametrize("layout", [bert, roberta])
@pytest.mark.parametrize(
    ("max_length", "saved", "message"),
    [
        (513, None, "model.max_length must be at most the (512|128) tokens .*base can read, got 513"),
        (32, 513, "model.saved_max_length must be at most the (512|128) tokens .*base can read, got 513"),
    ],
)
def test_lengths_beyond_the_positions_are_refused(
    layout: object, max_length: int, saved: int | None, message: str, tmp_path: Path
) -> None:
    assert callable(layout)
    base = str(layout(tmp_path / "base"))
    with pytest.raises(InputError, match=message):
        base_models.load(ModelConfig(base, max_length=max_length, saved_max_length=saved), tmp_path)


@pytest.mark.parametrize(("layout", "n_special"), [(bert, 3), (roberta, 4)])
def test_lengths_without_room_for_a_token_of_each_text_are_refused(
    layout: object, n_special: int, tmp_path: Path
) -> None:
    assert callable(layout)
    base = str(layout(tmp_path / "base"))
    smallest = n_special + 2
    message = rf"must be at least {smallest}, the {n_special} special tokens of a pair and one of each text, got"
    for length in (1, n_special, smallest - 1):
        with pytest.raises(InputError, match=f"model.max_length {message} {length}"):
            base_models.load(ModelConfig(base, max_length=length), tmp_path)
    with pytest.raises(InputError, match=f"model.saved_max_length {message} {n_special}"):
        base_models.load(ModelConfig(base, max_length=32, saved_max_length=n_special), tmp_path)
    assert base_models.load(ModelConfig(base, max_length=smallest), tmp_path).max_seq_length == smallest


def test_a_base_with_several_labels_is_refused(tmp_path: Path) -> None:
    base = bert(tmp_path / "base", num_labels=3)
    with pytest.raises(CheckpointError, match=r"model.base: .*base has 3 labels, and training needs one"):
        base_models.load(ModelConfig(str(base)), tmp_path)


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    base = bert(tmp_path / "base")
    model = AutoModel.from_pretrained(base)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight[3, 0] = float("nan")
    model.save_pretrained(base)
    edit_json(base / "config.json", architectures=["BertModel"])
    with pytest.raises(CheckpointError, match=r"model.base: .*word_embeddings.weight .* not finite"):
        base_models.load(ModelConfig(str(base)), tmp_path)


def in_precision(base: Path, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    weights = {name: value.to(dtype) for name, value in load_file(base / "model.safetensors").items()}
    write_weights(base, weights)
    edit_json(base / "config.json", dtype=str(dtype).removeprefix("torch."))
    return weights


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_base_is_loaded_in_float32_whatever_its_files_hold(dtype: torch.dtype, tmp_path: Path) -> None:
    in_precision(bert(tmp_path / "base"), dtype)
    model = base_models.load(ModelConfig("base", max_length=32), tmp_path)
    assert {value.dtype for value in model.state_dict().values() if value.is_floating_point()} == {torch.float32}


def test_weights_of_a_base_in_half_precision_learn_and_are_saved_whole(tmp_path: Path) -> None:
    """A step of 2e-5 is lost on a weight of 1 in half precision."""
    data(tmp_path, scored=False)
    base = sure_base(tmp_path / "base")
    before = in_precision(base, torch.bfloat16)
    result = train(config(tmp_path, base, "listwise", steps=2, evaluate_every=2, average=2, learning_rate=2e-5))
    after = load_file(result.folder / "model.safetensors")
    assert {value.dtype for value in after.values()} == {torch.float32}
    learned = [name for name in before if "LayerNorm.weight" in name]
    assert learned
    assert all((before[name].float() != after[name]).all() for name in learned)


def test_code_of_the_base_needs_leave(tmp_path: Path) -> None:
    base = with_code(bert(tmp_path / "base"))
    with pytest.raises(RemoteCodeError, match="trust_remote_code=True"):
        base_models.load(ModelConfig(str(base), max_length=32), tmp_path)
    with pytest.warns(UserWarning, match="bert models like this one are trained with padding"):
        model = base_models.load(ModelConfig(str(base), max_length=32), tmp_path, trust_remote_code=True)
    assert type(model.model).__name__ == "Doubled"


def test_gte_is_scored_without_its_code_but_not_trained(tmp_path: Path) -> None:
    gte(tmp_path / "base")
    with pytest.raises(
        RemoteCodeError, match=r"^model\.base: base is trained by its authors' code, .*trust_remote_code="
    ):
        base_models.load(ModelConfig("base", max_length=32), tmp_path)


def published_modernbert(folder: Path) -> Path:
    """Its layers' kinds follow from their number."""
    edit_json(modernbert(folder) / "config.json", layer_types=None, global_attn_every_n_layers=3)
    return folder


def qwen3_classifier(folder: Path) -> Path:
    tokenizer = qwen3_tokenizer()
    values = SMALL | {
        "vocab_size": len(tokenizer),
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "num_labels": 1,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return save(folder, Qwen3ForSequenceClassification(Qwen3Config(**values)), tokenizer)


@pytest.mark.filterwarnings("ignore:qwen3 models like this one are trained with padding")
@pytest.mark.parametrize("layout", [bert, distilbert, modernbert, published_modernbert, qwen3_classifier])
def test_the_first_layers_are_those_of_the_base(layout: Builder, tmp_path: Path) -> None:
    whole = load_file(layout(tmp_path / "base") / "model.safetensors")
    model = base_models.load(ModelConfig("base", max_length=32, layers=2), tmp_path)
    kept = {name for name in whole if ".2." not in name}
    assert len(kept) < len(whole)
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    saved = load_file(tmp_path / "saved" / "model.safetensors")
    assert saved.keys() == kept
    assert all(torch.equal(saved[name], whole[name]) for name in kept)
    pairs = [("a cat", "the cat sleeps"), ("a dog", "the horse runs")]
    scores = CrossEncoder(tmp_path / "saved", dtype="float32", activation="identity").predict(pairs)
    np.testing.assert_allclose(scores, model.predict(pairs), atol=1e-5)
