"""Where a sigmoid rounds different logits to the same score, documents have the order of the logits all the same."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from folders import FolderOf
from judgements import platt
from texts import LONG

from secondpass import CachedScorer, Calibrated, Cascade, CrossEncoder, RankedDocument, arank, rank
from secondpass.ranking import best_first, read_pairs

QUERY = "when did the berlin wall fall?"
DOCUMENTS = ["the wall", LONG[:400], "the wall fell", "", LONG[300:900], "people of the year", "berlin"]


def order(ranking: Iterable[RankedDocument]) -> list[int]:
    return [document.index for document in ranking]


@pytest.fixture(params=["max", "mean-top-3"])
def models(request: pytest.FixtureRequest, folder_of: FolderOf) -> tuple[CrossEncoder, CrossEncoder]:
    """Logits near 30, and their sigmoids, of documents in windows."""
    options: dict[str, Any] = {
        "max_length": 48,
        "long_documents": "windows",
        "window_aggregation": request.param,
    }
    folder = folder_of("confident")
    return CrossEncoder(folder, activation="identity", **options), CrossEncoder(folder, **options)


async def test_every_ranking_has_the_order_of_the_logits(
    models: tuple[CrossEncoder, CrossEncoder], tmp_path: Path
) -> None:
    logits, model = models
    expected = order(logits.rank(QUERY, DOCUMENTS))
    assert expected != sorted(expected)
    assert set(model.score(QUERY, DOCUMENTS).tolist()) == {1.0}
    calibrated = Calibrated(model, platt(fingerprint=model.fingerprint()))
    cached = [CachedScorer(scorer, tmp_path) for scorer in (model, calibrated)]
    scorers: list[Any] = [model, calibrated, Cascade([model, model], keep=3), *cached]
    for scorer in scorers:
        for ranking in (
            scorer.rank(QUERY, DOCUMENTS),
            rank(scorer, QUERY, DOCUMENTS, score_map=float),
            await arank(scorer, QUERY, DOCUMENTS),
        ):
            assert order(ranking) == expected
        assert order(scorer.rank(QUERY, DOCUMENTS, top_k=3)) == expected[:3]
    assert [scorer.misses for scorer in cached] == [len(DOCUMENTS)] * 2


def test_pairs_are_read_with_their_logits(models: tuple[CrossEncoder, CrossEncoder]) -> None:
    logits, model = models
    expected = order(logits.rank(QUERY, DOCUMENTS))
    pairs = [(QUERY, document) for document in DOCUMENTS]
    assert logits.read(pairs).raw_scores is None
    for scorer in (model, Calibrated(model, platt(fingerprint=model.fingerprint()))):
        readings = read_pairs(scorer, pairs)
        assert readings.raw_scores is not None
        np.testing.assert_allclose(readings.raw_scores, logits.predict(pairs), atol=1e-5)
        assert best_first(readings.scores.tolist(), readings.raw_scores.tolist()) == expected


def test_passages_have_the_order_of_their_logits(models: tuple[CrossEncoder, CrossEncoder]) -> None:
    of_logits, of_sigmoids = (model.passages(QUERY, LONG[:600], max_tokens=12) for model in models)
    assert [(part.start, part.end) for part in of_sigmoids] == [(part.start, part.end) for part in of_logits]
    assert [part.start for part in of_logits] != sorted(part.start for part in of_logits)
    assert {part.score for part in of_sigmoids} == {1.0}
