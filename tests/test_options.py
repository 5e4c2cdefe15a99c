import dataclasses
import inspect
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from judgements import platt

from langchain_secondpass import SecondPassRerank
from secondpass.cross_encoder import CrossEncoder
from secondpass.errors import InputError, InputTypeError
from secondpass.options import ModelOptions


def test_options_and_defaults_are_those_of_cross_encoder() -> None:
    taken = {
        name: parameter.default
        for name, parameter in inspect.signature(CrossEncoder).parameters.items()
        if name != "model"
    }
    options = ModelOptions()
    assert {
        name: getattr(options, name) for name in (field.name for field in dataclasses.fields(ModelOptions))
    } == taken


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("dtype", "float64", 'dtype must be one of "float32", "bfloat16", "float16", "int8" or None, got \'float64\''),
        ("activation", "relu", 'activation must be one of "identity", "sigmoid" or None, got \'relu\''),
        ("max_length", 0, "max_length must be at least 1, got 0"),
        ("max_length", "64", "max_length must be an integer or None, got str '64'"),
        ("instruction", 1, "instruction must be text or None, got int 1"),
        (
            "instruction",
            "a\ud800",
            r"instruction must be Unicode text, has the lone surrogate '\ud800' at character 1",
        ),
        ("batch_tokens", True, "batch_tokens must be an integer or None, got bool True"),
        ("revision", 3, "revision must be text or None, got int 3"),
        ("cache_dir", 3, "cache_dir must be text or None, got int 3"),
        (
            "cache_dir",
            "~no-such-user/hub",
            "cache_dir must be in the home folder of somebody, got '~no-such-user/hub'",
        ),
        ("local_files_only", "no", "local_files_only must be True or False, got str 'no'"),
        ("trust_remote_code", "false", "trust_remote_code must be True or False, got str 'false'"),
        ("trust_remote_code", None, "trust_remote_code must be True or False, got NoneType None"),
        ("label", True, "label must be an index, a name or None, got bool True"),
        ("label", 1.0, "label must be an index, a name or None, got float 1.0"),
        ("long_documents", "chunks", 'long_documents must be one of "truncate", "windows", got \'chunks\''),
        ("long_documents", None, 'long_documents must be one of "truncate", "windows", got None'),
        ("window_overlap", -1, "window_overlap must be at least 0, got -1"),
        ("window_overlap", 1.5, "window_overlap must be an integer or None, got float 1.5"),
        ("window_overlap", 8, 'window_overlap must be left out unless long_documents is "windows"'),
        ("window_aggregation", "sum", 'window_aggregation must be one of "max", "mean-top-3", got \'sum\''),
        ("window_aggregation", "mean-top-3", 'window_aggregation must be left out unless long_documents is "windows"'),
    ],
)
def test_values_that_break_a_rule_are_refused(option: str, value: object, message: str) -> None:
    arguments: dict[str, Any] = {option: value}
    with pytest.raises(InputError) as caught:
        ModelOptions(**arguments)
    assert str(caught.value) == message


def test_a_calibration_and_an_activation_contradict_each_other() -> None:
    with pytest.raises(InputError, match="give activation or calibration, got both: 'sigmoid', and a calibration"):
        ModelOptions(calibration=platt(), activation="sigmoid")
    with pytest.raises(InputTypeError, match=r"calibration must be a Calibration or None, got str 'calibration\.json'"):
        ModelOptions(calibration="calibration.json")  # type: ignore[arg-type] # what the check is for
    assert hash(ModelOptions(calibration=platt())) == hash(ModelOptions(calibration=platt()))
    assert ModelOptions(calibration=platt()) != ModelOptions(calibration=platt(0.6))


def test_given_names_what_is_not_at_its_default() -> None:
    assert ModelOptions(max_length=5, trust_remote_code=True).given() == ("trust_remote_code", "max_length")
    assert ModelOptions().given() == ()


def test_a_pickle_finds_the_folder_of_downloads_from_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, (_, options) = CrossEncoder("secondpass/mini", cache_dir="cache").__reduce__()
    pickled = pickle.dumps(SecondPassRerank(model="secondpass/mini", cache_dir="cache"))
    monkeypatch.chdir("/")
    assert options.cache_dir == pickle.loads(pickled).cache_dir == str(tmp_path / "cache")  # noqa: S301 - our own
    assert ModelOptions(cache_dir="~/hub").portable().cache_dir == str(Path.home() / "hub")


def test_counts_may_be_integers_of_numpy() -> None:
    options = ModelOptions(
        max_length=np.int64(128),  # type: ignore[arg-type] # which is taken all the same
        long_documents="windows",
        window_overlap=np.int32(8),  # type: ignore[arg-type] # likewise
    )
    assert [type(number) for number in (options.max_length, options.window_overlap)] == [int, int]
    assert options == ModelOptions(max_length=128, long_documents="windows", window_overlap=8)
    with pytest.raises(InputError, match="max_length must be at least 1, got 0"):
        ModelOptions(max_length=np.int64(0))  # type: ignore[arg-type] # likewise
