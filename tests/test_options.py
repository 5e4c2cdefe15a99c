import dataclasses
import inspect
from typing import Any

import pytest

from secondpass.cross_encoder import CrossEncoder
from secondpass.errors import InputError
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
        ("batch_tokens", True, "batch_tokens must be an integer or None, got bool True"),
    ],
)
def test_values_that_break_a_rule_are_refused(option: str, value: object, message: str) -> None:
    arguments: dict[str, Any] = {option: value}
    with pytest.raises(InputError) as caught:
        ModelOptions(**arguments)
    assert str(caught.value) == message


def test_given_names_what_is_not_at_its_default() -> None:
    assert ModelOptions(max_length=5, trust_remote_code=True).given() == ("trust_remote_code", "max_length")
    assert ModelOptions().given() == ()
