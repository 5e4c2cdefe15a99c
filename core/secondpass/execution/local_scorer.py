"""What every scorer that runs in this process offers: calls, checks, progress, and what it says of itself."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sized

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from secondpass.calibration import Calibration
from secondpass.execution.devices import Placement
from secondpass.ranking import Pair, RankedDocument
from secondpass.ranking.checks import check_documents, check_pairs, check_query, check_request, refuse_nan
from secondpass.ranking.order import rank_scores


class LocalScorer(ABC):
    """A loaded model that scores (query, document) pairs. Any number of threads and tasks may share one."""

    def __init__(
        self, name: str, *, max_length: int, placement: Placement, calibration: Calibration | None = None
    ) -> None:
        self._name = name
        self._max_length = max_length
        self._placement = placement
        self._calibration = calibration

    @property
    def name(self) -> str:
        """What it was loaded as."""
        return self._name

    @property
    def max_length(self) -> int:
        """The most tokens it reads at a time, special tokens included; what is longer is truncated."""
        return self._max_length

    @property
    def dtype(self) -> str:
        """Arithmetic of the transformer."""
        return str(self._placement.precision)

    @property
    def devices(self) -> tuple[str, ...]:
        """Where it runs."""
        return tuple(str(capabilities.device) for capabilities in self._placement.devices)

    @abstractmethod
    def fingerprint(self) -> str:
        """What the scores depend on, in one string.

        Kept beside scores, it says later whether they are still this model's. Devices are no part of it. Reads all of
        the checkpoint's files.
        """

    def score(self, query: str, documents: Iterable[str], *, show_progress: bool = False) -> NDArray[np.float32]:
        """The relevance of each document to the query.

        Args:
            query: What is asked.
            documents: Texts; never changed. A blank one is scored like any other.
            show_progress: Show a progress bar on standard error.

        Returns:
            Higher is more relevant; in the model's unit, in the given order. Shape: (n_documents,).

        Raises:
            InputTypeError: The query is not a string, or the documents are not a list of strings.
            ScoringError: The model gave NaN.
        """
        check_query(query)
        pairs = [(query, text) for text in check_documents(documents)]
        return self._calibrated(self._scores(pairs, show_progress=show_progress))

    def predict(self, pairs: Iterable[Pair], *, show_progress: bool = False) -> NDArray[np.float32]:
        """The relevance of each (query, document) pair.

        Pairs stream through: a generator of any length is read in blocks, and only its scores are kept.

        Args:
            pairs: (query, document) tuples or lists; they may hold many queries.
            show_progress: Show a progress bar on standard error.

        Returns:
            Higher is more relevant; in the model's unit, in the given order. Shape: (n_pairs,).

        Raises:
            InputTypeError: Something is not a pair of strings; the message names which.
            ScoringError: The model gave NaN.
        """
        return self._calibrated(self._scores(check_pairs(pairs), show_progress=show_progress))

    def rank(
        self,
        query: str,
        documents: Iterable[str],
        top_k: int | None = None,
        score_threshold: float | None = None,
        *,
        show_progress: bool = False,
    ) -> list[RankedDocument]:
        """The documents, best first; equal scores keep the given order.

        Args:
            query: What is asked.
            documents: The candidates' texts; never changed.
            top_k: Keep at most this many, at least 1; None keeps all.
            score_threshold: Keep scores of at least this much; applied before top_k.
            show_progress: Show a progress bar on standard error.

        Raises:
            InputError: An argument breaks a rule.
            ScoringError: The model gave NaN.
        """
        texts = check_request(query, documents, top_k, score_threshold)
        scores = self._scores([(query, text) for text in texts], show_progress=show_progress)
        return rank_scores(scores, texts, top_k=top_k, score_threshold=score_threshold, score_map=self._calibration)

    async def ascore(self, query: str, documents: Iterable[str]) -> NDArray[np.float32]:
        """As `score`, in a thread: the event loop goes on meanwhile."""
        return await asyncio.to_thread(self.score, query, documents)

    async def arank(
        self,
        query: str,
        documents: Iterable[str],
        top_k: int | None = None,
        score_threshold: float | None = None,
    ) -> list[RankedDocument]:
        """As `rank`, in a thread: the event loop goes on meanwhile."""
        return await asyncio.to_thread(self.rank, query, documents, top_k, score_threshold)

    @abstractmethod
    def _score_blocks(self, pairs: Iterable[Pair]) -> Iterator[NDArray[np.float32]]:
        """The scores of each block of pairs, in order. Shape of each: (n_pairs_of_block,)."""

    def _calibrated(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        return scores if self._calibration is None else self._calibration.probabilities(scores).astype(np.float32)

    def _scores(self, pairs: Iterable[Pair], *, show_progress: bool) -> NDArray[np.float32]:
        """The scores before calibration, whose order is the order."""
        blocks: list[NDArray[np.float32]] = []
        n_scored = 0
        for scores in self._watch(self._score_blocks(pairs), pairs, show_progress=show_progress):
            refuse_nan(scores, "pair", first=n_scored)
            blocks.append(scores)
            n_scored += len(scores)
        return np.concatenate(blocks) if blocks else np.empty(0, np.float32)

    def _watch(
        self, blocks: Iterator[NDArray[np.float32]], pairs: Iterable[Pair], *, show_progress: bool
    ) -> Iterator[NDArray[np.float32]]:
        """The blocks as they come, with a bar that counts their pairs."""
        if not show_progress:  # even a disabled bar would start tqdm's thread
            yield from blocks
            return
        total = len(pairs) if isinstance(pairs, Sized) else None
        with tqdm(total=total, desc=self.name, unit="pair") as bar:
            for block in blocks:
                bar.update(len(block))
                yield block

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, dtype={self.dtype!r}, devices={self.devices})"
