"""No error of pydantic's shows a secret, in no form of it."""

from collections.abc import Callable
from typing import Any, Self

import pytest
from pydantic import ValidationError, model_validator

import langchain_secondpass
import llama_index_secondpass
from secondpass.testing import OverlapScorer

ADAPTERS = pytest.mark.parametrize(
    "adapter", [langchain_secondpass.SecondPassRerank, llama_index_secondpass.SecondPassRerank]
)
SECRET = "hf_SECRET"  # noqa: S105 - of nobody


def refusal(make: Callable[[], object]) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        make()
    return caught.value


def check(make: Callable[[], object], message: str) -> None:
    error = refusal(make)
    assert message in str(error)
    shown = (str(error), repr(error), str(error.errors()), repr(error.errors()), error.json())
    assert not [text for text in shown if "SECRET" in text]


@ADAPTERS
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"token": SECRET, "batch_tokens": 0}, "batch_tokens must be at least 1, got 0"),
        ({"token": SECRET, "window_overlap": 8}, "window_overlap must be left out"),
        ({"token": SECRET, "dtype": "float12"}, "dtype must be one of"),
        ({"token": SECRET, "scorer": OverlapScorer()}, "give model or scorer, got both"),
        ({"token": SECRET.encode()}, "token must be text, False or None, got bytes"),
        ({"token": [SECRET]}, "token must be text, False or None, got list"),
        ({"model": "https://host", "token": f"{SECRET} "}, "api_key must be ASCII characters without spaces"),
        ({"hf_token": SECRET}, "hf_token is no parameter of SecondPassRerank: did you mean token?"),
        ({"api_key": SECRET}, "api_key"),
    ],
)
def test_a_secret_is_in_no_refusal(adapter: Any, values: dict[str, Any], message: str) -> None:
    values = {"model": "some/model", **values}
    check(lambda: adapter.model_validate(values), message)
    if "api_key" not in values:  # which the constructor refuses by itself
        check(lambda: adapter(**values), message)
        check(lambda: adapter.model_construct(**values), message)
    changes = {name: value for name, value in values.items() if name != "model"}
    whole = adapter(model=values["model"])
    check(lambda: whole.model_copy(update=changes), message)


@ADAPTERS
def test_a_secret_is_in_no_refusal_of_an_assignment(adapter: Any) -> None:
    scores, loads = adapter(scorer=OverlapScorer()), adapter(model="some/model", token=SECRET)
    check(lambda: setattr(scores, "token", SECRET), "token says how to load a model")
    check(lambda: setattr(loads, "token", SECRET.encode()), "token must be text, False or None, got bytes")
    check(lambda: setattr(loads, "batch_tokens", 0), "batch_tokens must be at least 1, got 0")
    check(lambda: setattr(loads, "window_overlap", 8), "window_overlap must be left out")
    assert loads.token.get_secret_value() == SECRET
    other = adapter(model="some/model")
    other.token = SECRET
    assert other.token.get_secret_value() == SECRET


@pytest.mark.filterwarnings("ignore:.*is how another reranker spells it:DeprecationWarning")
def test_a_secret_in_another_rerankers_spelling_is_in_no_refusal() -> None:
    rerank: Any = llama_index_secondpass.SecondPassRerank
    kwargs = {"token": SECRET, "max_length": 0}
    check(lambda: rerank(model="m", cross_encoder_kwargs=kwargs), "max_length must be at least 1, got 0")


@ADAPTERS
def test_a_secret_is_in_no_refusal_of_a_derived_class(adapter: Any) -> None:
    class Own(adapter):  # type: ignore[misc] # a class that mypy cannot see
        @model_validator(mode="after")
        def _refuse(self) -> Self:
            raise ValueError("never right")

    check(lambda: Own(model="m", token=SECRET), "never right")


@ADAPTERS
def test_the_token_is_what_was_given(adapter: Any) -> None:
    for made in (
        adapter(model="m", token=SECRET),
        adapter.model_validate_json(f'{{"model": "m", "token": "{SECRET}"}}'),
        adapter(model="m").model_copy(update={"token": SECRET}),
    ):
        assert made.token.get_secret_value() == SECRET
        assert made._scorer.options.token == SECRET
    assert adapter(model="m", token=None).token is None


@ADAPTERS
def test_no_token_at_all_is_false_as_in_huggingface_hub(adapter: Any) -> None:
    for made in (
        adapter(model="m", token=False),
        adapter.model_validate_json('{"model": "m", "token": false}'),
        adapter(model="m").model_copy(update={"token": False}),
    ):
        assert made.token is False
        assert made._scorer.options.token is False
    assert adapter(model="https://host", token=False)._scorer == adapter(model="https://host")._scorer
    check(lambda: adapter(model="m", token=True), "token must be text, False or None, got bool")
