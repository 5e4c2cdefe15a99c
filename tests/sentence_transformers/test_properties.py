"""What a model says of itself, and what may be set on it: prompts, limit, activation."""

import copy
import pickle
from pathlib import Path
from typing import Any

import checkpoints
import pytest
from compare import assert_scores
from sentence_transformers import CrossEncoder as Reference
from torch import nn

from secondpass.errors import InputError, InputTypeError
from secondpass.sentence_transformers import CrossEncoder

FEW = [["berlin wall", "the wall fell " * 40], ["berlin", ""], ["how many people", "a population of 3,520,031"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.bert(tmp_path_factory.mktemp("properties") / "bert")


@pytest.mark.parametrize(
    "call", [{}, {"prompt_name": "b"}, {"prompt": "judge: "}, {"prompt": ""}, {"prompt": "judge: ", "prompt_name": "b"}]
)
def test_prompts_stand_before_the_first_text(folder: Path, tmp_path: Path, call: dict[str, Any]) -> None:
    saved = {"model_type": "CrossEncoder", "prompts": {"a": "find: ", "b": "look for: "}, "default_prompt_name": "a"}
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    Reference(str(folder)).save_pretrained(str(tmp_path))
    checkpoints.edit_json(tmp_path / "config_sentence_transformers.json", **saved)
    model, reference = CrossEncoder(tmp_path), Reference(str(tmp_path), device="cpu")
    assert (model.prompts, model.default_prompt_name) == (reference.prompts, reference.default_prompt_name)
    assert_scores(model.predict(FEW, **call), reference.predict(FEW, **call))
    ranked, expected = (m.rank("berlin", ["wall", "people"], **call) for m in (model, reference))
    assert_scores([document["score"] for document in ranked], [document["score"] for document in expected])
    overridden: dict[str, Any] = {"prompts": {"a": "other: ", "c": "third: "}, "default_prompt_name": "c"}
    model, reference = (
        CrossEncoder(tmp_path, **overridden),
        Reference(str(tmp_path), device="cpu", **overridden),
    )
    assert model.prompts == reference.prompts
    assert_scores(model.predict(FEW), reference.predict(FEW))


def test_a_prompt_that_is_not_there_is_refused(folder: Path) -> None:
    model = CrossEncoder(folder, prompts={"a": "find: "})
    with pytest.raises(InputError, match=r"prompt_name must be one of \['a'\], got 'b'"):
        model.predict(FEW, prompt_name="b")
    refused: Any = 3
    with pytest.raises(InputTypeError, match="prompt must be a string or None, got int 3"):
        model.predict(FEW, prompt=refused)


def test_the_limit_can_be_read_and_set_and_follows_the_tokenizer(folder: Path) -> None:
    model, reference = CrossEncoder(folder), Reference(str(folder), device="cpu")
    assert model.max_seq_length == reference.max_seq_length == model.max_length == model.get_max_seq_length() == 512
    model.max_length = reference.max_seq_length = 16
    assert_scores(model.predict(FEW), reference.predict(FEW))
    assert model.tokenizer.model_max_length == 16
    model.tokenizer.model_max_length = reference.tokenizer.model_max_length = 12
    assert model.max_seq_length == 12
    assert_scores(model.predict(FEW), reference.predict(FEW))
    model.max_seq_length = 20
    assert model.tokenizer.model_max_length == 20
    for limit, message in ((513, "at most the 512 tokens"), (3, "above the 3 special tokens"), (0, "at least 1")):
        with pytest.raises(InputError, match=f"max_seq_length must be {message}"):
            model.max_seq_length = limit
    model.max_seq_length = None
    assert model.max_seq_length == 512
    model.tokenizer.model_max_length = 10**30
    with pytest.raises(InputError, match=r"tokenizer\.model_max_length must be at most the 512"):
        model.predict(FEW)


def test_what_a_model_says_of_itself(folder: Path) -> None:
    model, reference = CrossEncoder(folder, classifier_dropout=0.25), Reference(str(folder), device="cpu")
    assert model.num_labels == reference.num_labels
    assert model.device == reference.device == model.model.device == model.transformers_model.device
    assert model.dtype is reference.dtype is model.model.dtype
    assert model.config.hidden_size == reference.config.hidden_size == model.model.config.hidden_size
    assert model.config.classifier_dropout == 0.25
    assert model.get_backend() == model.backend == reference.get_backend()
    assert model.modalities == reference.modalities
    assert model.supports("text") is reference.supports("text") is True
    assert model.supports("image") is reference.supports("image") is False
    texts = "Berlin had a population of 3,520,031"
    assert model.tokenizer(texts)["input_ids"] == reference.tokenizer(texts)["input_ids"]
    with pytest.warns(DeprecationWarning, match="default_activation_function"):
        assert model.default_activation_function is model.activation_fn
    model.set_activation_fn(nn.Tanh())
    assert isinstance(model.activation_fn, nn.Tanh)
    model.set_activation_fn(None)
    assert isinstance(model.activation_fn, nn.Sigmoid)
    assert repr(model) == f"CrossEncoder({str(folder)!r}, dtype=torch.float32, device='cpu')"


def test_a_copy_and_a_pickle_keep_what_was_set(folder: Path) -> None:
    model = CrossEncoder(folder, prompts={"a": "find: "}, default_prompt_name="a")
    model.max_length, model.activation_fn = 16, nn.Tanh()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301 - our own
        assert_scores(other.predict(FEW), model.predict(FEW))
        other.activation_fn = nn.Identity()
    assert isinstance(model.activation_fn, nn.Tanh)
