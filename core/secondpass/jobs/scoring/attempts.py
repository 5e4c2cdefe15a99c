"""Pairs that may each fail: those for which a scorer raises are found, and stop no other."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

from secondpass.arguments import describe_error
from secondpass.errors import InputError, RemoteError, SecondPassError
from secondpass.errors.scorer_failures import is_of_the_scorer
from secondpass.ranking import Pair, Readings, Scorer, StreamReadingScorer, read_pairs
from secondpass.ranking.read_pairs import check_readings

# After so many failures without a score in between it is the model that fails, not its pairs.
MOST_FAILURES_IN_A_ROW: Final = 64
# What any scorer can score that works at all, where no other pair has got a score yet.
_PLAIN_PAIR: Final = ("query", "document")
# Pairs of a stream that are scored at a time, where a scorer takes no stream itself: a service has to answer in time.
_PAIRS_PER_ATTEMPT: Final = 256
# What a service answers where its model fails for a pair, and also where it fails whatever it is asked.
_FAILED: Final = 500


class Attempts:
    """Scores pairs, and finds those for which that fails.

    Args:
        scorer: Gives the scores.
        passages: Whether it is to say what it read of each document, where it takes streams.
    """

    def __init__(self, scorer: Scorer, *, passages: bool = True) -> None:
        self._scorer = scorer
        self._passages = passages
        self._n_failures_in_a_row = 0
        self._scored: Pair = _PLAIN_PAIR

    def stream(self, pairs: Iterable[Pair]) -> Iterator[Readings | str]:
        """What `read` gives for a stream of pairs, of which a few blocks are in memory at a time.

        Where the last pairs fail, a pair that has a score already is scored again: by that it is found out whether it
        is the pairs or the scorer.

        Raises:
            Exception: As `read` raises, what the scorer raises for that pair, or the error of `pairs` itself.
        """
        remaining = _Source(pairs)
        if isinstance(self._scorer, StreamReadingScorer):
            while True:
                yield from self._read_stream(self._scorer, remaining)
                if not remaining.waiting:
                    break
                yield from self.read(remaining.take_waiting())  # and then the stream goes on behind them
        else:
            while list(islice(remaining, _PAIRS_PER_ATTEMPT)):
                yield from self.read(remaining.take_waiting())
        if remaining.error is not None:
            raise remaining.error
        self.end()

    def end(self) -> None:
        """Where the last pairs failed, raise what the scorer raises for a pair that has a score already, or for any."""
        if self._n_failures_in_a_row:
            with suppress(InputError):  # which only a scorer that works has for a pair
                read_pairs(self._scorer, [self._scored])
            self._n_failures_in_a_row = 0

    def _read_stream(self, scorer: StreamReadingScorer, pairs: "_Source") -> Iterator[Readings]:
        """What the scorer gives; it ends where the scorer raises for those that wait, too."""
        try:
            for block in scorer.read_blocks(pairs, passages=self._passages):
                readings = check_readings(block, len(block))
                self._has_scored(pairs.drop(len(readings)))
                yield readings
        except Exception as error:
            if _is_of_the_job(error) or not pairs.waiting:
                raise

    def read(self, pairs: Sequence[Pair]) -> Iterator[Readings | str]:
        """The pairs in order: those that were scored, in parts, and of each of the others why it was not.

        Raises:
            SecondPassError: It is not for the pairs that the scorer fails: a model that cannot be loaded, a service
                that is not reached.
            MemoryError: There is none left.
            Exception: Whatever the scorer raises, where it does for `MOST_FAILURES_IN_A_ROW` pairs one after the other.
        """
        if not pairs:
            return
        try:
            part = read_pairs(self._scorer, pairs)
        except Exception as error:
            if _is_of_the_job(error):
                raise
            if len(pairs) == 1:
                yield self._once_more(pairs) if _may_pass(error) else self._failure(error)
                return
        else:
            self._has_scored(pairs)
            yield part
            return
        middle = len(pairs) // 2
        yield from self.read(pairs[:middle])
        yield from self.read(pairs[middle:])

    def _once_more(self, pairs: Sequence[Pair]) -> Readings | str:
        """The same pair behind one that has a score already, which says whether it is the service that fails."""
        with suppress(InputError):
            read_pairs(self._scorer, [self._scored])
        try:
            part = read_pairs(self._scorer, pairs)
        except Exception as error:
            if _is_of_the_job(error):
                raise
            return self._failure(error)
        self._has_scored(pairs)
        return part

    def _has_scored(self, pairs: Sequence[Pair]) -> None:
        self._n_failures_in_a_row = 0
        self._scored = pairs[-1] if pairs else self._scored

    def _failure(self, error: Exception) -> str:
        """Why a pair was not scored; raises the error where it can hardly be for the pair."""
        if isinstance(error, InputError):  # the pair has been looked at, and is to blame
            return str(error)
        self._n_failures_in_a_row += 1
        if self._n_failures_in_a_row >= MOST_FAILURES_IN_A_ROW:
            raise error
        return str(error) if isinstance(error, SecondPassError) else describe_error(error)


class _Source:
    """A stream of pairs that goes on after whoever reads it has failed, and knows which of them have no score yet.

    An error of the stream itself is none of the scorer's: it ends the stream, and is kept.
    """

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._pairs = iter(pairs)
        self.waiting: deque[Pair] = deque()
        self.error: Exception | None = None

    def __iter__(self) -> "_Source":
        return self

    def __next__(self) -> Pair:
        try:
            pair = next(self._pairs)
        except StopIteration:
            raise
        except Exception as error:
            self.error = error
            raise StopIteration from error
        self.waiting.append(pair)
        return pair

    def drop(self, n_pairs: int) -> list[Pair]:
        return [self.waiting.popleft() for _ in range(n_pairs)]

    def take_waiting(self) -> list[Pair]:
        waiting, self.waiting = list(self.waiting), deque()
        return waiting


def _may_pass(error: Exception) -> bool:
    """Whether a service may have failed for the moment, and not for the pair."""
    return isinstance(error, RemoteError) and error.status == _FAILED


def _is_of_the_job(error: Exception) -> bool:
    """Whether another pair would fare no better."""
    return isinstance(error, MemoryError) or is_of_the_scorer(error)
