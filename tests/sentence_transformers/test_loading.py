"""The constructor takes what sentence-transformers' takes, by the names of releases 5 and 6, or refuses it by name."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import pytest
import torch
from compare import assert_scores
from folders import FolderOf
from hub_cache import HubCache
from sentence_transformers import CrossEncoder as Reference
from torch import nn

from secondpass.errors import CheckpointError, CheckpointNotFoundError, InputError
from secondpass.sentence_transformers import CrossEncoder
from secondpass.sentence_transformers.engine import stored_dtype

FEW = [["berlin wall", "the wall fell " * 40], ["berlin", ""], ["how many people", "a population of 3,520,031"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.bert(tmp_path_factory.mktemp("loading") / "bert")


def assert_same(ours: dict[str, Any], theirs: dict[str, Any] | None = None) -> CrossEncoder:
    """Raise AssertionError unless both classes score alike with these arguments; gives our model."""
    model = CrossEncoder(**ours)
    assert_scores(model.predict(FEW), Reference(**(ours if theirs is None else theirs), device="cpu").predict(FEW))
    return model


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"num_labels": 1},
        {"max_length": 16},
        {"activation_fn": nn.Identity()},
        {"processor_kwargs": {"model_max_length": 16}},
        {"tokenizer_kwargs": {"model_max_length": 16}},
        {"tokenizer_args": {"model_max_length": 16}},
        {"model_kwargs": {"dtype": torch.float32}},
        {"model_kwargs": {"torch_dtype": "auto", "attn_implementation": "eager"}},
        {"automodel_args": {"torch_dtype": torch.float32}},
        {"config_kwargs": {"classifier_dropout": 0.3, "num_labels": 1}},
        {"config_args": {"classifier_dropout": 0.3}},
        {"classifier_dropout": 0.3},
        {"default_activation_function": nn.Tanh()},
        {"trust_remote_code": True, "local_files_only": True, "token": None, "revision": None, "backend": "torch"},
        {"token": False},
        {"prompts": {"a": "find: "}, "default_prompt_name": "a"},
        {"keep_in_fp32_modules": []},
    ],
    ids=lambda arguments: ",".join(arguments) or "none",
)
def test_arguments_mean_what_they_mean_there(folder: Path, arguments: dict[str, Any]) -> None:
    assert_same({"model_name_or_path": str(folder), **arguments})


def test_the_first_five_come_by_position_as_in_release_5(folder: Path) -> None:
    model = CrossEncoder(str(folder), 1, 16, nn.Tanh(), "cpu")
    expected = Reference(str(folder), num_labels=1, max_length=16, activation_fn=nn.Tanh(), device="cpu").predict(FEW)
    assert_scores(model.predict(FEW), expected)
    assert_same({"model_name": str(folder)}, {"model_name_or_path": str(folder)})


def test_a_new_process_scores_without_importing_transformers(folder: Path) -> None:
    code = (
        "import sys\n"
        "from secondpass.sentence_transformers import CrossEncoder\n"
        f"model = CrossEncoder({str(folder)!r}, device='cpu')\n"
        "model.predict(('berlin', 'wall'))\n"
        "print('transformers' in sys.modules, model.config.model_type, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.stdout == "False bert True\n", done.stderr


def test_of_two_names_of_one_argument_the_same_counts_as_there(folder: Path) -> None:
    short, long = {"model_max_length": 16}, {"model_max_length": 32}
    arguments: dict[str, Any]
    two_older = {"tokenizer_kwargs": long, "tokenizer_args": short}
    for arguments in (two_older, {"tokenizer_args": long, "processor_kwargs": short}):
        assert_same({"model_name_or_path": str(folder), **arguments})
    CrossEncoder(folder, config_args={"num_labels": 2}, config_kwargs={"num_labels": 1})
    for name in ("config_args", "config_kwargs"):
        arguments = {name: {"num_labels": 2}, "classifier_dropout": 0.1}
        with pytest.raises(InputError, match="num_labels must be 1"):
            CrossEncoder(folder, **arguments)


def test_older_names_are_taken_with_a_logged_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    kwargs: dict[str, Any] = {"automodel_args": {}, "tokenizer_args": {}, "config_args": {}, "cache_dir": "unused"}
    CrossEncoder(folder, classifier_dropout=0.1, **kwargs)
    assert [record.name for record in caplog.records] == ["secondpass.sentence_transformers"] * 5
    for name in (*kwargs, "classifier_dropout"):
        assert f"`{name}` argument" in caplog.text
    newer = CrossEncoder(folder, max_length=16, tokenizer_args={"model_max_length": 32}, processor_kwargs={})
    assert newer.max_length == 16, "where both names are given the newer counts"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_labels": 3}, "num_labels must be 1, as .* has them, or None, got 3: a head of another size"),
        ({"config_kwargs": {"num_labels": 3}}, "num_labels must be 1"),
        ({"num_labels": "1"}, "num_labels must be an integer or None"),
        ({"backend": "onnx"}, "backend must be 'torch', got 'onnx'"),
        ({"modules": [nn.Identity()]}, "modules means nothing here: save the modules"),
        ({"keep_in_fp32_modules": ["classifier"]}, "keep_in_fp32_modules means nothing here"),
        ({"model_kwargs": {"quantization_config": {}}}, r"model_kwargs\['quantization_config'\] cannot be honoured"),
        ({"model_kwargs": {"attn_implementation": "mine"}}, r"model_kwargs\['attn_implementation'\] must be one of"),
        ({"processor_kwargs": {"chat_template": "{{ m }}"}}, r"processor_kwargs\['chat_template'\] cannot be honoured"),
        ({"config_kwargs": {"id2label": {}}}, r"config_kwargs\['id2label'\] cannot be honoured"),
        ({"config_kwargs": [1]}, "config_kwargs must be a dict, got list"),
        ({"max_length": 1000}, "max_length must be at most the 512 tokens"),
        ({"max_length": 256, "processor_kwargs": {"model_max_length": 128}}, "max_length is given twice and differs"),
        ({"device": ["cpu"]}, "device must name one device"),
        ({"device": "tpu"}, "device must be a torch device"),
        ({"prompts": "find: "}, "prompts must be a dict"),
        ({"prompts": {"a": "\ud800"}}, r"prompts\['a'\] must be Unicode text, has the lone surrogate"),
        ({"default_prompt_name": "a"}, "default_prompt_name must be one of"),
        ({"activation_fn": "torch.nn.Sigmoid"}, "activation_fn must be a function or a module"),
        ({"model_name_or_path": None}, "model_name_or_path must be a hub id, a folder or a bundled name, got NoneType"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_kept_is_refused_by_name(folder: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CrossEncoder(**{"model_name_or_path": folder, **arguments})


def test_an_argument_that_no_release_has_is_a_type_error(folder: Path) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'max_len'"):
        CrossEncoder(folder, max_len=3)


def test_nothing_a_caller_gave_is_changed(folder: Path) -> None:
    arguments: dict[str, Any] = {
        "model_kwargs": {"dtype": torch.float32},
        "processor_kwargs": {"model_max_length": 32},
        "config_kwargs": {"classifier_dropout": 0.2, "num_labels": 1},
        "prompts": {"a": "b"},
    }
    before = copy.deepcopy(arguments)
    CrossEncoder(folder, classifier_dropout=0.1, **arguments)
    assert arguments == before


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("torch.nn.modules.linear.Identity", nn.Identity),
        ("torch.nn.modules.activation.Sigmoid", nn.Sigmoid),
        ("torch.nn.modules.activation.Tanh", nn.Tanh),
        ("torch.nn.modules.activation.Softmax", nn.Softmax),
        ("torch.nn.modules.activation.ReLU", nn.ReLU),
    ],
)
@pytest.mark.filterwarnings("ignore:Implicit dimension choice for softmax")
@pytest.mark.parametrize("n_labels", [1, 3])
def test_the_checkpoints_own_activation(path: str, expected: type, n_labels: int, tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path, n_labels=n_labels, sentence_transformers={"activation_fn": path})
    assert type(assert_same({"model_name_or_path": str(folder)}).activation_fn) is expected


def test_an_activation_that_is_not_torchs_is_never_imported(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path, sentence_transformers={"activation_fn": "os.getcwd"})
    with pytest.raises(CheckpointError, match=r"an activation of torch.nn that needs no arguments, got 'os.getcwd'"):
        CrossEncoder(folder, trust_remote_code=True)
    assert CrossEncoder(folder, activation_fn=nn.Identity()).predict(FEW).shape == (3,)


def test_a_model_without_a_head_gets_no_random_one(folder_of: FolderOf) -> None:
    with pytest.raises(CheckpointError):
        CrossEncoder(folder_of("base_transformer"), num_labels=1)


def test_a_causal_language_model_has_one_score(folder_of: FolderOf) -> None:
    from secondpass import CrossEncoder as Ours

    folder = folder_of("qwen3_reranker")
    model = CrossEncoder(folder, activation_fn=nn.Identity())
    assert model.num_labels == 1
    pairs = [(query, document) for query, document in FEW]
    assert_scores(model.predict(FEW), Ours(folder, activation="identity").predict(pairs))
    assert_scores([r["score"] for r in model.rank("a", ["b"])], Ours(folder, activation="identity").score("a", ["b"]))
    with pytest.raises(InputError, match=r"prompt must be .* own, '', since both texts lie in its authors' prompt"):
        model.predict(FEW, prompt="find: ")
    with pytest.raises(InputError, match="max_seq_length must stay at"):
        model.max_seq_length = 100


def test_a_name_without_an_organisation_is_one_of_cross_encoders(folder: Path, tmp_path: Path) -> None:
    cache = HubCache(tmp_path)
    cache.add("cross-encoder/ms-marco-tiny", folder)
    model = CrossEncoder("ms-marco-tiny", cache_folder=str(tmp_path), local_files_only=True)
    assert_scores(model.predict(FEW), CrossEncoder(folder).predict(FEW))
    assert model.model.name_or_path == "cross-encoder/ms-marco-tiny"
    with pytest.raises(CheckpointNotFoundError, match="cross-encoder/nothing"):
        CrossEncoder("nothing", cache_folder=str(tmp_path), local_files_only=True)


def test_the_cache_of_the_environment_is_searched(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    HubCache(tmp_path).add("a/b", folder)
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path))
    assert_scores(CrossEncoder("a/b", local_files_only=True).predict(FEW), CrossEncoder(folder).predict(FEW))


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"dtype": "bfloat16"}, "bfloat16"),
        ({"dtype": None, "torch_dtype": "float16"}, "float16"),
        ({"dtype": "float32"}, "float32"),
        ({"dtype": None, "torch_dtype": None}, "float32"),
    ],
)
def test_without_a_dtype_weights_keep_the_one_they_are_stored_in(
    folder: Path, tmp_path: Path, stated: dict[str, str | None], expected: str
) -> None:
    from secondpass.checkpoint.folder import Folder

    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    checkpoints.edit_json(tmp_path / "config.json", **stated)
    assert stored_dtype(Folder("model", tmp_path)) == expected


def test_on_a_cpu_weights_stored_in_half_precision_are_computed_in_float32(folder: Path, tmp_path: Path) -> None:
    stored = str(tmp_path)
    Reference(str(folder), model_kwargs={"dtype": torch.bfloat16}, device="cpu").save_pretrained(stored)
    float32 = Reference(stored, device="cpu", model_kwargs={"dtype": torch.float32})
    assert_scores(CrossEncoder(stored, device="cpu").predict(FEW), float32.predict(FEW))
    assert Reference(stored, device="cpu").dtype is torch.bfloat16, "which the documentation says of the reference"


def test_importing_and_scoring_loads_no_sentence_transformers(folder: Path) -> None:
    script = (
        "import sys; from secondpass.sentence_transformers import CrossEncoder; "
        f"print(CrossEncoder({str(folder)!r}).predict(['a', 'b'])); "
        "print([name for name in sys.modules if name.split('.')[0] in ('sentence_transformers', 'datasets')])"
    )
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ
    )
    score, loaded = done.stdout.splitlines()
    assert np.isclose(float(score), float(CrossEncoder(folder).predict(["a", "b"])), atol=1e-5)
    assert json.loads(loaded) == []
