"""The scorer people use: load a checkpoint once, then score and rank with it."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from secondpass.arguments import describe
from secondpass.checkpoint import Source, load_checkpoint
from secondpass.checkpoint.fingerprint import fingerprint
from secondpass.checkpoint.labels import relevance_logit
from secondpass.checkpoint.score_activation import ScoreActivation
from secondpass.encoder.arithmetic.range_texts import RANGE_PAIRS
from secondpass.errors import InputTypeError, ScoringError
from secondpass.execution.devices import device_names, placement_for
from secondpass.execution.network import networks_on
from secondpass.execution.pipeline import Pipeline
from secondpass.options import ActivationName, DType, ModelOptions
from secondpass.ranking import RankedDocument, rank
from secondpass.ranking.checks import check_documents, check_query
from secondpass.tokenization.pairs import Pair


class CrossEncoder:
    """A cross-encoder: reads query and document together and gives their relevance.

    Any number of threads and tasks may share one.

    Args:
        model: Hub id, local folder, or the name of a bundled model.
        revision: Branch, tag or commit on the hub.
        token: Hub token, for private checkpoints.
        cache_dir: Where downloads are kept.
        local_files_only: Never ask the network.
        trust_remote_code: Allow code that the checkpoint brings along to run.
        device: Such as "cuda:0", or several of them; None takes cuda, then mps, then cpu.
        dtype: "float32", "bfloat16", "float16" or "int8", of the transformer; the head is always float32. None takes
            float32 on a CPU and half precision on accelerators.
        max_length: Tokens of a pair, special tokens included; longer pairs are cut, the longer text first. None takes
            the checkpoint's own limit.
        activation: "identity" (a logit, unbounded) or "sigmoid" (0 to 1); None takes the checkpoint's own.
        label: For heads with several labels, index or name of the one that means relevant; None resolves it.
        batch_tokens: Tokens of one forward pass; None chooses for the device.

    Raises:
        CheckpointNotFoundError: Nothing has this name.
        CheckpointError: The checkpoint cannot be scored the way its authors meant; the message says what is missing.
        RemoteCodeError: It asks to run its own code, and `trust_remote_code` is False.
        InputError: An argument breaks a rule.
    """

    def __init__(  # noqa: PLR0913 - one argument a choice, all but the model by keyword
        self,
        model: str | Path,
        *,
        revision: str | None = None,
        token: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        trust_remote_code: bool = False,
        device: str | torch.device | Sequence[str | torch.device] | None = None,
        dtype: DType | None = None,
        max_length: int | None = None,
        activation: ActivationName | None = None,
        label: int | str | None = None,
        batch_tokens: int | None = None,
    ) -> None:
        self._options = ModelOptions(
            revision=revision,
            token=token,
            cache_dir=None if cache_dir is None else str(cache_dir),
            local_files_only=local_files_only,
            trust_remote_code=trust_remote_code,
            device=device_names(device),
            dtype=dtype,
            max_length=max_length,
            activation=activation,
            label=label,
            batch_tokens=batch_tokens,
        )
        placement = placement_for(device, dtype, batch_tokens)
        source = Source(str(model), revision, token, cache_dir, local_files_only, trust_remote_code)
        checkpoint = load_checkpoint(source, max_length=max_length, activation_name=activation, label=label)
        networks = networks_on(
            placement,
            checkpoint.model,
            lambda: checkpoint.encode(RANGE_PAIRS),
            checkpoint.padding_side,
        )
        self._pipeline = Pipeline(checkpoint.encode, networks, placement.batch_tokens)
        self._folder = checkpoint.folder
        self._relevance = _Relevance(checkpoint.label, checkpoint.activation)
        self.name = checkpoint.name
        """What it was loaded as."""
        self.max_length = checkpoint.max_length
        """Tokens of a pair, special tokens included."""
        self.labels = tuple(checkpoint.model.labels.values())
        """Names of the head's labels, in the order of its columns."""
        self.dtype = str(placement.precision)
        """Arithmetic of the transformer."""
        self.devices = tuple(str(capabilities.device) for capabilities in placement.devices)
        """Where it runs."""

    @classmethod
    def from_options(cls, model: str, options: ModelOptions) -> "CrossEncoder":
        """A model loaded with options that are kept as one value."""
        return cls(model, **{option.name: getattr(options, option.name) for option in fields(options)})

    def score(self, query: str, documents: Iterable[str], *, show_progress: bool = False) -> NDArray[np.float32]:
        """The relevance of each document to the query.

        Args:
            query: What is asked.
            documents: Texts; never changed. A blank one is scored like any other.
            show_progress: Show a progress bar on standard error.

        Returns:
            In the unit of the checkpoint's activation, in the given order. Shape: (n_documents,).

        Raises:
            InputTypeError: The query is no string, or the documents are no list of strings.
            ScoringError: The model gave NaN.
        """
        check_query(query)
        texts = check_documents(documents)
        return self._scores([(query, text) for text in texts], show_progress=show_progress)

    def predict(self, pairs: Iterable[Pair], *, show_progress: bool = False) -> NDArray[np.float32]:
        """The relevance of each (query, document) pair.

        Pairs stream through: a generator of any length is read in pieces, and only its scores are kept.

        Args:
            pairs: (query, document) tuples or lists; they may hold many queries.
            show_progress: Show a progress bar on standard error.

        Returns:
            In the unit of the checkpoint's activation, in the given order. Shape: (n_pairs,).

        Raises:
            InputTypeError: Something is no pair of strings; the message names which.
            ScoringError: The model gave NaN.
        """
        return self._scores(_checked(pairs), show_progress=show_progress)

    def logits(self, pairs: Iterable[Pair], *, show_progress: bool = False) -> NDArray[np.float32]:
        """The head's raw outputs for each (query, document) pair, before label and activation.

        Some rankers order two-label checkpoints by the relevant column alone instead of by its probability; that is
        `model.logits(pairs)[:, 1]`.

        Args:
            pairs: As in `predict`.
            show_progress: Show a progress bar on standard error.

        Returns:
            Logits, unbounded. Shape: (n_pairs, n_labels).
        """
        chunks = list(self._run(_checked(pairs), show_progress=show_progress))
        return np.concatenate(chunks) if chunks else np.empty((0, len(self.labels)), np.float32)

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
        scorer = _WithProgress(self) if show_progress else self
        return rank(scorer, query, documents, top_k=top_k, score_threshold=score_threshold)

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

    def fingerprint(self) -> str:
        """What the scores depend on, in one string: the checkpoint's files, its label and unit, precision and limit.

        Kept beside scores, it says later whether they are still this model's. Devices are no part of it. Reads all of
        the checkpoint's files.
        """
        settings = (self.dtype, self.max_length, self._relevance.label, self._relevance.activation)
        return f"{fingerprint(self._folder)} {' '.join(map(str, settings))}"

    def _scores(self, pairs: Iterable[Pair], *, show_progress: bool) -> NDArray[np.float32]:
        scores: list[NDArray[np.float32]] = []
        n_done = 0
        for logits in self._run(pairs, show_progress=show_progress):
            scores.append(self._relevance(logits, n_done))
            n_done += len(logits)
        return np.concatenate(scores) if scores else np.empty(0, np.float32)

    def _run(self, pairs: Iterable[Pair], *, show_progress: bool) -> Iterator[NDArray[np.float32]]:
        total = len(pairs) if isinstance(pairs, Sized) else None
        with tqdm(total=total, desc=self.name, unit="pair", disable=not show_progress) as bar:
            for logits in self._pipeline.run(pairs):
                bar.update(len(logits))
                yield logits

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, dtype={self.dtype!r}, devices={self.devices})"

    def __reduce__(self) -> tuple[Callable[[str, ModelOptions], "CrossEncoder"], tuple[str, ModelOptions]]:
        """Pickle by name: whoever unpickles loads the checkpoint anew, and no weights travel."""
        return CrossEncoder.from_options, (self.name, self._options)


