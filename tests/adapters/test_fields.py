"""Pydantic's ways past a constructor: each is checked, and each takes effect."""

import copy
import pickle
from typing import Any, Self

import pytest
from pydantic import ConfigDict, ValidationError, model_validator

import langchain_secondpass
import llama_index_secondpass
from secondpass.adapters.fields import ModelFields, RerankFields
from secondpass.adapters.lazy import LazyCrossEncoder
from secondpass.testing import OverlapScorer

ADAPTERS = pytest.mark.parametrize(
    "adapter", [langchain_secondpass.SecondPassRerank, llama_index_secondpass.SecondPassRerank, RerankFields]
)


def scorer_of(adapter: Any) -> LazyCrossEncoder:
    scorer = adapter._scorer
    assert isinstance(scorer, LazyCrossEncoder)
    return scorer


@ADAPTERS
@pytest.mark.parametrize("deep", [False, True])
def test_an_updated_copy_scores_with_what_it_says(adapter: Any, deep: bool) -> None:  # noqa: FBT001 - pydantic's flag
    original = adapter(model="some/model", share_model=False)
    before = scorer_of(original)
    changed = original.model_copy(update={"model": "other/model", "max_length": 8}, deep=deep)
    assert (scorer_of(changed).model, scorer_of(changed).options.max_length) == ("other/model", 8)
    assert changed.model_fields_set == {"model", "share_model", "max_length"}
    assert type(changed) is adapter
    assert scorer_of(original) is before
    assert (original.model, original.max_length) == ("some/model", None)


@ADAPTERS
def test_a_copy_can_go_over_from_a_model_to_a_scorer_and_back(adapter: Any) -> None:
    scorer = OverlapScorer()
    changed = adapter(model="some/model").model_copy(update={"model": None, "scorer": scorer})
    assert changed._scorer is scorer
    assert scorer_of(changed.model_copy(update={"model": "m", "scorer": None})).model == "m"


@ADAPTERS
@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"max_length": 0}, "max_length must be at least 1, got 0"),
        ({"top_n": 0}, "top_n must be at least 1, got 0"),
        ({"score_threshold": float("nan")}, "score_threshold must be a number, got NaN"),
        ({"dtype": "float12"}, "dtype"),
        ({"max_lenght": 8}, "max_lenght is no parameter of .*: did you mean max_length"),
        ({"dytpe": "int8", "threshold": 0.5}, r"did you mean dtype\?; threshold is .*: did you mean score_threshold\?"),
        ({"xyz": 8}, "xyz is no parameter of .*: it takes activation, batch_tokens, "),
        ({"model": None}, "got neither"),
        ({"scorer": OverlapScorer()}, "give model or scorer, got both"),
    ],
)
def test_what_a_constructor_refuses_a_copy_refuses(adapter: Any, update: dict[str, Any], message: str) -> None:
    original = adapter(model="some/model")
    with pytest.raises(ValidationError, match=message):
        original.model_copy(update=update)
    with pytest.raises(ValidationError, match=message), pytest.warns(DeprecationWarning, match="`copy` method"):
        original.copy(update=update)
    with pytest.raises(ValidationError, match=message):
        adapter.model_construct(**{"model": "some/model", **update})
    assert scorer_of(original).model == "some/model"


@ADAPTERS
def test_copies_without_changes_keep_the_loaded_model(adapter: Any) -> None:
    original = adapter(model="some/model", share_model=False)
    scorer = scorer_of(original)
    assert scorer_of(original.model_copy()) is scorer
    assert scorer_of(original.model_copy(update={"top_n": 1})) is scorer
    assert scorer_of(copy.copy(original)) is scorer


@ADAPTERS
def test_copies_of_one_that_was_never_used_share_its_model(adapter: Any) -> None:
    original = adapter(model="some/model", share_model=False)
    copies = [copy.copy(original), *(original.model_copy(update={"top_n": top_n}) for top_n in (1, 2))]
    with pytest.warns(DeprecationWarning, match="`copy` method"):
        copies.append(original.copy(update={"top_n": 4}))
    copies.append(copies[1].model_copy(update={"top_n": 5}))
    assert {id(scorer_of(copied)) for copied in copies} == {id(scorer_of(original))}


