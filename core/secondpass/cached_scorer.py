"""Scores that are kept on disk: what a scorer was asked once, it is not asked again."""

import asyncio
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from secondpass.arguments import check_count, check_path
from secondpass.errors import InputError
from secondpass.errors.item_numbers import caller_numbers
from secondpass.ranking import (
    AsyncScorer,
    Pair,
    PairScorer,
    RankedDocument,
    RankingScorer,
    Readings,
    ReadingScorer,
    Scorer,
    arank,
    rank,
    read_pairs,
)
from secondpass.ranking.blocks import blocks_of, numbered
from secondpass.ranking.order import order_documents, rank_scores
from secondpass.ranking.pairs import places_by_query
from secondpass.ranking.request_checks import check_documents, check_pairs, check_query, check_request
from secondpass.ranking.scorer_checks import check_pointwise, check_raises_failures, check_scorer
from secondpass.score_cache import RANKING, READING, SCORE, KeptScores, Scores, in_form, join


class CachedScorer:
    """A scorer whose scores are kept on disk, for development loops and repeated evaluation.

    `score` and `predict` ask for a pair of the same query and document once, and so do `rank` and `read`, as long as
    the scorer's fingerprint stays the same: with another checkpoint or option it is another scorer. Scores come back
    exactly as the scorer gave them, as a list or an array. Where the scorer has a `rank` or a `read` of its own, what
    each gave is kept apart, with passages, truncations and what orders equal scores: then `rank` after `score`
    asks the scorer once more.

    A service may get another model meanwhile, which its scorer is asked for whenever there are scores to keep: then a
    call fails, because scores of two models cannot be compared, and a new `CachedScorer` goes on.

    Any number of threads and processes may use one folder, whatever their scorers; what a service gave is kept apart
    from what its model gives here, which says more. A damaged file is noticed, a warning says so, and an empty one
    takes its place: no wrong score is ever read. Where the disk is full or must not be written to, a warning says so
    and scoring goes on. The folder holds digests of the texts, not the texts.

    Args:
        scorer: Gives the scores that are not there yet. It has to score each document by itself, which a `Cascade` and
            what stands around one do not: cache its stages.
        folder: Where the scores lie, on a local disk; made when it is needed.
        fingerprint: What tells the scores of this scorer from those of any other; None asks the scorer itself, whose
            `fingerprint()` a local model has.
        max_scores: How many scores the folder keeps, about 200 bytes each. Beyond that the least recently used ones go.

    Raises:
        InputError: An argument breaks a rule, or the scorer has no fingerprint and none is given.
    """

    def __init__(
        self,
        scorer: Scorer,
        folder: str | os.PathLike[str],
        *,
        fingerprint: str | None = None,
        max_scores: int = 1_000_000,
    ) -> None:
        self._scorer = _check_scorer(scorer)
        path = _check_folder(folder)
        check_count("max_scores", max_scores, optional=False)  # None means no limit elsewhere
        self._kept = KeptScores(self._scorer, path, fingerprint=fingerprint, max_scores=int(max_scores))

    @property
    def scorer(self) -> Scorer:
        """What gives the scores."""
        return self._scorer

    @property
    def hits(self) -> int:
        """How many pairs were answered without the scorer, so far and by this object."""
        return self._kept.hits

    @property
    def misses(self) -> int:
        """How many pairs the scorer was asked for."""
        return self._kept.misses

    def fingerprint(self) -> str:
        """That of the scorer."""
        return self._kept.fingerprint

    def score(self, query: str, documents: Iterable[str]) -> Scores:
        """The relevance of each document to the query, in the given order, as the scorer gives it.

        Args:
            query: What is asked.
            documents: Texts; never changed.

        Raises:
            InputError: An argument breaks a rule.
            ScoringError: The scorer gave NaN, which is never kept, or not one score per document; or it is another one
                by now.
        """
        pairs = _pairs(query, documents)
        lookup = self._kept.look_up(SCORE, pairs)
        if lookup.missing:
            with caller_numbers(lookup.numbers(lookup.missing)):
                self._kept.add_scores(lookup, lookup.missing, self._scorer.score(query, lookup.missing_documents))
        return in_form(lookup.entries())

    def predict(self, pairs: Iterable[Pair]) -> Scores:
        """The relevance of each (query, document) pair, in the given order, as the scorer gives it.

        Pairs stream through in blocks, and only their scores are kept in memory.

        Args:
            pairs: (query, document) tuples or lists; they may hold many queries.

        Raises:
            InputTypeError: Something is not a pair of strings.
            ScoringError: As `score`.
        """
        scores: list[Scores] = []
        for first, block in numbered(blocks_of(check_pairs(pairs))):
            lookup = self._kept.look_up(SCORE, block, first=first)
            if isinstance(self._scorer, PairScorer):
                if lookup.missing:
                    with caller_numbers(lookup.numbers(lookup.missing)):
                        self._kept.add_scores(lookup, lookup.missing, self._scorer.predict(lookup.missing))
            else:
                missing = lookup.missing
                for query, places in places_by_query(missing).items():
                    some = [missing[place] for place in places]
                    with caller_numbers(lookup.numbers(some)):
                        self._kept.add_scores(
                            lookup, some, self._scorer.score(query, [document for _, document in some])
                        )
            scores.append(in_form(lookup.entries()))
        return join(scores)

    def read(self, pairs: Iterable[Pair]) -> Readings:
        """The scores of each (query, document) pair, and what the scorer says of it, in its call that tells most.

        Whether a pair was truncated, its passage and its raw score are kept beside its score; numbers of tokens are
        not. Pairs stream through in blocks.

        Args:
            pairs: As in `predict`.

        Raises:
            InputTypeError: As `predict`.
            ScoringError: As `score`.
        """
        if not isinstance(self._scorer, ReadingScorer | RankingScorer):
            return Readings.of_scores(np.asarray(self.predict(pairs), np.float64))
        call = READING if isinstance(self._scorer, ReadingScorer) else RANKING
        blocks = []
        for first, block in numbered(blocks_of(check_pairs(pairs))):
            lookup = self._kept.look_up(call, block, first=first)
            if lookup.missing:
                with caller_numbers(lookup.numbers(lookup.missing)):
                    self._kept.add_readings(lookup, read_pairs(self._scorer, lookup.missing))
            blocks.append(Readings.of_documents(lookup.documents()))
        return Readings.concatenate(blocks)

    def rank(
        self, query: str, documents: Iterable[str], top_k: int | None = None, score_threshold: float | None = None
    ) -> list[RankedDocument]:
        """The documents, best first, in the scorer's own order.

        Args:
            query: What is asked.
            documents: The candidates' texts; never changed.
            top_k: Keep at most this many, at least 1; None keeps all, and all are kept on disk.
            score_threshold: Keep scores of at least this much; applied before top_k.

        Raises:
            InputError: An argument breaks a rule.
            ScoringError: As `score`.
        """
        texts = check_request(query, documents, top_k, score_threshold)
        if not isinstance(self._scorer, RankingScorer):
            return rank_scores(self.score(query, texts), texts, top_k=top_k, score_threshold=score_threshold)
        lookup = self._kept.look_up(RANKING, _pairs(query, texts))
        if lookup.missing:
            with caller_numbers(lookup.numbers(lookup.missing)):
                ranking = rank(self._scorer, query, lookup.missing_documents)
            self._kept.add_ranking(lookup, ranking)
        return order_documents(lookup.documents(), top_k=top_k, score_threshold=score_threshold)

    async def ascore(self, query: str, documents: Iterable[str]) -> Scores:
        """As `score`, without blocking the event loop: a scorer that can be awaited is, any other runs in a thread."""
        if not isinstance(self._scorer, AsyncScorer):
            return await asyncio.to_thread(self.score, query, documents)
        pairs = _pairs(query, documents)
        lookup = await asyncio.to_thread(self._kept.look_up, SCORE, pairs)
        if lookup.missing:
            with caller_numbers(lookup.numbers(lookup.missing)):
                scores = await self._scorer.ascore(query, lookup.missing_documents)
                await asyncio.to_thread(self._kept.add_scores, lookup, lookup.missing, scores)
        return in_form(lookup.entries())

    async def arank(
        self, query: str, documents: Iterable[str], top_k: int | None = None, score_threshold: float | None = None
    ) -> list[RankedDocument]:
        """As `rank`, without blocking the event loop."""
        texts = check_request(query, documents, top_k, score_threshold)
        if not isinstance(self._scorer, RankingScorer):
            return rank_scores(await self.ascore(query, texts), texts, top_k=top_k, score_threshold=score_threshold)
        lookup = await asyncio.to_thread(self._kept.look_up, RANKING, _pairs(query, texts))
        if lookup.missing:
            with caller_numbers(lookup.numbers(lookup.missing)):
                ranking = await arank(self._scorer, query, lookup.missing_documents)
            await asyncio.to_thread(self._kept.add_ranking, lookup, ranking)
        return order_documents(lookup.documents(), top_k=top_k, score_threshold=score_threshold)

    def __repr__(self) -> str:
        folder, hits, misses = str(self._kept.folder), self.hits, self.misses
        rate = f", hit_rate={hits / (hits + misses):.1%}" if hits + misses else ""
        return f"{type(self).__name__}({self._scorer!r}, {folder!r}, hits={hits}, misses={misses}{rate})"


def _pairs(query: str, documents: Iterable[str]) -> list[Pair]:
    check_query(query)
    return [(query, text) for text in check_documents(documents)]


def _check_scorer(value: object) -> Scorer:
    scorer = check_scorer(value)
    check_pointwise(scorer, "cache the stages: Cascade([CachedScorer(...), CachedScorer(...)], ...)")
    check_raises_failures(scorer)
    return scorer


def _check_folder(folder: str | os.PathLike[str]) -> Path:
    check_path("folder", folder, optional=False)
    path = Path(folder).absolute()  # a process may change its working directory
    with suppress(OSError):  # what may not be looked at is found again, and warned of, when scores are to be kept
        if path.exists() and not path.is_dir():
            raise InputError(f"folder must be a folder or a new path, got a file: {path}")
    return path
