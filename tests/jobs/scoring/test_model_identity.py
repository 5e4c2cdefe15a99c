"""By what the scorers of two calls of a job are told apart."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from checkpoints import bert
from fake_service import faking
from job_rows import make_rows, write_jsonl
from judgements import platt
from scorers import Scores

from secondpass import CachedScorer, Calibrated, CrossEncoder
from secondpass.errors import InputError
from secondpass.jobs import JobSettings, score_files
from secondpass.jobs.scoring.model_identity import identity_of
from secondpass.options import ModelOptions
from secondpass.ranking import Scorer
from secondpass.remote import RemoteScorer


class _Silent:
    """A scorer without a fingerprint."""

    model = object()  # as those have that hold a network

    def score(self, query: str, documents: Sequence[str]) -> list[float]:  # noqa: ARG002 - a Scorer
        return [0.5] * len(documents)


def test_another_service_does_not_go_on_with_a_job(tmp_path: Path) -> None:
    rows = make_rows(20)
    path, settings = write_jsonl(tmp_path / "a.jsonl", rows), JobSettings(shard_rows=5)
    with faking(pages={}) as first, faking(pages={}) as second:
        score_files(path, tmp_path / "out", scorer=RemoteScorer(first.url, api="jina"), settings=settings)
        with pytest.raises(InputError, match=rf"url {first.url} there, {second.url} now"):
            score_files(path, tmp_path / "out", scorer=RemoteScorer(second.url, api="jina"), settings=settings)
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"api": "vllm"}, "api jina there, vllm now"),
            ({"api": "jina", "model": "m"}, "model none there, m now"),
        ]
        for arguments, message in wrong:
            with pytest.raises(InputError, match=message):
                score_files(path, tmp_path / "out", scorer=RemoteScorer(first.url, **arguments), settings=settings)
        same = RemoteScorer(first.url + "/", api="jina", timeout=9)
        assert score_files(path, tmp_path / "out", scorer=same, settings=settings).n_shards_before > 1


def test_a_service_that_cannot_give_the_scores_is_no_silent_one() -> None:
    pages = {"/v1/models": {"data": [{"id": "m"}]}}
    with (
        faking(pages=pages) as fake,
        RemoteScorer(fake.url, raw_scores=True) as scorer,
        pytest.raises(InputError, match="raw_scores must be False"),
    ):
        identity_of(scorer, ModelOptions())


def test_a_key_in_an_address_is_written_nowhere() -> None:
    with faking(pages={}) as fake, RemoteScorer(f"{fake.url}/v1/rerank?key=secret", api="jina") as scorer:
        identity = identity_of(scorer, ModelOptions())
    assert identity["url"] == f"{fake.url}/v1/rerank"
    assert "secret" not in str(identity)


def test_two_calibrations_of_a_scorer_without_a_fingerprint_are_two() -> None:
    first, second = (identity_of(Calibrated(_Silent(), platt(a, 0.0, "")), ModelOptions()) for a in (1.0, 2.0))
    assert first.pop("calibration") != second.pop("calibration")
    assert first == second
    assert first["scorer"] == "_Silent"


@pytest.mark.parametrize("around", ["cached", "calibrated"])
def test_what_stands_around_a_model_hides_nothing_of_it(around: str, tmp_path: Path) -> None:
    folder = bert(tmp_path / "model", max_length=16)
    model = CrossEncoder(str(folder), long_documents="windows", activation="identity")
    scorer: Scorer = (
        CachedScorer(model, tmp_path / "cache")
        if around == "cached"
        else Calibrated(model, platt(1.0, 0.0, model.fingerprint()))
    )
    identity = identity_of(scorer, ModelOptions())
    assert (identity["dtype"], identity["max_length"], identity["long_documents"]) == ("float32", 16, "windows")
    text = "people city year " * 9
    path = write_jsonl(tmp_path / "a.jsonl", [{"query": "city", "document": text}])
    result = score_files(path, tmp_path / "out", scorer=scorer)
    (expected,) = scorer.rank("city", [text])  # type: ignore[attr-defined] # both have it
    line = Path(result.scores, "part-00000.jsonl").read_text()
    assert f'"passage_start": {expected.passage.start}, "passage_end": {expected.passage.end}' in line


def test_scorers_that_are_told_apart_by_their_class_alone_are_told_apart_by_that(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", make_rows(3))
    score_files(path, tmp_path / "out", scorer=_Silent())
    with pytest.raises(InputError, match="holds the scores of another one: scorer _Silent there, none now"):
        score_files(path, tmp_path / "out", scorer=Scores())