@ADAPTERS
def test_a_copy_that_names_another_model_shares_none(adapter: Any) -> None:
    original = adapter(model="some/model", share_model=False)
    other = original.model_copy(update={"model": "other/model"})
    again = other.model_copy(update={"model": "some/model"})
    scorers = [scorer_of(one) for one in (original, other, again)]
    assert [scorer.model for scorer in scorers] == ["some/model", "other/model", "some/model"]
    assert len(set(map(id, scorers))) == 3
    assert scorer_of(original) is scorers[0]


def test_a_copy_per_request_loads_the_model_once(model: str) -> None:
    original = RerankFields(model=model, share_model=False)
    loaded = {id(scorer_of(original.model_copy(update={"top_n": top_n})).load()) for top_n in (1, 2, 3)}
    assert loaded == {id(scorer_of(original).load())}


@ADAPTERS
def test_pydantics_earlier_copy_follows_too(adapter: Any) -> None:
    original = adapter(model="some/model", max_length=8)
    with pytest.warns(DeprecationWarning, match="`copy` method"):
        changed = original.copy(update={"model": "other/model"}, exclude={"max_length"})
    assert (scorer_of(changed).model, scorer_of(changed).options.max_length) == ("other/model", None)


@ADAPTERS
def test_an_adapter_that_is_put_together_is_a_whole_one(adapter: Any) -> None:
    built = adapter.model_construct(model="some/model", max_length=8, token="hf_secret")  # noqa: S106 - of nobody
    assert scorer_of(built).options.max_length == 8
    assert scorer_of(built).options.token == "hf_secret"  # noqa: S105
    assert "hf_secret" not in repr(built)
    assert adapter.model_construct({"model"}, model="some/model", max_length=8).model_fields_set == {"model"}


@ADAPTERS
def test_restored_state_takes_effect(adapter: Any) -> None:
    original = adapter(model="some/model")
    scorer_of(original)
    state = copy.deepcopy(original.__getstate__())
    state["__dict__"]["max_length"] = 8
    restored = adapter(model="other/model")
    restored.__setstate__(state)
    assert (scorer_of(restored).model, scorer_of(restored).options.max_length) == ("some/model", 8)
    assert scorer_of(pickle.loads(pickle.dumps(restored))).options.max_length == 8  # noqa: S301 - our own


def test_a_hint_is_for_a_parameter_that_there_is() -> None:
    with pytest.raises(ValidationError, match="top_n is no parameter of ModelFields: it takes activation, "):
        ModelFields(model="some/model", top_n=3)  # type: ignore[call-arg] # what is refused


def test_a_derived_class_may_take_more() -> None:
    class Open(RerankFields):
        model_config = ConfigDict(extra="allow")

    assert (Open(model="some/model", dytpe="int8").model_extra or {}).keys() == {"dytpe"}  # type: ignore[call-arg] # taken


def test_what_a_validator_of_a_subclass_refuses_leaves_nothing_behind() -> None:
    class Short(RerankFields):
        @model_validator(mode="after")
        def _check_length(self) -> Self:
            if self.max_length is not None and self.max_length > 64:
                raise ValueError("too long")
            return self

    adapter = Short(model="some/model", max_length=8)
    with pytest.raises(ValidationError, match="too long"):
        adapter.max_length = 65
    assert (adapter.max_length, scorer_of(adapter).options.max_length) == (8, 8)


@ADAPTERS
def test_a_field_that_is_refused_was_not_set(adapter: Any) -> None:
    made = adapter(model="some/model")
    before = set(made.model_fields_set)
    with pytest.raises(ValueError, match="scorer"):
        made.scorer = OverlapScorer()  # beside a model
    assert made.model_fields_set == before


@ADAPTERS
def test_adapters_of_the_same_fields_are_equal_whatever_they_have_loaded(adapter: Any) -> None:
    used = adapter(model="some/model")
    unused = used.model_copy()  # with the same callback manager, which is a field of LlamaIndex's
    scorer_of(used)
    assert used == unused
    unused.max_length = 8
    assert used != unused
    assert used != type("Own", (adapter,), {})(**dict(used))
    assert used != "some/model"
    with pytest.raises(TypeError, match="unhashable"):
        hash(used)


def test_a_scorer_that_equals_everything_is_not_taken_for_another() -> None:
    class Same(OverlapScorer):
        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 0

    first, second = Same(), Same()
    adapter = RerankFields(scorer=first)
    adapter.scorer = second
    assert adapter._scorer is second
