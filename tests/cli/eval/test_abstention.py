"""`secondpass eval --unanswerable`: how often a threshold leaves nothing, rightly and wrongly."""

import json
from pathlib import Path
from typing import Any

import pytest
from checkpoints import bert
from command_line import call
from judgements import platt

from secondpass import Calibration, CrossEncoder
from secondpass.errors import InputError

TEXTS = {"a": "the cat sleeps", "b": "the dog barks", "c": "cat and dog", "d": "a horse"}
QUERIES = {"1": "cat", "2": "dog"}
UNANSWERABLE = {"u1": "horse and cat", "u2": "dog barks", "u3": "submarine"}


def lines(texts: dict[str, str]) -> str:
    return "".join(json.dumps({"_id": key, "text": text}) + "\n" for key, text in texts.items())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "collection"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text(lines(TEXTS))
    (folder / "queries.jsonl").write_text(lines(QUERIES))
    (folder / "qrels.trec").write_text("1 0 a 1\n2 0 b 1\n")
    (tmp_path / "unanswerable.jsonl").write_text(lines(UNANSWERABLE))
    return folder


def kept_by(scorer: CrossEncoder, queries: dict[str, str], found: dict[str, str], threshold: float) -> dict[str, Any]:
    """What is counted of the documents that hold a word of each query."""
    kept = [
        len(scorer.rank(text, [TEXTS[key] for key in found[query]], score_threshold=threshold))
        for query, text in queries.items()
    ]
    return {
        "n_queries": len(kept),
        "n_empty": kept.count(0),
        "n_without_candidates": [found[query] for query in queries].count(""),
        "n_kept": sum(kept),
        "empty_share": kept.count(0) / len(kept),
        "kept_per_query": sum(kept) / len(kept),
    }


def test_it_counts_what_the_model_keeps_of_bm25s_candidates(folder: Path, tmp_path: Path) -> None:
    found = {"1": "ac", "2": "bc", "u1": "adc", "u2": "bc", "u3": ""}
    model = bert(tmp_path / "model")
    scorer = CrossEncoder(model)
    threshold = float(min(scorer.score("cat", [TEXTS["a"], TEXTS["c"]])))
    command = ("eval", folder, "-m", model, "--unanswerable", "unanswerable.jsonl", "--score-threshold", threshold)
    (row,) = json.loads(call(*command, "-o", "out"))
    assert row["abstention"] == {
        "score_threshold": threshold,
        "answerable": kept_by(scorer, QUERIES, found, threshold),
        "unanswerable": kept_by(scorer, UNANSWERABLE, found, threshold),
    }
    assert row["abstention"]["unanswerable"]["n_without_candidates"] == 1
    assert len(list(Path("out").glob("*.unanswerable.jsonl"))) == 1
    assert json.loads(call(*command, "-o", "out")) == [row]
    table = call(*command, "--format", "markdown")
    figures = row["abstention"]["unanswerable"]
    assert f"| unanswerable | {figures['n_empty']} of 3 | {figures['empty_share']:.1%} |" in table
    assert "queries without any candidate: 1 unanswerable" in table


def test_a_run_is_taken_where_it_ranks_the_queries(folder: Path, tmp_path: Path) -> None:
    model = bert(tmp_path / "model")
    run = "1 Q0 a 1 2 t\n2 Q0 b 1 2 t\n"
    (tmp_path / "judged.trec").write_text(run)
    (tmp_path / "all.trec").write_text(run + "u1 Q0 d 1 2 t\nu1 Q0 b 2 1 t\n")
    command = ("eval", folder, "-m", model, "--unanswerable", "unanswerable.jsonl", "--score-threshold", -1e9)
    (row,) = json.loads(call(*command, "--run", "all.trec"))
    counted = {key: row["abstention"]["unanswerable"][key] for key in ("n_kept", "n_without_candidates")}
    assert counted == {"n_kept": 2, "n_without_candidates": 2}
    (row,) = json.loads(call(*command, "--run", "judged.trec"))
    counted = {key: row["abstention"]["unanswerable"][key] for key in ("n_kept", "n_without_candidates")}
    assert counted == {"n_kept": 5, "n_without_candidates": 1}
    assert "BM25's, for the run ranks none of these" in call(*command, "--run", "judged.trec", "--format", "markdown")


