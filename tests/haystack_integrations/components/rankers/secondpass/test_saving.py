"""What a saved pipeline holds is what was run: no default of a release, and nothing that cannot be loaded."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from haystack import Document, Pipeline
from haystack.utils import ComponentDevice, Secret

from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from haystack_integrations.components.rankers.secondpass.loading import DEFAULT_MODEL
from secondpass.errors import InputError, InputTypeError
from secondpass.testing import OverlapScorer

# What stays open on purpose: the machine's own choices, the checkpoint's own word, and what nobody asked for.
OPEN = {
    "batch_size",
    "batch_tokens",
    "cache_dir",
    "calibration",
    "config_kwargs",
    "device",
    "dtype",
    "instruction",
    "label",
    "max_length",
    "model_kwargs",
    "revision",
    "score_threshold",
    "tokenizer_kwargs",
    "window_overlap",
}


def saved(component: SecondPassRanker) -> dict[str, Any]:
    parameters: dict[str, Any] = component.to_dict()["init_parameters"]
    return parameters


def test_the_default_model_is_saved_by_its_name() -> None:
    assert saved(SecondPassRanker())["model"] == DEFAULT_MODEL
    pipeline = Pipeline()
    pipeline.add_component("ranker", SecondPassRanker(None))
    assert f"model: {DEFAULT_MODEL}" in pipeline.dumps()


def test_only_what_stays_open_on_purpose_is_saved_as_none() -> None:
    assert {name for name, value in saved(SecondPassRanker()).items() if value is None} == OPEN


def test_a_saved_pipeline_keeps_its_model_in_a_release_with_another_default(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline()
    pipeline.add_component("ranker", SecondPassRanker())
    text = pipeline.dumps()
    for module in ("loading", "ranker"):
        name = f"haystack_integrations.components.rankers.secondpass.{module}.DEFAULT_MODEL"
        monkeypatch.setattr(name, "other/model")
    loaded: Any = Pipeline.loads(text).get_component("ranker")
    assert loaded._scorer().model == DEFAULT_MODEL
    assert saved(loaded)["model"] == DEFAULT_MODEL


def test_a_pipeline_that_was_saved_without_a_model_takes_the_default() -> None:
    data = SecondPassRanker().to_dict()
    data["init_parameters"]["model"] = None
    assert saved(SecondPassRanker.from_dict(data))["model"] == DEFAULT_MODEL


def test_none_assigned_as_model_is_the_default_by_its_name() -> None:
    component: Any = SecondPassRanker("some/model")
    component.model = None
    assert (component._scorer().model, saved(component)["model"]) == (DEFAULT_MODEL, DEFAULT_MODEL)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("max_length", 0, "max_length must be at least 1, got 0"),
        ("top_k", 0, "top_k must be > 0, but got 0"),
        ("calibration_factor", -1.0, "calibration_factor must be greater than 0"),
        ("backend", "onnx", 'backend must be "torch"'),
        ("model", OverlapScorer(), "model must be a name, got OverlapScorer"),
        ("scorer", OverlapScorer(), "give model or scorer, got both"),
        ("model_kwargs", {"num_labels": 2}, r"model_kwargs\['num_labels'\] cannot be honoured"),
        ("meta_fields_to_embed", "title", "meta_fields_to_embed must be a list of names, got str 'title'"),
        ("meta_fields_to_embed", ["title", 1], r"meta_fields_to_embed\[1\] must be a name, got int 1"),
        ("meta_fields_to_embed", 5, "meta_fields_to_embed must be a list of names, got int 5"),
        ("query_prefix", 3, "query_prefix must be text, got int 3"),
        ("query_suffix", b"?", "query_suffix must be text, got bytes b'\\?'"),
        ("document_prefix", None, "document_prefix must be text, got NoneType None"),
        ("document_suffix", None, "document_suffix must be text, got NoneType None"),
        ("embedding_separator", None, "embedding_separator must be text, got NoneType None"),
        ("return_passages", "false", "return_passages must be True or False, got str 'false'"),
        ("scale_score", "false", "scale_score must be True or False, got str 'false'"),
        ("scale_score", None, "scale_score must be True or False, got NoneType None"),
        ("share_model", "false", "share_model must be True or False, got str 'false'"),
        ("trust_remote_code", "false", "trust_remote_code must be True or False, got str 'false'"),
        ("batch_size", "16", "batch_size must be an integer or None, got str '16'"),
        ("batch_size", True, "batch_size must be an integer or None, got bool True"),
        ("calibration_factor", "2", "calibration_factor must be a number or None, got str '2'"),
        ("calibration_factor", True, "calibration_factor must be a number or None, got bool True"),
        ("calibration_factor", float("inf"), "calibration_factor must be greater than 0 to scale, and finite, got inf"),
    ],
)
def test_what_was_assigned_against_a_rule_is_neither_run_nor_saved(name: str, value: object, message: str) -> None:
    component = SecondPassRanker("no/such-model", local_files_only=True)
    setattr(component, name, value)
    with pytest.raises(InputError, match=message):
        component.run("query", [Document(content="a")])
    if name != "scorer":  # which has an error of Haystack's own there
        with pytest.raises(InputError, match=message):
            component.to_dict()


def test_no_metadata_may_be_assigned_as_it_may_be_given() -> None:
    component = SecondPassRanker(scorer=OverlapScorer(), meta_fields_to_embed=["title"])
    component.meta_fields_to_embed = None
    document = Document(content="a cat", meta={"title": "big"})
    assert component.run("big", [document])["documents"][0].score == 0.5  # sigmoid(0): the title is not read
    component = SecondPassRanker("some/model", meta_fields_to_embed=["title"])
    component.meta_fields_to_embed = None
    loaded: Any = SecondPassRanker.from_dict(component.to_dict())
    assert loaded.meta_fields_to_embed == []


@pytest.mark.parametrize("value", ["no", 1])
async def test_a_run_takes_no_word_for_a_truth_value(value: Any) -> None:
    component = SecondPassRanker(scorer=OverlapScorer(), scale_score=False)
    with pytest.raises(InputTypeError, match=f"scale_score must be True or False, got {type(value).__name__} "):
        component.run("query", [Document(content="a")], scale_score=value)
    with pytest.raises(InputTypeError, match=f"scale_score must be True or False, got {type(value).__name__} "):
        await component.run_async("query", [Document(content="a")], scale_score=value)


def test_a_folder_for_downloads_is_saved_as_text() -> None:
    assert saved(SecondPassRanker("some/model", cache_dir=Path("downloads")))["cache_dir"] == "downloads"


class Arithmetic(StrEnum):
    """A caller's own names."""

    FULL = "float32"


