"""Calls as LangChain's other rerankers are made: taken where they mean the same here, refused by name where not."""

import importlib.util
import warnings
from typing import Any

import pytest

from langchain_secondpass import SecondPassRerank
from secondpass.errors import InputError, InputTypeError
from secondpass.options import ModelOptions
from secondpass.testing import OverlapScorer

HAS_CROSS_ENCODERS = importlib.util.find_spec("langchain_core.cross_encoders") is not None


def adapters() -> list[Any]:
    if not HAS_CROSS_ENCODERS:  # langchain-core before 1.2.19
        return [SecondPassRerank]
    from langchain_secondpass import SecondPassCrossEncoder

    return [SecondPassRerank, SecondPassCrossEncoder]


EVERY = pytest.mark.parametrize("adapter", adapters(), ids=lambda adapter: adapter.__name__)


@EVERY
@pytest.mark.parametrize(
    ("arguments", "spelling", "options"),
    [
        ({}, "", {}),
        ({"model_kwargs": {}}, "", {}),
        ({"model_kwargs": {"device": "cpu"}}, ", device='cpu'", {"device": "cpu"}),
        ({"model_kwargs": {"device": None, "max_length": None, "token": True}}, "", {}),
        (
            {"model_kwargs": {"max_length": 256, "trust_remote_code": True, "revision": "main"}},
            ", max_length=256, trust_remote_code=True, revision='main'",
            {"max_length": 256, "trust_remote_code": True, "revision": "main"},
        ),
        (
            {"model_kwargs": {"cache_folder": "/a", "local_files_only": True}},
            ", cache_dir='/a', local_files_only=True",
            {"cache_dir": "/a", "local_files_only": True},
        ),
        ({"model_kwargs": {"token": "hf_secret"}}, ", token=...", {"token": "hf_secret"}),
        ({"model_kwargs": {"token": False}}, ", token=...", {"token": False}),
        ({"model_kwargs": {"model_kwargs": {"torch_dtype": "bfloat16"}}}, ", dtype='bfloat16'", {"dtype": "bfloat16"}),
        ({"model_kwargs": {"automodel_args": {"dtype": "float16"}}}, ", dtype='float16'", {"dtype": "float16"}),
        ({"model_kwargs": {"tokenizer_kwargs": {"model_max_length": 9}}}, ", max_length=9", {"max_length": 9}),
        ({"model_kwargs": {"backend": "torch", "num_labels": None}}, "", {}),
        ({"cache_folder": "/a"}, ", cache_dir='/a'", {"cache_dir": "/a"}),
    ],
)
def test_a_call_of_hugging_face_cross_encoder(
    adapter: Any, arguments: dict[str, Any], spelling: str, options: dict[str, Any]
) -> None:
    with pytest.warns(DeprecationWarning, match="is how another reranker spells it") as warned:
        moved = adapter(model_name="some/model", **arguments)
    name = adapter.__name__
    foreign = ", ".join(f"{key}=..." for key in ("model_name", *arguments))
    (warning,) = warned
    assert str(warning.message) == (
        f"{name}({foreign}) is how another reranker spells it: write {name}(model='some/model'{spelling})"
    )
    assert warning.filename == __file__  # where one looks, and where Python shows it by default
    assert (moved._scorer.model, moved._scorer.options) == ("some/model", ModelOptions(**options))
    assert set(moved.model_fields_set) == {"model", *options}


@EVERY
def test_activations_of_torch_are_known_by_their_class(adapter: Any) -> None:
    nn = pytest.importorskip("torch.nn")
    for key, activation, name in (
        ("activation_fn", nn.Identity(), "identity"),
        ("default_activation_function", nn.Sigmoid(), "sigmoid"),
    ):
        with pytest.warns(DeprecationWarning, match=f"activation='{name}'"):
            assert adapter(model_name="m", model_kwargs={key: activation}).activation == name
    for other in (nn.Tanh(), nn.Sigmoid, abs):
        with pytest.raises(InputError, match=r"model_kwargs\['activation_fn'\] must be Identity\(\) or Sigmoid\(\)"):
            adapter(model_name="m", model_kwargs={"activation_fn": other})