def test_a_threshold_is_a_probability_of_calibrated_models_and_cascades(folder: Path, tmp_path: Path) -> None:
    found = {"1": "ac", "2": "bc", "u1": "adc", "u2": "bc", "u3": ""}
    models = [bert(tmp_path / name, max_length=length) for name, length in (("one", 64), ("two", 32))]
    for model, intercept in zip(models, (-50.0, -0.5), strict=True):
        fingerprint = CrossEncoder(model, activation="identity").fingerprint()
        platt(2.0, intercept, fingerprint).save(f"{Path(model).name}.json")
    scorer = CrossEncoder(models[1], calibration=Calibration.load(tmp_path / "two.json"))
    threshold = min(document.score for document in scorer.rank("cat", [TEXTS["a"], TEXTS["c"]]))
    command = ["eval", folder, "-m", models[0], "-m", models[1], "--score-threshold", threshold]
    command += ["--unanswerable", "unanswerable.jsonl", "--calibration", "one.json", "--calibration", "two.json"]
    one, two, cascade = json.loads(call(*command, "--keep", 4))
    assert [one["abstention"][kind]["n_kept"] for kind in ("answerable", "unanswerable")] == [0, 0]
    assert two["abstention"]["unanswerable"] == kept_by(scorer, UNANSWERABLE, found, threshold)
    assert cascade["abstention"] == two["abstention"]  # it keeps all for the last stage
    table = call(*command, "--format", "markdown")
    assert "what is kept of a probability of at least" in table
    plain = json.loads(call("eval", folder, "-m", models[1]))
    assert plain[0]["measures"] == two["measures"]
    with pytest.raises(InputError, match="calibration must be of this model"):
        call(*command[:6], "--score-threshold", 0.5, "--calibration", "two.json", "--calibration", "one.json")


@pytest.mark.filterwarnings("ignore::secondpass.errors.TruncationWarning")  # which is the case to test
def test_each_way_to_read_keeps_what_it_scores_so(folder: Path, tmp_path: Path) -> None:
    found = {"1": "ac", "2": "bc", "u1": "adc", "u2": "bc", "u3": ""}
    model = bert(tmp_path / "model", max_length=12)
    truncating, windows = CrossEncoder(model), CrossEncoder(model, long_documents="windows")
    readings = windows.read([(UNANSWERABLE["u1"], TEXTS[key]) for key in found["u1"]])
    threshold = float(max(readings.scores))
    command = ("eval", folder, "-m", model, "--long-documents", "windows", "--compare-truncation")
    rows = json.loads(
        call(*command, "--unanswerable", "unanswerable.jsonl", "--score-threshold", threshold, "-o", "out")
    )
    assert [row["abstention"] for row in rows] == [
        {
            "score_threshold": threshold,
            "answerable": kept_by(scorer, QUERIES, found, threshold),
            "unanswerable": kept_by(scorer, UNANSWERABLE, found, threshold),
        }
        for scorer in (truncating, windows)
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--unanswerable", "unanswerable.jsonl"), "--unanswerable must come with --score-threshold: without one"),
        (("--score-threshold", "nan"), "score_threshold must be a number, got NaN"),
        (("--score-threshold", "inf"), "--score-threshold must be finite, got inf"),
        (
            ("--unanswerable", "collection/queries.jsonl", "--score-threshold", 0),
            "--unanswerable must hold queries without judgements, 2 of 2 have some, such as '1'",
        ),
        (
            ("--unanswerable", "empty.jsonl", "--score-threshold", 0),
            "--unanswerable must hold at least one query, got none in empty.jsonl",
        ),
        (("--unanswerable", "wrong.jsonl", "--score-threshold", 0), r"wrong.jsonl:1: .*text"),
        (("other", "--score-threshold", 0), "--score-threshold must come with one collection, got 2"),
        (
            ("--long-documents", "windows", "--compare-truncation", "--calibration", "c.json"),
            "--compare-truncation must come without --calibration, which fits one way to read",
        ),
        (("--calibration", "c.json"), "--calibration must come with --score-threshold or --keep: it changes no order"),
        (
            ("--calibration", "c.json", "--calibration", "c.json", "--score-threshold", 0.5),
            "--calibration must be given once for each --model, in their order, got 2 for 1",
        ),
        (
            ("--calibration", "c.json", "--score-threshold", 0.5, "--activation", "sigmoid"),
            "--activation must be left out with --calibration",
        ),
        (
            ("--calibration", "c.json", "--score-threshold", 2),
            "--score-threshold must be from 0 to 1 with --calibration, which makes probabilities, got 2",
        ),
    ],
)
def test_what_is_refused_before_any_work(folder: Path, arguments: tuple[object, ...], message: str) -> None:
    (folder.parent / "other").mkdir()
    (folder.parent / "empty.jsonl").touch()
    (folder.parent / "wrong.jsonl").write_text('{"_id": "u1"}\n')
    with pytest.raises(InputError, match=message):
        call("eval", folder, *arguments, "-m", "no/such-model")


def test_a_re_ranking_set_has_no_threshold(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"query": "cat", "positive": ["the cat"], "negative": ["a dog"]}\n')
    with pytest.raises(InputError, match="--score-threshold must come with a folder"):
        call("eval", path, "--score-threshold", 0.5)