@pytest.mark.parametrize(
    ("name", "value", "plain"),
    [
        ("top_k", np.int64(5), 5),
        ("score_threshold", np.float64(0.5), 0.5),
        ("score_threshold", np.float32(0.5), 0.5),
        ("calibration_factor", np.float64(2.0), 2.0),
        ("max_length", np.int64(64), 64),
        ("batch_size", np.int32(3), 3),
        ("batch_tokens", np.int64(4096), 4096),
        ("label", np.str_("relevant"), "relevant"),
        ("dtype", Arithmetic.FULL, "float32"),
        ("document_prefix", np.str_("passage: "), "passage: "),
        ("meta_fields_to_embed", [np.str_("title")], ["title"]),
        ("meta_fields_to_embed", ("title",), ["title"]),
        ("tokenizer_kwargs", {"model_max_length": np.int64(64)}, {"model_max_length": 64}),
        ("model_kwargs", {"cache_dir": Path("downloads")}, {"cache_dir": "downloads"}),
    ],
)
def test_a_value_of_another_kind_is_saved_as_a_plain_one(name: str, value: object, plain: object) -> None:
    given: Any = {name: value}
    pipeline = Pipeline()
    pipeline.add_component("ranker", SecondPassRanker("some/model", **given))
    assigned = SecondPassRanker("some/model")
    setattr(assigned, name, value)
    loaded: Any = Pipeline.loads(pipeline.dumps()).get_component("ranker")
    for found in (getattr(loaded, name), saved(assigned)[name]):
        assert (found, type(found)) == (plain, type(plain))
    assert json.loads(json.dumps(pipeline.to_dict())) == pipeline.to_dict()


def test_a_number_of_windows_of_numpy_is_saved_as_a_plain_one() -> None:
    overlap: Any = np.int64(8)
    found = saved(SecondPassRanker("some/model", long_documents="windows", window_overlap=overlap))["window_overlap"]
    assert (found, type(found)) == (8, int)


def test_arguments_for_transformers_that_are_changed_in_place_take_effect() -> None:
    component: Any = SecondPassRanker("some/model", model_kwargs={"torch_dtype": "float32"})
    assert component._scorer().options.dtype == "float32"
    component.model_kwargs["torch_dtype"] = "float16"
    assert component._scorer().options.dtype == "float16"


def test_device_and_token_assigned_later_take_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "hf_mine")
    component: Any = SecondPassRanker("some/model", token=None)
    before = component._scorer()
    component.token = Secret.from_env_var("MY_TOKEN")
    component.device = ComponentDevice.from_str("cuda:1")
    options = component._scorer().options
    assert (before.options.token, options.token, options.device) == (None, "hf_mine", "cuda:1")
    monkeypatch.delenv("MY_TOKEN")  # a token is asked for once: the model that needed it is there
    assert component._scorer().options is options


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"device": "cpu"}, "device must be a ComponentDevice, got str 'cpu': see ComponentDevice.from_str"),
        ({"token": "hf_secret"}, r"token must be a Secret, got str: write Secret.from_token\(...\)$"),
        ({"meta_fields_to_embed": "title"}, "meta_fields_to_embed must be a list of names, got str 'title'"),
    ],
)
def test_a_text_where_haystack_has_a_type_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputTypeError, match=message):
        SecondPassRanker("some/model", **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"api_key": "x"}, "api_key means nothing here: remove it, the model runs here"),
        ({"api_base_url": "x"}, "api_base_url means nothing here: remove it"),
        ({"meta_data_separator": "x"}, "meta_data_separator means nothing here: write embedding_separator=..."),
        ({"max_tokens_per_doc": 9}, "max_tokens_per_doc means nothing here: write max_length=..."),
        ({"model_name_or_path": "x"}, "model_name_or_path means nothing here: write model=..."),
        ({"top_n": 3}, "top_n means nothing here: write top_k=..."),
    ],
)
def test_parameters_of_other_rankers_are_refused_with_what_to_write(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SecondPassRanker(**arguments)
    data = SecondPassRanker("some/model").to_dict()
    data["init_parameters"] |= arguments
    with pytest.raises(InputError, match=message):
        SecondPassRanker.from_dict(data)