@EVERY
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model_kwargs": {"prompts": {}}}, r"model_kwargs\['prompts'\] cannot be honoured, remove it; .* may hold "),
        (
            {"model_kwargs": {"model_kwargs": {"attn_implementation": "eager"}}},
            r"model_kwargs\['model_kwargs'\]\['attn_implementation'\] cannot be honoured, remove it",
        ),
        ({"model_kwargs": {"num_labels": 2}}, r"model_kwargs\['num_labels'\] must be None, got 2"),
        ({"model_kwargs": {"backend": "onnx"}}, r"model_kwargs\['backend'\] must be 'torch', got 'onnx'"),
        ({"model_kwargs": "cpu"}, "model_kwargs must be a dict, got str 'cpu'"),
        (
            {"model_kwargs": {"device": "cpu"}, "device": "cuda"},
            "device is given twice and differs: 'cuda', and 'cpu' ",
        ),
        ({"model": "other/model"}, "model is given twice and differs: 'other/model', and 'some/model' by model_name"),
        ({"client": object()}, 'client means nothing here: write model="..." for a checkpoint that runs here'),
        ({"batch_size": 32}, "batch_size means nothing here: write batch_tokens=..."),
    ],
)
def test_what_does_not_translate_is_refused_by_name(adapter: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        adapter(model_name="some/model", **arguments)


def test_two_tokens_that_differ_are_in_no_message() -> None:
    with pytest.raises(InputError, match=r"token is given twice and differs$"):
        SecondPassRerank(model="m", token="hf_a", model_kwargs={"token": "hf_b"})  # type: ignore[call-arg,arg-type] # noqa: S106


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prefix_metadata": "flash_"}, 'prefix_metadata means nothing here: write score_key="PREFIX_relevance_score"'),
        ({"cohere_api_key": "x"}, "cohere_api_key means nothing here: remove it, the model runs here"),
        ({"base_url": "x"}, "base_url means nothing here: remove it"),
        ({"user_agent": "x"}, "user_agent means nothing here: remove it"),
        ({"max_tokens_per_doc": 9}, "max_tokens_per_doc means nothing here: write max_length=..."),
        ({"rank_fields": ["title"]}, "rank_fields means nothing here: write metadata_fields=..."),
    ],
)
def test_arguments_of_flashrank_and_cohere_are_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SecondPassRerank(model="some/model", **arguments)


def test_top_k_is_top_n() -> None:
    with pytest.warns(DeprecationWarning, match=r"write SecondPassRerank\(model='m', top_n=5\)"):
        assert SecondPassRerank(model="m", top_k=5).top_n == 5  # type: ignore[call-arg] # for those who migrate
    with pytest.raises(InputError, match="top_n is given twice and differs: 3, and 5 by top_k"):
        SecondPassRerank(model="m", top_k=5, top_n=3)  # type: ignore[call-arg]


def test_no_limit_is_one_that_is_given() -> None:
    rerank: Any = SecondPassRerank
    with pytest.warns(DeprecationWarning, match=r"write SecondPassRerank\(model='m', top_n=None\)"):
        assert rerank(model="m", top_k=None).top_n is None
    for ours, theirs in ((None, 5), (3, None)):
        with pytest.raises(InputError, match=f"top_n is given twice and differs: {ours}, and {theirs} by top_k"):
            rerank(model="m", top_k=theirs, top_n=ours)


@EVERY
def test_names_of_today_warn_of_nothing(adapter: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        moved = adapter(model="m", device="cpu", max_length=8)
        assert adapter.model_validate_json(moved.model_dump_json()) == moved
        adapter.model_validate({"scorer": OverlapScorer()})


@EVERY
def test_a_model_by_position_is_refused_with_the_call_to_write(adapter: Any) -> None:
    name = adapter.__name__
    with pytest.raises(
        InputTypeError, match=rf"{name} takes its parameters by name: write {name}\(model=...\), got 'm'"
    ):
        adapter("m")


@pytest.mark.skipif(not HAS_CROSS_ENCODERS, reason="langchain-core before 1.2.19")
def test_the_model_of_cross_encoder_reranker_is_not_a_name() -> None:
    from langchain_secondpass import SecondPassCrossEncoder

    inner: Any = SecondPassCrossEncoder(model="m")
    with pytest.raises(ValueError, match=r"model must be a name, got SecondPassCrossEncoder .*: write model='m'"):
        SecondPassRerank(model=inner, top_n=3)
    with pytest.raises(ValueError, match=r"which has score\(text_pairs\); model='m' in place of scorer loads it"):
        SecondPassRerank(scorer=inner, top_n=3)


@EVERY
def test_a_field_of_a_derived_class_is_its_own(adapter: Any) -> None:
    class Own(adapter):  # type: ignore[misc] # a class that mypy cannot see
        timeout: int = 3

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        own = Own(model="m", timeout=5)
    assert own.timeout == 5
    with pytest.raises(InputError, match="api_key means nothing here"):
        Own(model="m", api_key="x")
    with pytest.raises(InputError, match="timeout means nothing here"):
        adapter(model="m", timeout=5)
