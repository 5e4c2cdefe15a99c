"""A service's settings from plain data: each reaches what it is for, and what breaks a rule is named."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from judgements import platt
from serving import ask
from shared import ROOT

from secondpass import CrossEncoder
from secondpass.errors import InputError, InputTypeError
from secondpass.options import ModelOptions
from secondpass.service import Limits
from secondpass.service.settings import ServiceSettings, read_settings


def test_nothing_given_is_the_model_in_the_box() -> None:
    settings = read_settings({})
    assert [model.name for model in settings.models] == ["secondpass/mini"]
    assert settings.limits == Limits()
    assert not settings.log_lengths


def test_every_setting_reaches_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calibration = platt(0.5, 1.0, CrossEncoder("secondpass/mini", max_length=64, activation="identity").fingerprint())
    file = tmp_path / "calibration.json"
    calibration.save(file)
    settings = read_settings(
        {
            "models": [
                {"name": "secondpass/mini", "aliases": ["a", "b"], "max_length": 64, "calibration": str(file)},
            ],
            "limits": {"max_documents": 7, "drain_seconds": 2.5},
            "api_keys_env": "KEYS_OF_THIS_TEST",
            "log_lengths": True,
        }
    )
    assert settings.models[0].options == ModelOptions(max_length=64, calibration=calibration)
    assert settings.limits == Limits(max_documents=7, drain_seconds=2.5)
    with pytest.raises(InputError, match="KEYS_OF_THIS_TEST, which holds none"):
        settings.create_app()
    monkeypatch.setenv("KEYS_OF_THIS_TEST", "first second")
    app = settings.create_app()
    try:
        assert ask(app, "GET", "/info").status_code == 401
        told = ask(app, "GET", "/info", headers={"authorization": "Bearer second"}).json()
    finally:
        app.state.service.close()
    assert (told["model_id"], told["aliases"], told["max_input_length"]) == ("secondpass/mini", ["a", "b"], 64)
    assert told["max_client_batch_size"] == 7
    assert "calibration:" in told["fingerprint"]["served"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": "a"}, "settings must be among models, limits, api_keys_env, log_lengths, got model"),
        ({"models": []}, "models must name at least one model"),
        ({"models": 5}, "models must be a list of models, got int 5"),
        ({"models": ["a", 5]}, r"models\[1\]: must be a mapping of settings, got int 5"),
        ({"models": [{"aliases": ["b"]}]}, r"models\[0\]: name must be that of a model, got NoneType None"),
        ({"models": [{"name": "a", "alias": "b"}]}, r"models\[0\]: settings must be among name, aliases"),
        ({"models": [{"name": "a", "token": "secret"}]}, r"models\[0\]: settings must be among .*, got token"),
        ({"models": [{"name": "a", "aliases": "b"}]}, r"models\[0\]: aliases must be a list of names"),
        ({"models": [{"name": "a", "aliases": ["b", "\ud800"]}]}, r"models\[0\]: aliases\[1\] must be Unicode text"),
        ({"models": [{"name": "a", "dtype": "float8"}]}, r"models\[0\]: dtype must be one of .*, got 'float8'"),
        ({"models": [{"name": "a", "max_length": "64"}]}, r"models\[0\]: max_length must be an integer"),
        ({"models": [{"name": "a", "trust_remote_code": "no"}]}, r"trust_remote_code must be True or False"),
        ({"limits": {"max_documents": 0}}, "limits: max_documents must be greater than 0, got 0"),
        ({"limits": {"max_document": 1}}, "limits: settings must be among max_queued_tokens, .*, got max_document"),
        ({"limits": 5}, "limits: must be a mapping of settings"),
        ({"api_keys_env": ["a"]}, "api_keys_env must name an environment variable"),
        ({"log_lengths": 1}, "log_lengths must be True or False, got int 1"),
        ({"needs_api_keys": True}, "settings must be among models, limits, api_keys_env, log_lengths, got needs"),
    ],
)
def test_what_breaks_a_rule_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_settings(given)


def test_a_wrong_kind_is_a_type_error_too() -> None:
    with pytest.raises(InputTypeError):
        read_settings({"models": [{"name": "a", "max_length": "64"}]})


@pytest.mark.source
def test_the_example_is_read() -> None:
    text = (ROOT / "examples/serve_on_ray.yaml").read_text(encoding="utf-8")
    (application,) = yaml.safe_load(text)["applications"]
    assert application["args"]["limits"].keys() == {limit.name for limit in fields(Limits)}
    names = {setting.name for setting in fields(ServiceSettings)} - {"needs_api_keys"}
    assert [name for name in names | {"name", "aliases", "calibration"} if f" {name}:" not in text] == []
    settings = read_settings(application["args"])
    assert (settings.models[0].name, settings.models[0].aliases) == ("secondpass/mini", ("rerank-v3.5",))
    assert settings.limits == Limits()
