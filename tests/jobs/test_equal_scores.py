"""Jobs rank as `rank` does, where scores are equal that were not before a calibration, or before they were rounded."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from job_rows import read_output, write_jsonl
from judgements import steps
from scorers import Scores

from secondpass import CachedScorer, Calibrated, CrossEncoder, RankedDocument, rank
from secondpass.jobs import JobSettings, score_files

QUERY = "inhabitants of Berlin"
DOCUMENTS = [
    "A sourdough starter is flour and water.",
    "The Berlin Wall.",
    "Berlin has 3.5 million inhabitants.",
    "",
    "Paris has inhabitants, too.",
]


class _Alike:
    """Gives scores that differ in double precision alone, those of later documents higher."""

    def score(self, query: str, documents: Sequence[str]) -> list[float]:  # noqa: ARG002 - a Scorer
        return [1 + 1e-12 * DOCUMENTS.index(document) for document in documents]


class _Ranks(Scores):
    """Says by itself what its scores were, as a service's scorer may."""

    def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
        ranked = rank(Scores(), query, documents)
        return [RankedDocument(d.index, 0.5, d.text, raw_score=d.score) for d in ranked]


def _scorer(kind: str, folder: Path) -> Any:
    logits = CrossEncoder("secondpass/mini", activation="identity")
    calibration = steps(logit=100, fingerprint=logits.fingerprint())  # all probabilities are 0.1
    scorers = {
        "model": lambda: CrossEncoder("secondpass/mini", calibration=calibration),
        "calibrated": lambda: Calibrated(logits, calibration),
        "cached": lambda: CachedScorer(Calibrated(logits, calibration), folder / "cache"),
        "calibrated scores": lambda: Calibrated(Scores(), steps(fingerprint="scores")),
        "ranks": _Ranks,
        "double precision": _Alike,
    }
    return scorers[kind]()


KINDS = ["model", "calibrated", "cached", "calibrated scores", "ranks", "double precision"]


@pytest.mark.parametrize("output_format", ["jsonl", "parquet"])
@pytest.mark.parametrize("kind", KINDS)
def test_ranks_are_those_of_rank(kind: str, output_format: Any, tmp_path: Path) -> None:
    scorer = _scorer(kind, tmp_path)
    expected = [document.index for document in rank(scorer, QUERY, DOCUMENTS)]
    assert expected != list(range(len(DOCUMENTS)))
    path = write_jsonl(tmp_path / "a.jsonl", [{"query": QUERY, "document": document} for document in DOCUMENTS])
    score_files(path, tmp_path / "out", scorer=scorer, settings=JobSettings(output_format=output_format))
    if output_format == "parquet":
        rows = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "out" / "scores").to_pylist()
    else:
        rows = read_output(tmp_path / "out")
    assert len({round(row["score"], 6) for row in rows}) == 1
    assert [row["rank"] for row in rows] == [expected.index(i) + 1 for i in range(len(DOCUMENTS))]
    assert set(rows[0]) == {"query", "document", "score", "rank", "truncated"}


def test_json_lines_hold_the_scores_as_they_were_given(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"query": QUERY, "document": document} for document in DOCUMENTS])
    score_files(path, tmp_path / "out", scorer=_Alike())
    assert [row["score"] for row in read_output(tmp_path / "out")] == _Alike().score(QUERY, DOCUMENTS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_is_in_the_order_of_rank_wherever_its_pairs_stood(kind: str, tmp_path: Path) -> None:
    scorer = _scorer(kind, tmp_path)
    expected = [str(document.index) for document in rank(scorer, QUERY, DOCUMENTS)]
    rows = [
        {"query_id": f"q{q}", "document_id": i, "query": QUERY, "document": document}
        for i, document in enumerate(DOCUMENTS)
        for q in range(2)
    ]
    path, settings = write_jsonl(tmp_path / "a.jsonl", rows), JobSettings(output_format="trec", shard_rows=3)
    result = score_files(path, tmp_path / "out", scorer=scorer, settings=settings)
    lines = [line.split() for line in Path(result.scores).read_text().splitlines()]
    assert [(line[0], line[2]) for line in lines] == [(q, i) for q in ("q0", "q1") for i in expected]
    written = [float(line[4]) for line in lines if line[0] == "q0"]
    assert written == sorted(set(written), reverse=True)
