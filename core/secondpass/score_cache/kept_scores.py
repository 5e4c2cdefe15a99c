"""The scores of one scorer on disk: what is kept of its pairs, what is missing, and whether it is the same scorer."""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from secondpass.arguments import describe
from secondpass.concurrency.per_process import PerProcess
from secondpass.errors import InputError, RemoteError
from secondpass.fingerprints import check_fingerprint
from secondpass.ranking import (
    Fingerprinted,
    Pair,
    RankedDocument,
    Readings,
    ReadingScorer,
    Scorer,
    unwrapped,
)
from secondpass.ranking.readings import Reading
from secondpass.ranking.score_checks import check_scores
from secondpass.ranking.scorers import can_change
from secondpass.score_cache.entries import LIST, Entry, Lookup, pair_keys
from secondpass.score_cache.store import ScoreStore

# What the keys of an entry begin with, by the scorer's call. `rank` and `read` of a calibrated model round its
# probabilities differently, so that entries of both would not sort as those of either. Earlier entries lie under other
# words, and are not used: there, a service and its model shared them, scores that a sigmoid or a service had made
# equal had no raw ones, and some models were read otherwise than their authors meant.
SCORE, RANKING, READING = "pair scores", "ordered rankings", "ordered readings"

# What no copy takes over: it opens the file itself, and counts its own hits.
_OF_ONE_COPY: Final = frozenset({"_store", "_counting", "_hits", "_misses"})


class KeptScores:
    """What is kept of one scorer's pairs, under its fingerprint.

    A pickle holds no open file. The scorer in it may be another one, which was loaded from files of meanwhile: unless
    the fingerprint was given, or is asked for again whenever there are scores to keep, the copy asks.

    Args:
        scorer: Gives the scores that are kept.
        folder: Where they lie.
        fingerprint: What tells them from those of any other scorer; None asks the scorer itself.
        max_scores: How many the folder keeps.

    Raises:
        InputError: The scorer has no fingerprint and none is given, or it is no fingerprint.
    """

    def __init__(self, scorer: Scorer, folder: Path, *, fingerprint: str | None, max_scores: int) -> None:
        self.folder = folder
        self._scorer = scorer
        self._max_scores = max_scores
        self._is_given = fingerprint is not None
        self.fingerprint = _fingerprint_of(scorer) if fingerprint is None else check_fingerprint(fingerprint)
        self._asks_again = fingerprint is None and can_change(scorer)
        # A service has the fingerprint of its model, and gives lists where that gives arrays, without all that it says.
        self._source = "model" if isinstance(unwrapped(scorer), ReadingScorer) else "other"
        self._start()

    def _start(self) -> None:
        self._store = ScoreStore(self.folder, self._max_scores)
        self._counting = PerProcess(threading.Lock)
        self._hits = self._misses = 0

    @property
    def hits(self) -> int:
        """How many pairs were found so far."""
        return self._hits

    @property
    def misses(self) -> int:
        """How many pairs were not."""
        return self._misses

    def look_up(self, call: str, pairs: Sequence[Pair], *, first: int = 0) -> Lookup:
        """What is known of pairs.

        Args:
            call: That of the scorer which gives what is missing: `SCORE`, `RANKING` or `READING`.
            pairs: Some of those that the caller gave, one behind the other.
            first: The number of the first one for the caller.
        """
        lookup = Lookup(pairs, pair_keys(f"{call} {self._source}", self.fingerprint, pairs), first=first)
        if pairs:
            lookup.fill({key: Entry.decode(value) for key, value in self._store.read(lookup.distinct_keys).items()})
        with self._counting.get():
            self._misses += len(lookup.missing)
            self._hits += len(pairs) - len(lookup.missing)
        return lookup

    def add_scores(self, lookup: Lookup, pairs: Sequence[Pair], scores: Sequence[float] | NDArray[np.float32]) -> None:
        """Keep what `score` or `predict` gave for some of the missing pairs.

        Raises:
            ScoringError: It is not one score per pair, or NaN; or the scorer is another one by now.
        """
        form = scores.dtype.name if isinstance(scores, np.ndarray) else LIST
        values = check_scores(scores, len(pairs)).tolist()
        self._add(lookup, pairs, [Entry(Reading(score), form) for score in values])

    def add_ranking(self, lookup: Lookup, ranking: Iterable[RankedDocument]) -> None:
        """Keep the ranking of all missing documents, in any order.

        Raises:
            ScoringError: The scorer is another one by now.
        """
        given = sorted(ranking, key=lambda document: document.index)
        self.add_readings(lookup, Readings.of_documents(given))

    def add_readings(self, lookup: Lookup, readings: Readings) -> None:
        """Keep what was read of all missing pairs, in their order.

        Raises:
            ScoringError: The scorer is another one by now.
        """
        self._add(lookup, lookup.missing, [Entry(reading, LIST) for reading in readings.one_by_one()])

    def _add(self, lookup: Lookup, pairs: Sequence[Pair], entries: Sequence[Entry]) -> None:
        if self._asks_again:
            self._check_same_model()
        by_key = dict(zip(map(lookup.key_of, pairs), entries, strict=True))
        self._store.write({key: entry.encode() for key, entry in by_key.items()})
        lookup.fill(by_key)

    def _check_same_model(self) -> None:
        try:
            fingerprint = _fingerprint_of(self._scorer)
        except InputError as error:  # the service says nothing any more: none of the pairs is to blame
            raise RemoteError(str(error)) from error
        if fingerprint != self.fingerprint:
            raise RemoteError(
                "scorer must give the scores that it gave, its service has another model now: make a new CachedScorer"
            )

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name not in _OF_ONE_COPY}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        if not self._is_given and not self._asks_again:
            self.fingerprint = _fingerprint_of(self._scorer)
        self._start()


def _fingerprint_of(scorer: Scorer) -> str:
    if not isinstance(scorer, Fingerprinted):
        raise InputError(f"fingerprint must be given for a scorer that has no fingerprint(), got {describe(scorer)}")
    return check_fingerprint(scorer.fingerprint())
