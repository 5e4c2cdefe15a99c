"""`secondpass calibrate` as people call it."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import bert
from typer.testing import CliRunner, Result

from secondpass import Calibration, CrossEncoder
from secondpass.calibration import OutOfReach, Threshold, Wanted, find_thresholds
from secondpass.cli.app import app
from secondpass.cli.calibrate import _reached, parse_wanted
from secondpass.cli.notices import warnings_in_lines
from secondpass.errors import InputError

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

WORDS = ("wall", "year", "people", "city", "revolution", "berlin", "fell")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bert(tmp_path_factory.mktemp("model"), max_length=32)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """25 queries with 6 candidates each, of which the model puts the relevant ones first more often than not."""
    folder = tmp_path_factory.mktemp("collection")
    numbers = np.random.default_rng(0)
    texts = {f"d{i}": " ".join(numbers.choice(WORDS, 5)) for i in range(40)}
    queries = {f"q{i}": " ".join(numbers.choice(WORDS, 3)) for i in range(25)}
    scorer = CrossEncoder(model, activation="identity")
    qrels: list[str] = []
    run: list[str] = []
    for query, text in queries.items():
        candidates = numbers.choice(list(texts), 6, replace=False).tolist()
        ranked = scorer.rank(text, [texts[key] for key in candidates])
        best = [candidates[document.index] for document in ranked]
        relevant = (best[0], best[int(numbers.integers(1, 4))])
        qrels += [*(f"{query} 0 {key} {numbers.integers(1, 3)}\n" for key in relevant), f"{query} 0 {best[-1]} 0\n"]
        run.extend(f"{query} Q0 {key} {rank} {-rank} run\n" for rank, key in enumerate(candidates))
    (folder / "corpus.jsonl").write_text("".join(json.dumps({"_id": k, "text": t}) + "\n" for k, t in texts.items()))
    (folder / "queries.jsonl").write_text("".join(json.dumps({"_id": k, "text": t}) + "\n" for k, t in queries.items()))
    (folder / "qrels.trec").write_text("".join(qrels))
    (folder / "run.trec").write_text("".join(run))
    return folder


def call(*arguments: object) -> Result:
    """What the command does, with warnings as the command line shows them: pytest would make errors of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        with warnings_in_lines(str):
            return CliRunner().invoke(app, ["calibrate", *map(str, arguments)])


def invoke(*arguments: object) -> Result:
    result = call(*arguments)
    if result.exception is not None:
        raise result.exception
    return result


def test_it_writes_a_calibration_that_the_model_takes_and_a_report(
    collection: Path, model: Path, tmp_path: Path
) -> None:
    file, folder = tmp_path / "new" / "calibration.json", tmp_path / "out"
    arguments = (collection, "-m", model, "--run", collection / "run.trec", "-o", file, "--report", folder)
    content = json.loads(invoke(*arguments).stdout)
    calibration = Calibration.load(file)
    assert content["calibration"] == calibration.as_json()
    assert content == json.loads((folder / "report.json").read_text())
    assert (calibration.n_queries, calibration.n_pairs) == (25, 150)
    assert content["n_unjudged"] == 150 - len((collection / "qrels.trec").read_text().splitlines())
    assert {path.suffix for path in folder.iterdir()} == {".json", ".png", ".jsonl"}
    scored = CrossEncoder(model, calibration=file).score("berlin wall", ["berlin fell", "year"])
    logits = CrossEncoder(model, activation="identity").score("berlin wall", ["berlin fell", "year"])
    np.testing.assert_allclose(scored, calibration.probabilities(logits), atol=1e-6)
    # What was scored is not scored again, and gives the same.
    assert json.loads(invoke(*arguments).stdout) == content


