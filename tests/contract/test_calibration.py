"""A calibration in every adapter: the core's probabilities, in the order of the logits, and it travels by content."""

import copy
import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from judgements import platt
from scorers import Fixed

from secondpass import Calibrated, Calibration, CrossEncoder
from secondpass.calibration import calibration_of
from secondpass.errors import InputError

if TYPE_CHECKING:
    from drivers import Driver

QUERY = "city in Germany"
TEXTS = ["Paris", "Berlin is a city in Germany.", "a dog", "Rome is a city."]


@pytest.fixture
def calibration(model: str) -> Calibration:
    """One of the model, by which half is where the logit is 2."""
    return platt(0.5, -1.0, CrossEncoder(model, activation="identity").fingerprint())


def steps(calibration: Calibration) -> Calibration:
    """The same model's, by which all of these documents are alike."""
    parameters = {"logits": [-50.0, 50.0], "probabilities": [0.5, 0.5]}
    return Calibration.from_json(calibration.as_json() | {"method": "isotonic", "parameters": parameters})


def seen(driver: "Driver", documents: list[Any]) -> list[tuple[str, float | None]]:
    return [(driver.seen(document).text, driver.seen(document).score) for document in documents]


async def test_scores_are_the_cores(driver: "Driver", model: str, calibration: Calibration) -> None:
    ranked = CrossEncoder(model, calibration=calibration).rank(QUERY, TEXTS)
    adapter = driver.adapter(model=model, calibration=calibration)
    documents = driver.documents(TEXTS)
    for reranked in (driver.run(adapter, QUERY, documents), await driver.arun(adapter, QUERY, documents)):
        texts, scores = zip(*seen(driver, reranked), strict=True)
        assert list(texts) == [document.text for document in ranked]
        assert list(scores) == pytest.approx([document.score for document in ranked], abs=1e-6)


def test_the_order_is_that_of_the_logits_where_probabilities_are_equal(
    driver: "Driver", model: str, calibration: Calibration
) -> None:
    logits = CrossEncoder(model, activation="identity").rank(QUERY, TEXTS)
    adapter = driver.adapter(model=model, calibration=steps(calibration))
    reranked = seen(driver, driver.run(adapter, QUERY, driver.documents(TEXTS)))
    assert reranked == [(document.text, 0.5) for document in logits]


def test_a_threshold_is_a_probability(driver: "Driver", model: str, calibration: Calibration) -> None:
    (best, second, *_) = CrossEncoder(model, calibration=calibration).rank(QUERY, TEXTS)
    threshold = (best.score + second.score) / 2
    adapter = driver.adapter(model=model, calibration=calibration, score_threshold=threshold)
    assert [text for text, _ in seen(driver, driver.run(adapter, QUERY, driver.documents(TEXTS)))] == [best.text]
    nothing = driver.adapter(model=model, calibration=calibration, score_threshold=0.999)
    assert driver.run(nothing, QUERY, driver.documents(TEXTS)) == []


def test_a_file_is_read_at_once_and_travels_by_content(
    driver: "Driver", model: str, calibration: Calibration, tmp_path: Path
) -> None:
    path = tmp_path / "calibration.json"
    calibration.save(path)
    adapter = driver.adapter(model=model, calibration=str(path))
    path.unlink()
    assert adapter.calibration == calibration
    for again in (driver.reloaded(adapter), copy.deepcopy(adapter), pickle.loads(pickle.dumps(adapter))):  # noqa: S301 - ours
        assert again.calibration == calibration
        assert calibration_of(driver.scorer(again)) == calibration
    first, second = (seen(driver, driver.run(a, QUERY, driver.documents(TEXTS))) for a in (adapter, again))
    assert first == second


def test_another_models_calibration_and_a_broken_file_are_refused(
    driver: "Driver", model: str, calibration: Calibration, tmp_path: Path
) -> None:
    other = driver.adapter(model=model, calibration=platt(fingerprint="of another model"))
    with pytest.raises(InputError, match="calibration must be of this model and these settings: it was fitted for"):
        driver.run(other, QUERY, driver.documents(TEXTS))
    shorter = driver.adapter(model=model, calibration=calibration, max_length=64)
    with pytest.raises(InputError, match="calibration must be of this model and these settings"):
        driver.run(shorter, QUERY, driver.documents(TEXTS))
    (tmp_path / "c.json").write_text(json.dumps({"version": 1}))
    for broken, message in ((tmp_path / "c.json", "a calibration must have version 1"), ("none.json", "no such file")):
        with pytest.raises(ValueError, match=message):
            driver.adapter(model=model, calibration=str(broken))


def test_a_scorer_is_calibrated_by_itself(driver: "Driver") -> None:
    scorer = Calibrated(Fixed([2.0, 4.0]), platt(0.5, -1.0))
    reranked = driver.run(driver.adapter(scorer=scorer), QUERY, driver.documents(["a", "b"]))
    # sigmoid(0.5 * 4 - 1) and sigmoid(0).
    texts, scores = zip(*seen(driver, reranked), strict=True)
    assert texts == ("b", "a")
    assert scores == pytest.approx((0.7310585786, 0.5), abs=1e-6)
    with pytest.raises(ValueError, match=r"calibration says how to load .* write scorer=Calibrated\(scorer, calib"):
        driver.adapter(scorer=Fixed([1.0]), calibration=platt())
