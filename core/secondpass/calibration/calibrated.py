"""Any scorer, calibrated: its scores become probabilities."""

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from secondpass.calibration.calibration import Calibration, as_calibration
from secondpass.errors import InputError, InputTypeError, NoFingerprintError
from secondpass.errors.item_numbers import caller_numbers
from secondpass.ranking import (
    AsyncScorer,
    Fingerprinted,
    Pair,
    RankedDocument,
    Readings,
    Scorer,
    arank,
    is_pointwise,
    known_fingerprint,
    rank,
    read_pairs,
    score_pairs,
    sources,
)
from secondpass.ranking.blocks import blocks_of, numbered
from secondpass.ranking.request_checks import check_documents, check_pairs, check_query
from secondpass.ranking.score_checks import check_scores
from secondpass.ranking.score_maps import map_passages
from secondpass.ranking.scorer_checks import check_raises_failures, check_scorer
from secondpass.ranking.scorers import can_change


class Calibrated:
    """A scorer around a scorer: its scores become probabilities, and its order stays.

    A scorer that has a fingerprint must be the one that the calibration was fitted for; with one that has none, such as
    a service that does not tell it, nothing can be checked. To find out, all files of a local model are read, and a
    service is asked, by a request of its own. Of a `CrossEncoder` the fingerprint names its activation: a calibration
    of logits needs `activation="identity"`, or `CrossEncoder(model, calibration=...)`, which sees to it. A copy that is
    made of it or unpickled is checked again, but for one around a service or a `Cascade` with one.

    Args:
        scorer: Gives the scores that the calibration was fitted to.
        calibration: A `Calibration`, or the file of one.

    Raises:
        InputError: The calibration is another model's.
        RemoteError: The scorer's service cannot be asked what its scores depend on.
    """

    def __init__(
        self, scorer: Scorer, calibration: Calibration | str | os.PathLike[str] | Mapping[str, object]
    ) -> None:
        check_scorer(scorer)
        read = as_calibration(calibration)
        if read is None:
            raise InputTypeError("calibration must be a Calibration or the file of one, got None")
        if calibration_of(scorer) is not None:
            raise InputError("scorer must not be calibrated already: its scores are probabilities, not logits")
        check_raises_failures(scorer)
        self._scorer = scorer
        self._calibration = read
        self._check_model()

    def _check_model(self) -> None:
        fingerprint = known_fingerprint(self._scorer)
        if fingerprint is not None:
            self._calibration.check_model(fingerprint)

    @property
    def scorer(self) -> Scorer:
        """What gives the scores."""
        return self._scorer

    @property
    def calibration(self) -> Calibration:
        """What makes probabilities of them."""
        return self._calibration

    @property
    def is_pointwise(self) -> bool:
        """Whether a document's probability depends on nothing but the query and itself, as the scorer says."""
        return is_pointwise(self._scorer)

    def fingerprint(self) -> str:
        """What the probabilities depend on, in one string.

        Raises:
            NoFingerprintError: The scorer does not say what its scores depend on.
        """
        if not isinstance(self._scorer, Fingerprinted):
            raise NoFingerprintError(
                f"scorer must have a method fingerprint(), which {type(self._scorer).__name__} lacks"
            )
        return f"{self._scorer.fingerprint()} calibration:{self._calibration.digest()}"

    def score(self, query: str, documents: Sequence[str]) -> NDArray[np.float32]:
        """The probability that each document is relevant to the query. Shape: (n_documents,).

        Raises:
            InputTypeError: The query is not a string, or the documents are not a list of strings.
            ScoringError: The scorer gave NaN or not one score per document.
        """
        check_query(query)
        texts = check_documents(documents)
        scores = self._scorer.score(query, list(texts)) if texts else []
        return self._probabilities(check_scores(scores, len(texts)))

    def predict(self, pairs: Iterable[Pair]) -> NDArray[np.float32]:
        """The probability that the document of each (query, document) pair is relevant. Shape: (n_pairs,).

        A stream is read in blocks, and only its probabilities are kept.

        Raises:
            InputTypeError: Something is not a pair of strings.
            ScoringError: The scorer gave NaN or not one score per pair.
        """
        scores = [np.empty(0, np.float32)]
        for numbers, block in _blocks(pairs):
            with caller_numbers(numbers):
                scores.append(self._probabilities(score_pairs(self._scorer, block)))
        return np.concatenate(scores)

    def read(self, pairs: Iterable[Pair]) -> Readings:
        """The probability of each (query, document) pair, and what the scorer says of it, in its call that tells most.

        Passages are in probabilities, too. The raw scores are the scorer's raw ones, or its own where it has none. A
        stream is read in blocks.

        Raises:
            InputTypeError: As `predict`.
            ScoringError: As `predict`.
        """
        readings = []
        for numbers, block in _blocks(pairs):
            with caller_numbers(numbers):
                readings.append(self._calibrated(read_pairs(self._scorer, block)))
        return Readings.concatenate(readings)

    def rank(
        self,
        query: str,
        documents: Iterable[str],
        top_k: int | None = None,
        score_threshold: float | None = None,
    ) -> list[RankedDocument]:
        """The documents, best first, in the scorer's own order, even where probabilities are equal.

        Args:
            query: What is asked.
            documents: The candidates' texts; never changed.
            top_k: Keep at most this many, at least 1; None keeps all.
            score_threshold: Keep probabilities of at least this much; applied before top_k.

        Raises:
            InputError: An argument breaks a rule.
            ScoringError: The scorer gave NaN or not one score per document.
        """
        return rank(
            self._scorer, query, documents, top_k=top_k, score_threshold=score_threshold, score_map=self._calibration
        )

    async def ascore(self, query: str, documents: Sequence[str]) -> NDArray[np.float32]:
        """What `score` gives, without blocking the event loop."""
        if not isinstance(self._scorer, AsyncScorer):
            return await asyncio.to_thread(self.score, query, documents)
        check_query(query)
        texts = check_documents(documents)
        scores = await self._scorer.ascore(query, list(texts)) if texts else []
        return self._probabilities(check_scores(scores, len(texts)))

    async def arank(
        self,
        query: str,
        documents: Iterable[str],
        top_k: int | None = None,
        score_threshold: float | None = None,
    ) -> list[RankedDocument]:
        """What `rank` gives, without blocking the event loop."""
        return await arank(
            self._scorer, query, documents, top_k=top_k, score_threshold=score_threshold, score_map=self._calibration
        )

    def _calibrated(self, readings: Readings) -> Readings:
        return replace(
            readings,
            scores=self._probabilities(readings.scores),
            passages=map_passages(self._calibration, readings.passages),
            raw_scores=readings.tie_breakers,
        )

    def _probabilities(self, scores: NDArray[np.floating]) -> NDArray[np.float32]:
        return self._calibration.probabilities(scores).astype(np.float32)

    def __setstate__(self, state: dict[str, object]) -> None:
        """The scorer in a copy may be another one, which was loaded from files of meanwhile."""
        vars(self).update(state)
        if not can_change(self._scorer):  # else it may be another one at any time, not only in a copy
            self._check_model()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._scorer!r}, method={self._calibration.method!r})"


def _blocks(pairs: Iterable[Pair]) -> Iterator[tuple[range, Sequence[Pair]]]:
    """The pairs with their numbers, checked: a list, which is in memory anyway, as it is, and a stream in blocks."""
    checked = check_pairs(pairs)
    for first, block in numbered([checked] if isinstance(checked, list) else blocks_of(checked)):
        yield range(first, first + len(block)), block


def calibration_of(scorer: object) -> Calibration | None:
    """What makes a scorer's scores probabilities, also within what stands around it; None where nothing says so."""
    calibrations = (getattr(source, "calibration", None) for source in sources(scorer))
    return next((calibration for calibration in calibrations if isinstance(calibration, Calibration)), None)
