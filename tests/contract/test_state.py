"""What an adapter's parameters say is what it does, however they came to say so."""

import copy
import pickle
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from truncation import TRUNCATES

from secondpass.ranking import Loadable
from secondpass.testing import OverlapScorer

if TYPE_CHECKING:
    from drivers import Driver

QUERY = "big red cat"
TEXTS = ["a red car", "the big red cat"]

CHANGES: dict[str, Any] = {
    "model": "other/model",
    "revision": "main",
    "cache_dir": "/cache",
    "local_files_only": True,
    "trust_remote_code": True,
    "dtype": "bfloat16",
    "max_length": 8,
    "instruction": "Prefer recent ones.",
    "label": 1,
    "batch_tokens": 64,
    "share_model": False,
}


class CanLoad(OverlapScorer):
    """A scorer with a model of its own, which nobody asked to be loaded."""

    def load(self) -> None: ...
    def release(self) -> None: ...


def loads(driver: "Driver", adapter: Any, name: str) -> object:
    """What the scorer that would run next says of this parameter."""
    scorer = driver.scorer(adapter)
    if name == "model":
        return scorer.model
    return scorer.share if name == "share_model" else getattr(scorer.options, name)


@pytest.mark.parametrize("name", CHANGES)
def test_assignment_takes_effect_after_the_scorer_was_asked_for(driver: "Driver", name: str) -> None:
    adapter = driver.adapter(model="some/model")
    assert loads(driver, adapter, name) != CHANGES[name]
    setattr(adapter, name, CHANGES[name])
    assert loads(driver, adapter, name) == CHANGES[name]


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_copy_does_what_it_says_and_the_original_what_it_said(driver: "Driver", name: str) -> None:
    adapter = driver.adapter(model="some/model")
    before = loads(driver, adapter, name)
    for other in (copy.copy(adapter), copy.deepcopy(adapter), pickle.loads(pickle.dumps(adapter))):  # noqa: S301
        setattr(other, name, CHANGES[name])
        assert loads(driver, other, name) == CHANGES[name]
        assert loads(driver, adapter, name) == before


@pytest.mark.parametrize("name", CHANGES)
def test_state_that_is_set_past_every_check_takes_effect(driver: "Driver", name: str) -> None:
    adapter = driver.adapter(model="some/model")
    driver.scorer(adapter)
    adapter.__dict__[name] = CHANGES[name]
    assert loads(driver, adapter, name) == CHANGES[name]
    assert loads(driver, pickle.loads(pickle.dumps(adapter)), name) == CHANGES[name]  # noqa: S301 - our own


def test_a_model_assigned_after_loading_is_the_one_that_scores(driver: "Driver", model: str, folder_of: Any) -> None:
    adapter = driver.adapter(model=model)
    documents = driver.documents(TEXTS)
    before = [driver.seen(document).score for document in driver.run(adapter, QUERY, documents)]
    adapter.model = str(folder_of("bert"))
    fresh = driver.adapter(model=str(folder_of("bert")))
    after = [driver.seen(document).score for document in driver.run(adapter, QUERY, documents)]
    assert after == [driver.seen(document).score for document in driver.run(fresh, QUERY, documents)]
    assert after != before


@TRUNCATES
def test_a_limit_assigned_after_loading_is_the_one_that_truncates(driver: "Driver", model: str) -> None:
    adapter = driver.adapter(model=model)
    documents = driver.documents(["word " * 40 + "the big red cat"])
    (before,) = driver.run(adapter, QUERY, documents)
    adapter.max_length = 16
    (after,) = driver.run(adapter, QUERY, documents)
    assert driver.seen(after).score != driver.seen(before).score
    adapter.max_length = None
    assert driver.seen(driver.run(adapter, QUERY, documents)[0]).score == driver.seen(before).score


def test_a_value_that_breaks_a_rule_is_refused_when_it_is_assigned_or_used(driver: "Driver") -> None:
    adapter = driver.adapter(model="no/such-model", local_files_only=True)

    def assign_and_run() -> None:
        adapter.max_length = 0
        driver.run(adapter, QUERY, driver.documents(TEXTS))

    with pytest.raises(ValueError, match="max_length must be at least 1, got 0"):
        assign_and_run()


