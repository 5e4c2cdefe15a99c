"""What every scorer that runs in this process offers: calls, checks, progress, and what it says of itself."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, tee

import numpy as np
from numpy.typing import NDArray

from secondpass.arguments import check_count, check_unicode
from secondpass.errors.item_numbers import caller_numbers
from secondpass.execution.devices import Placement
from secondpass.local.best_spans import best_parts
from secondpass.local.first_truncation import FirstTruncation
from secondpass.local.progress import watch
from secondpass.local.read_block import ReadBlock
from secondpass.model_names import portable_name
from secondpass.options import LongDocuments, ModelOptions
from secondpass.ranking import Pair, Passage, RankedDocument, Readings
from secondpass.ranking.blocks import blocks_of
from secondpass.ranking.order import order_documents
from secondpass.ranking.readings import documents_of
from secondpass.ranking.request_checks import (
    check_document,
    check_documents,
    check_pairs,
    check_query,
    check_request,
)
from secondpass.ranking.score_checks import refuse_nan
from secondpass.tokenization.windows import Span


class LocalScorer(ABC):
    """A loaded model that scores (query, document) pairs. Any number of threads and tasks may share one."""

    def __init__(
        self,
        name: str,
        options: ModelOptions,
        *,
        max_length: int,
        placement: Placement,
        float32_parts: tuple[str, ...],
    ) -> None:
        self._name = name
        self._portable_name = portable_name(name)
        self._options = options
        self._max_length = max_length
        self._placement = placement
        self._float32_parts = float32_parts
        self._truncation = FirstTruncation(max_length, options.long_documents)

    @property
    def name(self) -> str:
        """What it was loaded as."""
        return self._name

    @property
    def max_length(self) -> int:
        """The most tokens it reads at a time, special tokens included."""
        return self._max_length

    @property
    def long_documents(self) -> LongDocuments:
        """What becomes of longer ones: truncated, or read in windows."""
        return self._options.long_documents

    @property
    def dtype(self) -> str:
        """Arithmetic of the transformer."""
        return str(self._placement.precision)

    @property
    def float32_parts(self) -> tuple[str, ...]:
        """Parts of the transformer that are in float32 though `dtype` is another, such as `layers.5.attention`.

        Those whose rounding would change the order of documents; most models have none. None is looked for on GPUs,
        nor in models that run through transformers' own forward pass. Of two transformers, one for each side, it is
        said whose they are, as in `document.layers.5.attention`.
        """
        return self._float32_parts

    @property
    def devices(self) -> tuple[str, ...]:
        """Where it runs."""
        return tuple(str(capabilities.device) for capabilities in self._placement.devices)

    @abstractmethod
    def fingerprint(self) -> str:
        """What the scores depend on, in one string.

        Kept beside scores, it says later whether they are still this model's. Devices are no part of it. Reads all of
        the checkpoint's files, the first time.

        Raises:
            CheckpointError: Files were changed after the model was loaded, and before they were first read for this.
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
        """The documents, best first; of equal scores the higher raw score, and then the one in front.

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
        pairs = [(query, text) for text in texts]
        read = self._read_whole(pairs, show_progress=show_progress)
        readings = Readings(read.scores, read.truncated, [None] * len(read), raw_scores=read.raw_scores)
        ranked = order_documents(
            documents_of(readings.one_by_one(), texts),
            top_k=top_k,
            score_threshold=score_threshold,
            score_map=self._options.calibration,
        )
        return [
            replace(document, passage=self._passage(pairs[document.index], read, document.index)) for document in ranked
        ]

    def read(self, pairs: Iterable[Pair], *, show_progress: bool = False) -> Readings:
        """The relevance of each (query, document) pair, its best passage, and whether it was truncated.

        Says of every pair what was not read, so it does not warn of it. Pairs stream through as in `predict`.

        Args:
            pairs: As in `predict`.
            show_progress: Show a progress bar on standard error.

        Raises:
            InputTypeError: Something is not a pair of strings; the message names which.
            ScoringError: The model gave NaN.
        """
        return Readings.concatenate(list(self.read_blocks(pairs, show_progress=show_progress)))

    def read_blocks(
        self, pairs: Iterable[Pair], *, passages: bool = True, show_progress: bool = False
    ) -> Iterator[Readings]:
        """What `read` gives, block by block: each as soon as it is computed, for streams that are never held whole.

        Args:
            pairs: As in `predict`; of a stream about a block is read ahead.
            passages: Say what was read of each document; False spares the time, and says None.
            show_progress: Show a progress bar on standard error.

        Raises:
            InputTypeError: As `read`.
            ScoringError: As `read`.
        """
        checked = check_pairs(pairs)
        if not passages:
            for block in self._read(checked, show_progress=show_progress):
                yield self._readings(block, [None] * len(block))
            return
        to_score, to_locate = (checked, iter(checked)) if isinstance(checked, Sequence) else tee(checked)
        for block in self._read(to_score, show_progress=show_progress):
            found = [self._passage(pair, block, i) for i, pair in enumerate(islice(to_locate, len(block)))]
            yield self._readings(block, found)

    def passages(self, query: str, document: str, *, max_tokens: int = 200, top_k: int | None = None) -> list[Passage]:
        """The parts of a document that answer best, best first; none overlaps another, and together they are all of it.

        Parts begin and end at sentences where those are not too long, else at words.

        Args:
            query: What is asked.
            document: A text of any length.
            max_tokens: Tokens of a passage, at least 1; fewer where not so many fit beside the query.
            top_k: Keep at most this many, at least 1; None keeps all.

        Returns:
            Each with its own score, in the model's unit; [] for a blank document, a single one for a small document.

        Raises:
            InputError: An argument breaks a rule.
            ScoringError: The model gave NaN.
        """
        check_query(query)
        check_document(document)
        # Parts are tokenised before they are pairs, whose errors name them.
        check_unicode(query, "query")
        check_unicode(document, "document")
        check_count("max_tokens", max_tokens, optional=False)
        check_count("top_k", top_k)

        scores: dict[float, float] = {}  # by what they were before an activation, which orders the parts

        def relevance(parts: Sequence[str]) -> list[float]:
            pairs = [(query, part) for part in parts]
            with caller_numbers([0] * len(pairs)):  # of the caller's there is one
                read = self._read_whole(pairs, show_progress=False)
            raw_scores: list[float] = read.tie_breakers.tolist()
            scores.update(zip(raw_scores, read.scores.tolist(), strict=True))
            return raw_scores

        best = best_parts(document, lambda part: self._passage_spans((query, part), max_tokens), relevance)
        return [self._scored_passage(span, scores[raw_score]) for span, raw_score in best[:top_k]]

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
    def _read_blocks(self, blocks: Iterable[Sequence[Pair]]) -> Iterator[ReadBlock]:
        """What was read of each block of pairs, in order."""

    @abstractmethod
    def _read_span(self, pair: Pair, window: Span) -> Span:
        """What is read of a pair's document in this window, where it is truncated."""

    @abstractmethod
    def _passage_spans(self, pair: Pair, max_tokens: int) -> list[Span]:
        """The parts of a pair's document among which passages are chosen."""

    def _calibrated(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        calibration = self._options.calibration
        return scores if calibration is None else calibration.probabilities(scores).astype(np.float32)

    def _readings(self, block: ReadBlock, passages: list[Passage | None]) -> Readings:
        raw_scores = block.raw_scores if self._options.calibration is None else block.scores
        return Readings(self._calibrated(block.scores), block.truncated, passages, block.n_tokens, raw_scores)

    def _read_whole(self, pairs: Sequence[Pair], *, show_progress: bool) -> ReadBlock:
        read = ReadBlock.concatenate(list(self._read(pairs, show_progress=show_progress)))
        self._truncation.warn_of(int(read.truncated.sum()), len(read))
        return read

    def _scores(self, pairs: Iterable[Pair], *, show_progress: bool) -> NDArray[np.float32]:
        blocks = [np.empty(0, np.float32)]
        n_truncated = 0
        for block in self._read(pairs, show_progress=show_progress):
            blocks.append(block.scores)
            n_truncated += int(block.truncated.sum())
        scores = np.concatenate(blocks)
        self._truncation.warn_of(n_truncated, len(scores))
        return scores

    def _read(self, pairs: Iterable[Pair], *, show_progress: bool) -> Iterator[ReadBlock]:
        n_read = 0
        blocks = self._read_blocks(blocks_of(pairs, len(self.devices)))
        for block in watch(blocks, pairs, self.name, show_progress=show_progress):
            refuse_nan(block.scores, "pair", first=n_read)
            n_read += len(block)
            yield block

    def _passage(self, pair: Pair, read: ReadBlock, number: int) -> Passage | None:
        """The best window of a pair's document; None where nothing was read of it."""
        span = Span(int(read.starts[number]), int(read.ends[number]))
        if read.document_truncated[number]:
            span = self._read_span(pair, span)
        return self._scored_passage(span, float(read.window_scores[number])) if span.start < span.end else None

    def _scored_passage(self, span: Span, score: float) -> Passage:
        calibration = self._options.calibration
        return Passage(span.start, span.end, score if calibration is None else calibration(score))

    def __repr__(self) -> str:
        kept = f", float32_parts={self.float32_parts}" if self.float32_parts else ""
        return f"{type(self).__name__}({self.name!r}, dtype={self.dtype!r}, devices={self.devices}{kept})"
