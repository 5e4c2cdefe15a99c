"""Scores that are kept on disk: what a scorer was asked once, it is not asked again."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from secondpass.arguments import check_count, check_path, describe
from secondpass.concurrency.per_process import PerProcess
from secondpass.errors import InputError, RemoteError
from secondpass.errors.item_numbers import caller_numbers
from secondpass.fingerprints import check_fingerprint
from secondpass.ranking import (
    AsyncScorer,
    Fingerprinted,
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
    unwrapped,
)
from secondpass.ranking.blocks import blocks_of, numbered
from secondpass.ranking.order import order_documents, rank_scores
from secondpass.ranking.pairs import places_by_query
from secondpass.ranking.request_checks import check_documents, check_pairs, check_query, check_request
from secondpass.ranking.score_checks import check_scores
from secondpass.ranking.scorer_checks import check_pointwise, check_raises_failures, check_scorer
from secondpass.ranking.scorers import can_change
from secondpass.score_cache import LIST, Entry, Lookup, Scores, ScoreStore, in_form, join, pair_keys

# What the keys of an entry begin with, by the scorer's call. `rank` and `read` of a calibrated model round its
# probabilities differently, so that entries of both would not sort as those of either. Earlier entries lie under other
# words, and are not used: there, a service and its model shared them.
_SCORE, _RANKING, _READING = "scores", "rankings", "readings"


class CachedScorer:
    """A scorer whose scores are kept on disk, for development loops and repeated evaluation.

    `score` and `predict` ask for a pair of the same query and document once, and so do `rank` and `read`, as long as
    the scorer's fingerprint stays the same: with another checkpoint or option it is another scorer. Scores come back
    exactly as the scorer gave them, as a list or an array. Where the scorer has a `rank` or a `read` of its own, what
    each gave is kept apart, with passages, truncations and what orders equal probabilities: then `rank` after `score`
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
        self._folder = _check_folder(folder)
        self._fingerprint = _fingerprint_of(scorer) if fingerprint is None else check_fingerprint(fingerprint)
        self._is_given = fingerprint is not None
        self._asks_again = fingerprint is None and can_change(scorer)
        # A service has the fingerprint of its model, and gives lists where that gives arrays, without all that it says.
        self._source = "model" if isinstance(unwrapped(scorer), ReadingScorer) else "other"
        check_count("max_scores", max_scores, optional=False)  # None means no limit elsewhere
        self._max_scores = int(max_scores)
        self._store = ScoreStore(self._folder, self._max_scores)
        self._counting = PerProcess(threading.Lock)
        self._hits = self._misses = 0

    @property
    def scorer(self) -> Scorer:
        """What gives the scores."""
        return self._scorer

    @property
    def hits(self) -> int:
        """How many pairs were answered without the scorer, so far and by this object."""
        return self._hits

    @property
    def misses(self) -> int:
        """How many pairs the scorer was asked for."""
        return self._misses

    def fingerprint(self) -> str:
        """That of the scorer."""
        return self._fingerprint

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
        lookup = self._look_up(_SCORE, pairs)
        if lookup.missing:
            with caller_numbers(lookup.numbers(lookup.missing)):
                self._add_scores(lookup, lookup.missing, self._scorer.score(query, lookup.missing_documents))
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
            lookup = self._look_up(_SCORE, block, first=first)
            if isinstance(self._scorer, PairScorer):
                if lookup.missing:
                    with caller_numbers(lookup.numbers(lookup.missing)):
                        self._add_scores(lookup, lookup.missing, self._scorer.predict(lookup.missing))
            else:
                missing = lookup.missing
                for query, places in places_by_query(missing).items():
                    some = [missing[place] for place in places]
                    with caller_numbers(lookup.numbers(some)):
                        self._add_scores(lookup, some, self._scorer.score(query, [document for _, document in some]))
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
        call = _READING if isinstance(self._scorer, ReadingScorer) else _RANKING
        blocks = []
        for first, block in numbered(blocks_of(check_pairs(pairs))):
            lookup = self._look_up(call, block, first=first)
            if lookup.missing:
                with caller_numbers(lookup.numbers(lookup.missing)):
                    self._add_readings(lookup, read_pairs(self._scorer, lookup.missing))
            blocks.append(Readings.of_documents(lookup.documents()))
        return Readings.concatenate(blocks)

    def rank(
        self, query: str, documents: Iterable[str], top_k: int | None = None, score_threshold: float | None = None
    ) -> list[RankedDocument]:
        """The documents, best first, in the scorer's own order; equal scores keep the given one.

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
        lookup = self._look_up(_RANKING, _pairs(query, texts))
        if lookup.missing:
            with caller_numbers(lookup.numbers(lookup.missing)):
                ranking = rank(self._scorer, query, lookup.missing_documents)
            self._add_ranking(lookup, ranking)
        return order_documents(lookup.documents(), top_k=top_k, score_threshold=score_threshold)

    async def ascore(self, query: str, documents: Iterable[str]) -> Scores:
        """As `score`, without blocking the event loop: a scorer that can be awaited is, any other runs in a thread."""
        if not isinstance(self._scorer, AsyncScorer):
            return await asyncio.to_thread(self.score, query, documents)
        pairs = _pairs(query, documents)
        lookup = await asyncio.to_thread(self._look_up, _SCORE, pairs)
        if lookup.missing:
            with caller_numbers(lookup.numbers(lookup.missing)):
                scores = await self._scorer.ascore(query, lookup.missing_documents)
                await asyncio.to_thread(self._add_scores, lookup, lookup.missing, scores)
        return in_form(lookup.entries())

    async def arank(
        self, query: str, documents: Iterable[str], top_k: int | None = None, score_threshold: float | None = None
    ) -> list[RankedDocument]:
        """As `rank`, without blocking the event loop."""
        texts = check_request(query, documents, top_k, score_threshold)
        if not isinstance(self._scorer, RankingScorer):
            return rank_scores(await self.ascore(query, texts), texts, top_k=top_k, score_threshold=score_threshold)
        lookup = await asyncio.to_thread(self._look_up, _RANKING, _pairs(query, texts))
        if lookup.missing:
            with caller_numbers(lookup.numbers(lookup.missing)):
                ranking = await arank(self._scorer, query, lookup.missing_documents)
            await asyncio.to_thread(self._add_ranking, lookup, ranking)
        return order_documents(lookup.documents(), top_k=top_k, score_threshold=score_threshold)

    def _look_up(self, call: str, pairs: Sequence[Pair], *, first: int = 0) -> Lookup:
        """What is known of these pairs, of which the first one has this number for the caller."""
        lookup = Lookup(pairs, pair_keys(f"{call} {self._source}", self._fingerprint, pairs), first=first)
        if pairs:
            lookup.fill({key: Entry.decode(value) for key, value in self._store.read(lookup.distinct_keys).items()})
        with self._counting.get():
            self._misses += len(lookup.missing)
            self._hits += len(pairs) - len(lookup.missing)
        return lookup

    def _add_scores(self, lookup: Lookup, pairs: Sequence[Pair], scores: Sequence[float] | NDArray[np.float32]) -> None:
        form = scores.dtype.name if isinstance(scores, np.ndarray) else LIST
        self._add(lookup, pairs, [Entry(score, form) for score in check_scores(scores, len(pairs)).tolist()])

    def _add_ranking(self, lookup: Lookup, ranking: Iterable[RankedDocument]) -> None:
        given = sorted(ranking, key=lambda document: document.index)
        self._add_readings(lookup, Readings.of_documents(given))

    def _add_readings(self, lookup: Lookup, readings: Readings) -> None:
        entries = [
            Entry(reading.score, LIST, reading.passage, reading.truncated, reading.raw_score)
            for reading in readings.one_by_one()
        ]
        self._add(lookup, lookup.missing, entries)

    def _add(self, lookup: Lookup, pairs: Sequence[Pair], entries: Sequence[Entry]) -> None:
        if self._asks_again:
            try:
                fingerprint = _fingerprint_of(self._scorer)
            except InputError as error:  # the service says nothing any more: none of the pairs is to blame
                raise RemoteError(str(error)) from error
            if fingerprint != self._fingerprint:
                raise RemoteError(
                    "scorer must give the scores that it gave, its service has another model now: make a new "
                    "CachedScorer"
                )
        by_key = dict(zip(map(lookup.key_of, pairs), entries, strict=True))
        self._store.write({key: entry.encode() for key, entry in by_key.items()})
        lookup.fill(by_key)

    def __reduce__(self) -> tuple[Callable[..., "CachedScorer"], tuple[Scorer, Path], dict[str, bool]]:
        """Pickle without the open file; the copy counts its own hits.

        Its scorer may be another one, which was loaded from files of meanwhile: unless the fingerprint was given, or is
        asked for again whenever there are scores to keep, the copy asks.
        """
        known = self._fingerprint if self._is_given or self._asks_again else None
        make = partial(CachedScorer, fingerprint=known, max_scores=self._max_scores)
        return make, (self._scorer, self._folder), {"_is_given": self._is_given, "_asks_again": self._asks_again}

    def __repr__(self) -> str:
        hits, misses = self._hits, self._misses
        rate = f", hit_rate={hits / (hits + misses):.1%}" if hits + misses else ""
        return f"{type(self).__name__}({self._scorer!r}, {str(self._folder)!r}, hits={hits}, misses={misses}{rate})"


def _pairs(query: str, documents: Iterable[str]) -> list[Pair]:
    check_query(query)
    return [(query, text) for text in check_documents(documents)]


def _check_scorer(value: object) -> Scorer:
    scorer = check_scorer(value)
    check_pointwise(scorer, "cache the stages: Cascade([CachedScorer(...), CachedScorer(...)], ...)")
    check_raises_failures(scorer)
    return scorer


def _fingerprint_of(scorer: Scorer) -> str:
    if not isinstance(scorer, Fingerprinted):
        raise InputError(f"fingerprint must be given for a scorer that has no fingerprint(), got {describe(scorer)}")
    return check_fingerprint(scorer.fingerprint())


def _check_folder(folder: str | os.PathLike[str]) -> Path:
    check_path("folder", folder, optional=False)
    path = Path(folder).absolute()  # a process may change its working directory
    with suppress(OSError):  # what may not be looked at is found again, and warned of, when scores are to be kept
        if path.exists() and not path.is_dir():
            raise InputError(f"folder must be a folder or a new path, got a file: {path}")
    return path
