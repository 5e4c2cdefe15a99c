"""A calibration as a value and as a file: round trip, refusals, doubts, degenerate data."""

import json
import math
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from full_disk import files_of_at_most, needs_limits
from judgements import judged, platt

from secondpass import Calibration
from secondpass.calibration import Method, as_calibration
from secondpass.errors import InputError, InputTypeError, MissingExtraError

pytest.importorskip("sklearn")

METHODS = pytest.mark.parametrize("method", get_args(Method))


@METHODS
def test_a_file_gives_back_the_same_calibration(method: Method, tmp_path: Path) -> None:
    fitted = Calibration.fit(*judged(), method=method, fingerprint="files float32 512 0 identity")
    fitted.save(tmp_path / "calibration.json")
    loaded = Calibration.load(tmp_path / "calibration.json")
    assert loaded == fitted
    assert hash(loaded) == hash(fitted)
    assert loaded.probabilities([-1.0, 2.5]).tolist() == fitted.probabilities([-1.0, 2.5]).tolist()
    assert loaded.digest() == fitted.digest()
    assert pickle.loads(pickle.dumps(fitted)) == fitted  # noqa: S301 - our own


@needs_limits
def test_a_file_that_cannot_be_written_whole_stays_what_it_was(tmp_path: Path) -> None:
    Calibration.fit(*judged(), method="temperature").save(tmp_path / "calibration.json")
    before = (tmp_path / "calibration.json").read_bytes()
    with files_of_at_most(100), pytest.raises(OSError, match=r"File too large: .*calibration\.json"):
        Calibration.fit(*judged()).save(tmp_path / "calibration.json")
    assert (tmp_path / "calibration.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["calibration.json"]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "calibration.json")
    Calibration.fit(*judged()).save(tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert Calibration.load(tmp_path / "calibration.json").n_pairs == len(judged()[0])


def test_a_file_says_what_it_was_fitted_to(tmp_path: Path) -> None:
    logits, relevant, queries = judged(30, 40)
    Calibration.fit(logits, relevant, queries, fingerprint="f").save(tmp_path / "c.json")
    record = json.loads((tmp_path / "c.json").read_text())
    assert (record["method"], record["fingerprint"], record["version"]) == ("platt", "f", 1)
    assert (record["n_pairs"], record["n_queries"], record["base_rate"]) == (1200, 30, relevant.mean())
    assert record["held_out"]["after"].keys() == record["held_out"]["before"].keys() == {"ece", "brier", "log_loss"}
    assert record["parameters"].keys() == {"slope", "intercept"}


def test_applying_one_needs_neither_scikit_learn_nor_scipy_nor_torch(tmp_path: Path) -> None:
    platt(0.5, -1.0).save(tmp_path / "c.json")
    code = (
        "import sys\nfor name in ('sklearn', 'scipy', 'torch'): sys.modules[name] = None\n"
        f"from secondpass import Calibration\nprint(Calibration.load({str(tmp_path / 'c.json')!r})(4.0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert float(done.stdout) == pytest.approx(0.7310585786, abs=1e-9), done.stderr


def test_fitting_without_scikit_learn_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match=r'fitting a calibration needs .*pip install "secondpass\[calibrate\]"'):
        Calibration.fit(*judged())


def test_what_is_given_is_not_changed() -> None:
    logits, relevant, queries = judged()
    before = logits.copy(), relevant.copy(), queries.copy()
    Calibration.fit(logits, relevant, queries, method="isotonic")
    for array, copy in zip((logits, relevant, queries), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_lists_arrays_and_any_ids_of_queries_are_the_same() -> None:
    logits, relevant, queries = judged()
    fitted = Calibration.fit(logits, relevant, queries)
    ids = [f"q{query}" for query in queries]
    assert Calibration.fit(logits.tolist(), relevant.astype(int).tolist(), ids) == fitted
    assert Calibration.fit(logits, relevant.astype(float), iter(ids)) == fitted


@pytest.mark.parametrize(
    ("logits", "relevant", "queries", "message"),
    [
        ([1.0, math.nan], [1, 0], [1, 2], "logits must be finite numbers, got nan for pair 1"),
        ([math.inf, 1.0], [1, 0], [1, 2], "logits must be finite numbers, got inf for pair 0"),
        ([1.0, 2.0, 3.0], [1, 0], [1, 2], "logits, relevant and queries must be of one length, got 3, 2 and 2"),
        ([1.0, 2.0], [1, 0], [1], "must be of one length, got 2, 2 and 1"),
        ([1.0, 2.0], [1, 1], [1, 2], "relevant must hold relevant and irrelevant pairs, got 2 relevant ones of 2"),
        ([1.0, 2.0], [0, 0], [1, 2], "relevant must hold relevant and irrelevant pairs, got 0 relevant ones of 2"),
        ([], [], [], "relevant must hold relevant and irrelevant pairs, got 0 relevant ones of 0"),
        ([1.0, 2.0], [3, 0], [1, 2], "relevant must hold True and False, or 1 and 0, got 3 for pair 0"),
        (
            [[1.0], [2.0]],  # as `CrossEncoder.logits` gives them
            [1, 0],
            [1, 2],
            r'got the shape \(2, 1\); take the scores of a model with activation="identity"',
        ),
        (["a", "b"], [1, 0], [1, 2], "logits must be one number per pair"),
        ([1.0, 2.0], [1, 0], "ab", "queries must hold the query of each pair, got str"),
        ([1.0, 2.0], [1, 0], np.array(1), "queries must hold the query of each pair, got ndarray"),
    ],
)
def test_data_that_says_nothing_is_refused(logits: Any, relevant: Any, queries: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Calibration.fit(logits, relevant, queries)


@METHODS
def test_few_queries_and_few_relevant_pairs_are_fitted_with_a_warning(method: Method) -> None:
    logits, relevant, queries = judged(5, 40)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = Calibration.fit(logits, relevant, queries, method=method)
    messages = [str(warning.message) for warning in caught]
    assert any(message.startswith("5 queries are few, at least 20 make figures") for message in messages)
    n_relevant = int(relevant.sum())
    assert any(message.startswith(f"{n_relevant} relevant pairs are few, at least 50") for message in messages) == (
        n_relevant < 50
    )
    assert any(message.startswith("200 pairs are few for isotonic") for message in messages) == (method == "isotonic")
    assert fitted.held_out is not None


def test_enough_data_warns_of_nothing() -> None:
    for method in get_args(Method):
        Calibration.fit(*judged(), method=method)  # warnings are errors here


@pytest.mark.filterwarnings("ignore:.* are few")
def test_one_query_has_a_map_and_no_figures() -> None:
    logits, relevant, _ = judged()
    with pytest.warns(UserWarning, match="no query can be held out, .*queries must be at least 2"):
        fitted = Calibration.fit(logits, relevant, ["the only one"] * len(logits))
    assert fitted.held_out is None
    assert fitted(5.0) > fitted(-5.0)
    assert Calibration.from_json(json.loads(json.dumps(fitted.as_json()))) == fitted


def test_constant_logits_have_a_level_map_and_a_warning() -> None:
    _, relevant, queries = judged()
    with pytest.warns(UserWarning, match="all logits are the same"):
        fitted = Calibration.fit(np.full(len(relevant), 3.0), relevant, queries)
    assert fitted(-100.0) == fitted(100.0) == pytest.approx(relevant.mean(), abs=1e-3)


@METHODS
def test_a_logit_that_is_infinite_is_mapped_to_an_end(method: Method) -> None:
    fitted = Calibration.fit(*judged(), method=method)
    assert 0 <= fitted(-math.inf) <= fitted(-1e300) < 0.05
    assert 0.9 < fitted(1e300) <= fitted(math.inf) <= 1
    assert math.isnan(fitted(math.nan))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "a calibration must have version 1 and method, parameters"),
        ({"extra": 1}, "a calibration must have version 1"),
        ({"method": "minmax"}, "method must be one of platt, temperature, beta, isotonic, got 'minmax'"),
        ({"parameters": {"slope": 1.0}}, r"parameters of platt must be slope, intercept, got \['slope'\]"),
        ({"parameters": {"slope": -1.0, "intercept": 0.0}}, "slope must be at least 0"),
        ({"parameters": {"slope": "1", "intercept": 0.0}}, "slope must be a finite number, got '1'"),
        ({"parameters": {"slope": True, "intercept": 0.0}}, "slope must be a finite number, got True"),
        ({"parameters": []}, r"parameters must be an object, got \[\]"),
        ({"fingerprint": 3}, "fingerprint must be a string, got 3"),
        ({"date": "yesterday"}, "date must be a day such as 2026-01-31, got 'yesterday'"),
        ({"held_out": {"before": {}, "after": {}}}, "ece must be a finite number, got None"),
        ({"n_pairs": 1.5}, "n_pairs must be an integer, got 1.5"),
    ],
)
def test_a_file_that_is_no_calibration_is_refused_by_name(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(platt().as_json() | change))
    with pytest.raises(InputError, match=f"c.json: .*{message}"):
        Calibration.load(path)


def test_a_file_that_is_not_there_or_not_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        Calibration.load(tmp_path / "none.json")
    (tmp_path / "c.json").write_text('{"version": NaN}')
    with pytest.raises(InputError, match="NaN is not a JSON value"):
        Calibration.load(tmp_path / "c.json")
    with pytest.raises(InputTypeError, match="calibration must be a Calibration, the file of one or None, got int"):
        as_calibration(3)


def test_another_models_calibration_is_refused_and_rounding_is_no_other_model() -> None:
    files, others = "a" * 64, "b" * 64
    calibration = platt(fingerprint=f"{files} float32 512 0 identity")
    for same in (
        f"{files} float32 512 0 identity",
        f"{files} bfloat16 512 0 identity",
        f"{files} float16 512 0 identity",
    ):
        calibration.check_model(same)
    for other in (
        f"{others} float32 512 0 identity",
        f"{files} int8 512 0 identity",
        f"{files} float32 256 0 identity",
    ):
        with pytest.raises(InputError, match="calibration must be of this model and these settings: it was fitted"):
            calibration.check_model(other)
    with pytest.raises(InputError, match="calibration must say which model it was fitted for"):
        platt().check_model(f"{files} float32 512 0 identity")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: platt().check_model(None), "fingerprint must be text, got NoneType None"),  # type: ignore[arg-type]
        (lambda: platt().probabilities("a"), "logits must be numbers, got str 'a'"),
        (
            lambda: platt().save("no-folder/x.json"),
            "path must be a file that can be written, got 'no-folder/x.json': No",
        ),
    ],
)
def test_mistakes_are_told_in_the_callers_words(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