def test_parameters_that_do_not_matter_keep_the_loaded_model(driver: "Driver") -> None:
    adapter = driver.adapter(model="some/model", share_model=False)
    scorer = driver.scorer(adapter)
    adapter.score_threshold = 0.5
    assert driver.scorer(adapter) is scorer
    assert isinstance(scorer, Loadable)


def test_a_scorer_is_used_as_it_is(driver: "Driver") -> None:
    scorer = CanLoad()
    adapter = driver.adapter(scorer=scorer)
    assert driver.scorer(adapter) is scorer
    assert driver.scorer(copy.copy(adapter)) is scorer


@pytest.mark.parametrize("value", [3, OverlapScorer(), ["a"]])
def test_a_model_that_is_not_a_name_is_refused_at_once(driver: "Driver", value: object) -> None:
    with pytest.raises(ValueError, match=f"model must be a name, got {type(value).__name__} .*: give an object that "):
        driver.adapter(model=value)


def test_a_path_is_a_name(driver: "Driver", tmp_path: Path) -> None:
    assert driver.scorer(driver.adapter(model=tmp_path)).model == str(tmp_path)


def test_the_class_of_a_scorer_is_refused_at_once(driver: "Driver") -> None:
    with pytest.raises(ValueError, match=r"scorer must be an object with .* got the class OverlapScorer"):
        driver.adapter(scorer=OverlapScorer)


class HuggingFace:
    """As LangChain's `BaseCrossEncoder` has it: pairs, and the name of a model."""

    model_name = "BAAI/bge-reranker-base"

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        return [0.0 for _ in text_pairs]


def test_a_cross_encoder_of_langchain_is_refused_at_once_with_what_to_write(driver: "Driver") -> None:
    with pytest.raises(ValueError, match=r"got HuggingFace .*, which has score\(text_pairs\); model='BAAI/bge-rer"):
        driver.adapter(scorer=HuggingFace())
    with pytest.raises(ValueError, match=r"model must be a name, got HuggingFace .*: write model='BAAI/bge-rer"):
        driver.adapter(model=HuggingFace())


def test_the_cross_encoder_that_stands_in_for_another_is_told_apart(driver: "Driver", folder_of: Any) -> None:
    pytest.importorskip("torch")
    from secondpass.sentence_transformers import CrossEncoder

    name = str(folder_of("bert"))
    got = r"such as a secondpass\.CrossEncoder, got secondpass\.sentence_transformers\.\w+\.CrossEncoder CrossEncoder\("
    instead = rf": load the model as secondpass\.CrossEncoder\(name\); model={name!r} in place of scorer loads it"
    with pytest.raises(ValueError, match=f"{got}.*{instead}"):
        driver.adapter(scorer=CrossEncoder(name))
    with pytest.raises(ValueError, match=f"model must be a name, got CrossEncoder .*: write model={name!r}"):
        driver.adapter(model=CrossEncoder(name))


def test_a_pickle_finds_a_relative_folder_from_any_other(
    driver: "Driver", tmp_path: Path, folder_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder_of("bert"), tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    adapter = driver.adapter(model="model")
    expected = driver.snapshot(driver.run(adapter, QUERY, driver.documents(TEXTS)))
    fresh, used = pickle.dumps(driver.adapter(model="./model")), pickle.dumps(adapter)
    lazy = pickle.dumps(driver.scorer(adapter))
    for other in (copy.copy(adapter), copy.deepcopy(adapter), driver.reloaded(adapter)):
        assert other.model == "model", "only a pickle travels"
    monkeypatch.chdir("/")
    for data in (fresh, used):
        other = pickle.loads(data)  # noqa: S301 - our own
        assert driver.snapshot(driver.run(other, QUERY, driver.documents(TEXTS))) == expected
    assert pickle.loads(lazy).model == str(tmp_path / "model")  # noqa: S301 - our own


def test_a_relative_folder_is_another_model_after_a_change_of_folder(
    driver: "Driver", tmp_path: Path, folder_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = []
    held = []
    for place, layout in (("here", "bert"), ("there", "roberta")):
        shutil.copytree(folder_of(layout), tmp_path / place / "model")
        monkeypatch.chdir(tmp_path / place)
        held.append(driver.adapter(model="model"))
        scores.append([driver.seen(d).score for d in driver.run(held[-1], QUERY, driver.documents(TEXTS))])
    assert scores[0] != scores[1]
