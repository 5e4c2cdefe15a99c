"""How a model is loaded is said in the same names, types and defaults wherever it is said."""

import dataclasses
import inspect
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, get_type_hints

import pytest
import torch
from haystack.utils import ComponentDevice, Secret
from judgements import platt
from pydantic import BaseModel, SecretStr

import langchain_secondpass
import llama_index_secondpass
from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from secondpass import Calibration
from secondpass.cross_encoder import CrossEncoder
from secondpass.options import ModelOptions

# Type and default of a parameter.
Parameters = dict[str, tuple[object, object]]

# The one list of load options.
OPTIONS: Parameters = {
    option.name: (get_type_hints(ModelOptions)[option.name], option.default)
    for option in dataclasses.fields(ModelOptions)
}


def parameters_of(function: Callable[..., object]) -> Parameters:
    types = get_type_hints(function)
    parameters = inspect.signature(function).parameters.values()
    return {parameter.name: (types.get(parameter.name), parameter.default) for parameter in parameters}


def test_cross_encoder_takes_every_option_and_nothing_else() -> None:
    parameters = parameters_of(CrossEncoder.__init__)
    taken = {name: parameter for name, parameter in parameters.items() if name not in {"self", "model"}}
    assert taken == OPTIONS | {
        # Paths and devices of torch are taken as well, and kept as text; the file of a calibration is read.
        "cache_dir": (str | Path | None, None),
        "device": (str | torch.device | Sequence[str | torch.device] | None, None),
        "calibration": (Calibration | str | os.PathLike[str] | None, None),
    }


@pytest.mark.parametrize("adapter", [langchain_secondpass.SecondPassRerank, llama_index_secondpass.SecondPassRerank])
def test_pydantic_adapters_have_every_option_as_a_field(adapter: type[BaseModel]) -> None:
    fields: Parameters = {
        name: (field.annotation, field.default) for name, field in adapter.model_fields.items() if name in OPTIONS
    }
    assert fields == OPTIONS | {
        "token": (SecretStr | Literal[False] | None, None),  # which is in no repr
        "calibration": (Calibration | str | None, None),  # whose file is read
    }


def test_the_haystack_ranker_takes_every_option_but_the_activation() -> None:
    parameters = parameters_of(SecondPassRanker.__init__)
    taken = {name: parameter for name, parameter in parameters.items() if name in OPTIONS}
    expected = OPTIONS | {
        # Haystack's own types, which it can save; its earlier rankers read the token from these variables.
        "device": (ComponentDevice | None, None),
        # A path is taken as well, and saved as text.
        "cache_dir": (str | Path | None, None),
        "token": (Secret | None, Secret.from_env_var(["HF_API_TOKEN", "HF_TOKEN"], strict=False)),
        # By its file, or as it was saved.
        "calibration": (Calibration | str | dict[str, Any] | None, None),
    }
    del expected["activation"]  # always the head's own number: scaling is a choice of each run
    assert taken == expected


# A value other than the default for each option.
OTHER: dict[str, Any] = {
    "revision": "main",
    "token": "hf_secret",
    "cache_dir": "/cache",
    "local_files_only": True,
    "trust_remote_code": True,
    "device": "cuda:1",
    "dtype": "bfloat16",
    "max_length": 256,
    "instruction": "Prefer recent ones.",
    "long_documents": "windows",
    "window_overlap": 16,
    "window_aggregation": "mean-top-3",
    "activation": "sigmoid",
    "label": 1,
    "batch_tokens": 4096,
    "calibration": platt(),
}


# What an option has a meaning beside.
WINDOWS = {"long_documents": "windows"}
BESIDE: dict[str, dict[str, Any]] = {"window_overlap": WINDOWS, "window_aggregation": WINDOWS}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("adapter", [langchain_secondpass.SecondPassRerank, llama_index_secondpass.SecondPassRerank])
def test_pydantic_adapters_load_with_every_option(adapter: Any, option: str) -> None:
    change = {option: OTHER[option], **BESIDE.get(option, {})}
    assert adapter(model="some/model", **change)._scorer.options == ModelOptions(**change)


@pytest.mark.parametrize("option", [option for option in OPTIONS if option != "activation"])
def test_the_haystack_ranker_loads_with_every_option(option: str) -> None:
    change = {option: OTHER[option], **BESIDE.get(option, {})}
    arguments: dict[str, Any] = {"token": None, **change}
    if option == "device":
        arguments["device"] = ComponentDevice.from_str(OTHER["device"])
    if option == "token":
        arguments["token"] = Secret.from_token(OTHER["token"])
    component: Any = SecondPassRanker("some/model", **arguments)
    activation: Any = None if option == "calibration" else "identity"  # of which a calibration is none
    assert component._scorer().options == ModelOptions(activation=activation, **change)
