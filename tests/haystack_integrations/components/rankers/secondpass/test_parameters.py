"""Pipelines that Haystack's earlier rankers saved move over by changing the type's name."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from haystack import Document, Pipeline
from haystack.utils import Secret
from judgements import platt
from scorers import Fixed

from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from haystack_integrations.components.rankers.secondpass.loading import DEFAULT_MODEL
from haystack_integrations.components.rankers.secondpass.parameters import model_options
from haystack_integrations.components.rankers.secondpass.saving import plain
from secondpass import Calibrated
from secondpass.errors import InputError
from secondpass.options import ModelOptions
from secondpass.testing import OverlapScorer

# Written by `Pipeline.dumps` of haystack-ai 2.24.1 on a machine without an accelerator.
SAVED = Path(__file__).parent / "saved"
OURS = "haystack_integrations.components.rankers.secondpass.ranker.SecondPassRanker"


def with_our_type(name: str) -> str:
    text, n_changes = re.subn(r"haystack\.components\.rankers\.\S+", OURS, (SAVED / f"{name}.yaml").read_text())
    assert n_changes == 1
    return text


def component_of(text: str) -> SecondPassRanker:
    component = Pipeline.loads(text).get_component("ranker")
    assert isinstance(component, SecondPassRanker)
    return component


def test_transformers_similarity_ranker() -> None:
    component = component_of(with_our_type("transformers_similarity_ranker"))
    assert component.model == DEFAULT_MODEL
    assert (component.query_prefix, component.meta_fields_to_embed, component.top_k) == ("Q: ", ["title"], 10)
    # 16 documents of 128 tokens.
    expected = ModelOptions(device="cpu", dtype="float32", max_length=128, batch_tokens=2048)
    assert model_options(vars(component)) == expected


def test_transformers_similarity_ranker_as_it_comes() -> None:
    component = component_of(with_our_type("transformers_similarity_ranker_defaults"))
    # 16 documents of 512 tokens.
    assert model_options(vars(component)) == ModelOptions(device="cpu", batch_tokens=8192)


def test_sentence_transformers_similarity_ranker() -> None:
    component = component_of(with_our_type("sentence_transformers_similarity_ranker"))
    assert component.top_k == 3
    expected = ModelOptions(device="cpu", dtype="float32", max_length=256, batch_tokens=4096)
    assert model_options(vars(component)) == expected


@pytest.mark.parametrize("name", sorted(file.stem for file in SAVED.glob("*.yaml")))
def test_moved_pipelines_run(name: str, model: str) -> None:
    pipeline = Pipeline.loads(with_our_type(name).replace(DEFAULT_MODEL, model))
    documents = [Document(content="Paris"), Document(content="Berlin")]
    result = pipeline.run({"ranker": {"query": "City in Germany", "documents": documents}})["ranker"]["documents"]
    assert [document.content for document in result] == ["Berlin", "Paris"]
    assert all(0 < document.score < 1 for document in result)
    assert Pipeline.loads(pipeline.dumps()).dumps() == pipeline.dumps()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"model_kwargs": {"torch_dtype": "float16"}}, ModelOptions(dtype="float16")),
        ({"model_kwargs": {"dtype": "torch.bfloat16"}}, ModelOptions(dtype="bfloat16")),
        ({"model_kwargs": {"torch_dtype": "auto"}}, ModelOptions()),
        ({"model_kwargs": {"device_map": "cuda:1"}}, ModelOptions(device="cuda:1")),
        ({"model_kwargs": {"device_map": 1}}, ModelOptions(device="cuda:1")),
        ({"model_kwargs": {"device_map": {"": "cpu"}}}, ModelOptions(device="cpu")),
        ({"model_kwargs": {"device_map": "auto"}}, ModelOptions()),
        ({"model_kwargs": {"revision": "a", "cache_dir": "b"}}, ModelOptions(revision="a", cache_dir="b")),
        ({"model_kwargs": {"local_files_only": True}}, ModelOptions(local_files_only=True)),
        ({"model_kwargs": {"use_safetensors": True, "low_cpu_mem_usage": True}}, ModelOptions()),
        ({"tokenizer_kwargs": {"model_max_length": 64, "use_fast": True}}, ModelOptions(max_length=64)),
        ({"config_kwargs": {"revision": "a"}, "model_kwargs": {"revision": "a"}}, ModelOptions(revision="a")),
        ({"tokenizer_kwargs": {"model_max_length": 64}, "max_length": 64}, ModelOptions(max_length=64)),
        ({"batch_size": 4, "max_length": 100}, ModelOptions(max_length=100, batch_tokens=400)),
        ({"model_kwargs": {}, "tokenizer_kwargs": None}, ModelOptions()),
    ],
)
def test_what_is_honoured(arguments: dict[str, Any], expected: ModelOptions) -> None:
    assert model_options(arguments) == expected


def test_a_component_loads_its_model_with_these_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "hf_secret")
    arguments: dict[str, Any] = {"max_length": 64, "model_kwargs": {"revision": "a"}, "batch_size": 2}
    component: Any = SecondPassRanker("some/model", token=Secret.from_env_var("MY_TOKEN"), **arguments)
    # The head's own number, because scaling is a choice of each run.
    expected = dataclasses.replace(model_options(arguments), token="hf_secret", activation="identity")  # noqa: S106
    assert component._scorer().options == expected


def test_a_torch_dtype_and_device_are_honoured_and_saved_by_their_names() -> None:
    torch = pytest.importorskip("torch")
    kwargs = {"torch_dtype": torch.float16, "device_map": {"": torch.device("cpu")}}
    component = SecondPassRanker("some/model", model_kwargs=kwargs)
    assert model_options(vars(component)) == ModelOptions(dtype="float16", device="cpu")
    saved = component.to_dict()["init_parameters"]["model_kwargs"]
    assert saved == {"torch_dtype": "torch.float16", "device_map": {"": "cpu"}}
    assert component.model_kwargs == kwargs


def test_only_what_is_torchs_is_saved_by_its_name() -> None:
    class LikeTorch:
        def __str__(self) -> str:
            return "torch.something"

    value = LikeTorch()
    kwargs = {"a": "torch.x", "b": value, "c": 1, "d": None}
    saved = plain(kwargs)
    assert saved == kwargs
    assert saved is not kwargs
    assert plain(None) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"model_kwargs": {"attn_implementation": "eager"}},
            r"model_kwargs\['attn_implementation'\] cannot be honoured, remove it; model_kwargs may hold revision, .*",
        ),
        ({"config_kwargs": {"num_labels": 2}}, r"config_kwargs\['num_labels'\] cannot be honoured"),
        ({"tokenizer_kwargs": {"use_fast": False}}, r"tokenizer_kwargs\['use_fast'\] must be True, got False"),
        ({"tokenizer_kwargs": {"model_max_length": 0}}, "max_length must be at least 1, got 0"),
        ({"model_kwargs": {"torch_dtype": "float64"}}, "dtype must be one of \"float32\", .*, got 'float64'"),
        ({"model_kwargs": {"device_map": {"a": 0, "b": 1}}}, r"model_kwargs\['device_map'\] must name one device"),
        (
            {"model_kwargs": {"revision": "a"}, "revision": "b"},
            r"revision is given twice and differs: 'b', and 'a' by model_kwargs\['revision'\]",
        ),
        ({"backend": "onnx"}, "backend must be \"torch\", got 'onnx'"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"batch_size": 4, "batch_tokens": 400}, "give batch_size or batch_tokens, got both: 4 and 400"),
    ],
)
def test_what_cannot_be_honoured_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        model_options(arguments)


def test_what_cannot_be_honoured_is_refused_when_the_component_is_made() -> None:
    with pytest.raises(InputError, match=r"config_kwargs\['num_labels'\] cannot be honoured"):
        SecondPassRanker("some/model", config_kwargs={"num_labels": 2})
    with pytest.raises(InputError, match="revision says how to load a model and means nothing to a scorer"):
        SecondPassRanker(scorer=OverlapScorer(), model_kwargs={"revision": "a"})


def test_a_calibration_scales_in_place_of_the_sigmoid() -> None:
    calibration = platt()
    assert SecondPassRanker("some/model", calibration=calibration).scale_score
    for arguments, message in (
        ({"scale_score": False}, "scale_score must be True with a calibration, which makes probabilities of logits"),
        (
            {"calibration_factor": 2.0},
            "calibration_factor must be left out for scores from 0 to 1, such as a calibration's or a service's",
        ),
    ):
        with pytest.raises(InputError, match=message):
            SecondPassRanker("some/model", calibration=calibration, **arguments)
        later: Any = SecondPassRanker("some/model", **arguments)
        later.calibration = calibration
        with pytest.raises(InputError, match=message):
            later.to_dict()
    ranker = SecondPassRanker("some/model", calibration=calibration)
    with pytest.raises(InputError, match="scale_score must be True with a calibration"):
        ranker.run("q", [Document(content="a")], scale_score=False)


def test_a_model_that_gives_sigmoids_is_not_squashed_again() -> None:
    pytest.importorskip("torch")
    from secondpass import CrossEncoder

    model = CrossEncoder("secondpass/mini", activation="sigmoid")
    texts = ["berlin wall", "forest"]
    ranked = SecondPassRanker(scorer=model).run("berlin", [Document(content=text) for text in texts])["documents"]
    assert {d.content: d.score for d in ranked} == pytest.approx(
        dict(zip(texts, model.score("berlin", texts).tolist(), strict=True)), abs=1e-6
    )


def test_a_calibrated_scorer_is_not_squashed_again() -> None:
    scorer = Calibrated(Fixed([2.0, 4.0]), platt(0.5, -1.0))
    documents = [Document(content="a"), Document(content="b")]
    for scale in (True, False):
        scores = [d.score for d in SecondPassRanker(scorer=scorer, scale_score=scale).run("q", documents)["documents"]]
        assert scores == pytest.approx([0.7310585786, 0.5], abs=1e-6)  # sigmoid(0.5 * 4 - 1), sigmoid(0)
