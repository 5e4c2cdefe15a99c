"""Components that derive from the ranker, with parameters of their own."""

from typing import Any

import pytest
from haystack import Document, component

from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from secondpass.errors import InputError


class Narrow(SecondPassRanker):
    """Takes little, and one parameter that means something else elsewhere."""

    def __init__(self, model: str | None = None, *, top_k: int = 5, timeout: float = 1.0) -> None:
        super().__init__(model, top_k=top_k)
        self.timeout = timeout


class Fixed(SecondPassRanker):
    """Always the same model."""

    def __init__(self, *, top_k: int = 5) -> None:
        super().__init__("some/model", top_k=top_k)


class Wide(SecondPassRanker):
    """Takes all that the ranker takes, and more."""

    def __init__(self, *, extra: int = 1, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.extra = extra


@component
class Registered(SecondPassRanker):
    """Made a component again, which replaces the class that `super()` would mean."""

    def __init__(self, model: str | None = None, *, top_k: int = 5) -> None:
        SecondPassRanker.__init__(self, model, top_k=top_k)


@pytest.mark.parametrize(
    ("made", "parameters"),
    [
        (Narrow("some/model", top_k=3, timeout=5.0), {"model": "some/model", "top_k": 3, "timeout": 5.0}),
        (Fixed(top_k=3), {"top_k": 3}),
        (Registered("some/model", top_k=3), {"model": "some/model", "top_k": 3}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_derived_component_is_saved_by_what_it_takes(made: SecondPassRanker, parameters: dict[str, Any]) -> None:
    saved = made.to_dict()
    assert saved["init_parameters"] == parameters
    assert type(made).from_dict(saved).to_dict() == saved


def test_a_derived_component_that_passes_arguments_on_is_saved_with_them() -> None:
    made = Wide(extra=2, model="some/model", top_k=3)
    assert Wide.from_dict(made.to_dict()).to_dict() == made.to_dict()
    expected = SecondPassRanker("some/model", top_k=3).to_dict()["init_parameters"]
    assert made.to_dict()["init_parameters"] == {**expected, "extra": 2}


def test_a_derived_component_ranks(model: str) -> None:
    documents = [Document(content="Paris"), Document(content="Berlin")]
    best = Narrow(model, top_k=1).run("City in Germany", documents)["documents"]
    assert [document.content for document in best] == ["Berlin"]


def test_a_name_that_a_derived_component_does_not_take_stays_foreign() -> None:
    with pytest.raises(InputError, match="api_key means nothing here"):
        Narrow("some/model", api_key="x")  # type: ignore[call-arg] # what is refused
    with pytest.raises(InputError, match="timeout means nothing here"):
        Wide(model="some/model", timeout=3)