def test_one_number_for_what_is_wanted(collection: Path, model: Path, tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    common = (collection, "-m", model, "--run", collection / "run.trec", "-o", file)
    threshold = float(invoke(*common, "--want", "recall=0.8").stdout)
    report = json.loads(invoke(*common).stdout)
    (row,) = (row for row in report["thresholds"] if (row["aim"], row["value"]) == ("recall", 0.8))
    assert threshold == row["threshold"]["value"]
    with pytest.raises(InputError, match=r"--want precision=0\.95 is out of reach on these queries, at most 0.5 is"):
        _reached(OutOfReach(Wanted("precision", 0.95), 0.5))


def test_grades_and_unjudged_documents_are_the_callers_choice(collection: Path, model: Path) -> None:
    common = (collection, "-m", model, "--run", collection / "run.trec")
    every, high = (json.loads(invoke(*common, "--relevant-from", grade).stdout) for grade in (1, 2))
    assert every["n_relevant"] > high["n_relevant"] > 0
    judged = json.loads(invoke(*common, "--unjudged", "left-out").stdout)
    assert judged["calibration"]["n_pairs"] == 150 - judged["n_unjudged"]
    assert judged["calibration"]["base_rate"] > every["calibration"]["base_rate"]


def test_little_data_is_calibrated_with_a_warning_in_words(collection: Path, model: Path, tmp_path: Path) -> None:
    few = tmp_path / "queries.jsonl"
    few.write_text("".join((collection / "queries.jsonl").read_text().splitlines(keepends=True)[:8]))
    result = invoke(collection, "-m", model, "--run", collection / "run.trec", "--queries", few, "--depth", 4)
    assert "warning: 8 queries are few, at least 20" in result.stderr
    assert "judged queries without text are not measured: 17 of 25" in result.stderr
    assert ".py:" not in result.stderr
    assert json.loads(result.stdout)["calibration"]["n_pairs"] == 32
    # What is wrong with the data is what ends it, too: the warning goes before the error.
    failed = call(collection, "-m", model, "--run", collection / "run.trec", "--queries", few, "--relevant-from", 9)
    assert isinstance(failed.exception, InputError)
    assert "judged queries without text are not measured: 17 of 25" in failed.stderr


def test_tables_show_before_after_and_thresholds(collection: Path, model: Path) -> None:
    common = (collection, "-m", model, "--run", collection / "run.trec", "--format")
    table, markdown = (invoke(*common, form).stdout for form in ("table", "markdown"))
    report = json.loads(invoke(*common, "json").stdout)
    ece = f"{report['calibration']['held_out']['after']['ece']:.4f}"
    for text in (table, markdown):
        for part in ("sigmoid(logit), before", "thresholds for a precision", "thresholds for a recall", ece):
            assert part in text
        assert "unjudged" in text
    left_out = invoke(*common, "table", "--unjudged", "left-out").stdout
    assert "unjudged pairs left out" in left_out


def test_it_retrieves_candidates_where_there_is_no_run(collection: Path, model: Path) -> None:
    pytest.importorskip("bm25s")
    content = json.loads(invoke(collection, "-m", model, "--depth", 20, "--method", "beta").stdout)
    assert (content["depth"], content["calibration"]["method"]) == (20, "beta")
    assert 150 < content["calibration"]["n_pairs"] <= 500


def test_mistakes_are_told_before_any_work(collection: Path, tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.touch()
    nowhere = "./no-such-model"
    for arguments, message in (
        ((file,), "COLLECTION must be a folder or ir:ID, .* is a file"),
        ((tmp_path / "none",), "COLLECTION must be a folder or ir:ID, .* is nothing"),
        ((collection, "-o", tmp_path), "--output must be a file, got a folder"),
        ((collection, "--report", file), "--report must be a folder"),
        ((collection, "--want", "0.9"), "--want must be precision=VALUE or recall=VALUE, such as precision=0.9, got"),
        ((collection, "--depth", 0), "depth must be at least 1, got 0"),
        ((collection, "--relevant-from", 0), "relevant_from must be at least 1, got 0"),
    ):
        with pytest.raises(InputError, match=message):
            invoke(*arguments, "-m", nowhere)


@pytest.mark.parametrize("text", ["precision", "precision=", "precision=high", "f1=0.9", "=0.9", "0.9"])
def test_what_is_no_want_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--want must be precision=VALUE or recall=VALUE"):
        parse_wanted(text)


def test_a_want_is_an_aim_and_a_share() -> None:
    assert parse_wanted("precision=0.9") == Wanted("precision", 0.9)
    assert parse_wanted("recall=1") == Wanted("recall", 1.0)
    with pytest.raises(InputError, match=r"^--want precision must be greater than 0 and at most 1, got 90"):
        parse_wanted("precision=90")


def test_the_numbers_are_those_of_the_library(collection: Path, model: Path, tmp_path: Path) -> None:
    from secondpass.evaluation import label_scores, read_collection, read_run, rerank

    read = read_collection(collection)
    scorer = CrossEncoder(model, activation="identity")
    labelled = label_scores(rerank(scorer, read, read_run(collection / "run.trec")), read.qrels)
    pairs: Any = (labelled.scores, labelled.relevant, labelled.queries)
    calibration = Calibration.fit(*pairs, method="beta", fingerprint=scorer.fingerprint())
    file = tmp_path / "c.json"
    printed = invoke(
        collection, "-m", model, "--run", collection / "run.trec", "--method", "beta", "-o", file,
        "--want", "precision=0.5",
    ).stdout  # fmt: skip
    assert Calibration.load(file) == calibration
    (expected,) = find_thresholds(calibration, *pairs, wanted=[Wanted("precision", 0.5)])
    assert isinstance(expected, Threshold)
    assert float(printed) == expected.threshold.value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--relevant-from", 5), "--relevant-from must leave relevant candidates, got none of grade 5 or above among"),
        (("--unjudged", "left-out"), "there must be irrelevant judged candidates too, .*: try --unjudged irrelevant"),
    ],
)
def test_judgements_of_one_kind_are_told_before_anything_is_scored(
    model: Path, tmp_path: Path, arguments: tuple[object, ...], message: str
) -> None:
    (tmp_path / "qrels.trec").write_text("".join(f"q{i} 0 d{i} 1\n" for i in range(3)))
    (tmp_path / "run.trec").write_text("".join(f"q{i} Q0 d{i} 1 1.0 run\n" for i in range(3)))
    for name, key in (("corpus", "d"), ("queries", "q")):
        lines = [json.dumps({"_id": f"{key}{i}", "text": f"text {i}"}) + "\n" for i in range(3)]
        (tmp_path / f"{name}.jsonl").write_text("".join(lines))
    with pytest.raises(InputError, match=message):
        invoke(tmp_path, "-m", model, "--run", tmp_path / "run.trec", "--report", tmp_path / "report", *arguments)
    assert not (tmp_path / "report").exists()