class _Relevance:
    """Logits become scores.

    Args:
        label: The column that means relevant.
        activation: Relevance logit to score.
    """

    def __init__(self, label: int, activation: ScoreActivation) -> None:
        self.label = label
        self.activation = activation

    def __call__(self, logits: NDArray[np.float32], first: int) -> NDArray[np.float32]:
        """Shape: (n_pairs, n_labels) to (n_pairs,); `first` is the number of the first pair, for messages."""
        scores: NDArray[np.float32] = self.activation(relevance_logit(torch.from_numpy(logits), self.label)).numpy()
        if np.isnan(scores).any():
            raise ScoringError(f"the model gave NaN for pair {first + int(np.isnan(scores).argmax())}")
        return scores


class _WithProgress:
    """A scorer that shows the progress of another one."""

    def __init__(self, model: CrossEncoder) -> None:
        self._model = model

    def score(self, query: str, documents: Sequence[str]) -> NDArray[np.float32]:
        return self._model.score(query, documents, show_progress=True)


def _checked(pairs: object) -> Iterable[Pair]:
    """The same pairs as tuples; those of a list are checked at once, those of a stream when they are read."""
    if isinstance(pairs, str | bytes) or not isinstance(pairs, Iterable):
        raise InputTypeError(f"pairs must be (query, document) pairs, got {describe(pairs)}")
    checked = (_checked_pair(index, pair) for index, pair in enumerate(pairs))
    return list(checked) if isinstance(pairs, Sized) else checked


def _checked_pair(index: int, pair: object) -> Pair:
    if isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(text, str) for text in pair):  # noqa: PLR2004 - a pair
        return pair[0], pair[1]
    raise InputTypeError(f"pairs[{index}] must be a (query, document) pair of strings, got {describe(pair)}")
