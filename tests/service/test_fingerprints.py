"""What `/info` says that scores depend on: found out once of a model here, each time of one elsewhere."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_service import Fake, Reply, faking, running
from fastapi import FastAPI
from scorers import Scores
from serving import app_of, ask

from secondpass import CachedScorer, RemoteScorer
from secondpass.errors import RemoteError


def pages(revision: str) -> Mapping[str, object]:
    """What TEI says of itself."""
    return {"/info": {"model_id": "a/model", "model_type": {"reranker": {}}, "model_sha": revision}}


@contextmanager
def gateway() -> Iterator[tuple[FastAPI, Fake]]:
    """Our service around a scorer that asks another one, and that other one."""
    with faking(pages=pages("one")) as upstream, RemoteScorer(upstream.url, raw_scores=True, retries=0) as scorer:
        yield app_of(scorer), upstream


def told(app: FastAPI) -> Mapping[str, str | None]:
    answered = ask(app, "GET", "/info")
    assert answered.status_code == 200
    fingerprint: Mapping[str, str | None] = answered.json()["fingerprint"]
    return fingerprint


def test_scores_of_two_models_behind_a_gateway_are_not_kept_as_those_of_one(tmp_path: Path) -> None:
    with gateway() as (app, upstream), running(app) as url, RemoteScorer(url) as client:
        cached = CachedScorer(client, tmp_path)
        cached.score("q", ["a"])
        upstream.pages = pages("two")
        with pytest.raises(RemoteError, match="its service has another model now"):
            cached.score("q", ["a", "bb"])
        assert len(CachedScorer(client, tmp_path).score("q", ["a", "bb"])) == 2


def test_a_fingerprint_that_could_not_be_asked_for_is_told_later() -> None:
    with gateway() as (app, upstream):
        upstream.pages = {"/info": Reply(503, b"")}
        assert told(app) == {"raw": None, "served": None}
        upstream.pages = pages("one")
        first = told(app)
        assert first["raw"] is not None
        upstream.pages = pages("two")
        assert told(app)["raw"] not in (None, first["raw"])


def test_a_fingerprint_that_a_model_here_could_not_tell_is_told_later() -> None:
    class Locked(Scores):
        """The first time, its files cannot be read."""

        n_asked = 0

        def fingerprint(self) -> str:
            self.n_asked += 1
            if self.n_asked == 1:
                raise PermissionError("model.safetensors")
            return super().fingerprint()

    scorer = Locked()
    app = app_of(scorer)
    assert [told(app)["raw"] for _ in range(3)] == [None, "scores", "scores"]
    assert scorer.n_asked == 2, "what it said is not asked for again"
