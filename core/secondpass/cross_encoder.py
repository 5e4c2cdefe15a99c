"""The scorer people use: load a checkpoint once, then score and rank with it."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray

from secondpass.calibration import Calibration, as_calibration
from secondpass.checkpoint import Checkpoint, load_checkpoint
from secondpass.checkpoint.score_activation import ScoreActivation
from secondpass.checkpoint.source import check_name
from secondpass.checkpoint.stored_formats import is_stored_in_float16
from secondpass.concurrency.forked import call_safely
from secondpass.execution.aggregation import Aggregated, aggregate, mean_of_counted
from secondpass.execution.ambient import plain_torch
from secondpass.execution.build_networks import float32_parts_of, pair_networks
from secondpass.execution.devices import Placement, device_names, placement_for
from secondpass.execution.network import Network
from secondpass.execution.pipeline import Outputs, Pipeline
from secondpass.fingerprints import Fingerprint
from secondpass.local.local_scorer import LocalScorer
from secondpass.local.progress import watch
from secondpass.local.read_block import ReadBlock
from secondpass.options import ActivationName, DType, LongDocuments, ModelOptions, WindowAggregation
from secondpass.ranking import Pair
from secondpass.ranking.blocks import blocks_of
from secondpass.ranking.request_checks import check_pairs
from secondpass.ranking.score_checks import refuse_nan
from secondpass.tokenization.long_documents import Windows, reader_for
from secondpass.tokenization.passages import passage_spans
from secondpass.tokenization.windows import Span


class CrossEncoder(LocalScorer):
    """A cross-encoder: reads query and document together and gives their relevance.

    Any number of threads and tasks may share one. Scores are in the unit of the checkpoint's activation, or
    probabilities where there is a calibration.

    Args:
        model: Hub id, local folder, or the name of a bundled model.
        revision: Branch, tag or commit on the hub.
        token: Hub token, for private checkpoints; False sends none, not even one that huggingface_hub finds.
        cache_dir: Where downloads are kept.
        local_files_only: Never ask the network.
        trust_remote_code: Allow code that the checkpoint brings along to run.
        device: Such as "cuda:0", or several of them; None takes cuda, then mps, then cpu.
        dtype: "float32", "bfloat16", "float16" or "int8", of the transformer; the head is always float32. None takes
            float32 on a CPU and half precision on accelerators: float16 where the weights are stored in it, or where
            there is no bfloat16.
        max_length: Tokens of a pair, special tokens included; longer pairs are truncated, the longer text first. None
            takes the checkpoint's own limit.
        instruction: What to look for, in words, for rerankers whose prompt has a place for it; "" for none. None takes
            the checkpoint's own.
        activation: "identity" (a logit, unbounded) or "sigmoid" (0 to 1); None takes the checkpoint's own.
        label: For heads with several labels, index or name of the one that means relevant; None resolves it.
        batch_tokens: Tokens per forward pass; None chooses for the device.
        long_documents: How a document that does not fit beside its query is handled: "truncate" reads what fits,
            "windows" reads all of it, in overlapping windows that are scored one by one.
        window_overlap: Tokens that neighbouring windows share at most, and never more than half of a window; None takes
            a quarter of a window.
        window_aggregation: What a document is scored by: the logit of its best window ("max"), or the mean of those
            of the three best ("mean-top-3").
        calibration: A `Calibration` that was fitted to this model's logits, or the file of one: scores become
            probabilities, in the same order. Not together with `activation`.

    Raises:
        CheckpointNotFoundError: Nothing has this name.
        CheckpointError: The checkpoint cannot be scored the way its authors meant; the message says what is missing.
        RemoteCodeError: It asks to run its own code, and `trust_remote_code` is False.
        InputError: An argument breaks a rule.
    """

    def __init__(  # noqa: PLR0913 - one argument per choice, all but the model by keyword
        self,
        model: str | Path,
        *,
        revision: str | None = None,
        token: str | Literal[False] | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        trust_remote_code: bool = False,
        device: str | torch.device | Sequence[str | torch.device] | None = None,
        dtype: DType | None = None,
        max_length: int | None = None,
        instruction: str | None = None,
        activation: ActivationName | None = None,
        label: int | str | None = None,
        batch_tokens: int | None = None,
        long_documents: LongDocuments = "truncate",
        window_overlap: int | None = None,
        window_aggregation: WindowAggregation = "max",
        calibration: Calibration | str | os.PathLike[str] | None = None,
    ) -> None:
        options = ModelOptions(
            revision=revision,
            token=token,
            cache_dir=None if cache_dir is None else str(cache_dir),
            local_files_only=local_files_only,
            trust_remote_code=trust_remote_code,
            device=device_names(device),
            dtype=dtype,
            max_length=max_length,
            instruction=instruction,
            activation=activation,
            label=label,
            batch_tokens=batch_tokens,
            long_documents=long_documents,
            window_overlap=window_overlap,
            window_aggregation=window_aggregation,
            calibration=as_calibration(calibration),
        )
        self._load(check_name(model), options)

    @classmethod
    def from_options(cls, model: str, options: ModelOptions) -> Self:
        """A model loaded with options that are one value; copies and pickles are made so, without `__init__`."""
        loaded = cls.__new__(cls)
        loaded._load(model, options)  # noqa: SLF001 - its own
        return loaded

    def _load(self, name: str, options: ModelOptions) -> None:
        placement, checkpoint, networks = call_safely(partial(_load_networks, name, options))
        super().__init__(
            name,
            options,
            max_length=checkpoint.max_length,
            placement=placement,
            float32_parts=float32_parts_of(networks),
        )
        self._reader = reader_for(checkpoint.tokenize, options.long_documents, options.window_overlap)
        self._pipeline = Pipeline(self._reader, networks, placement.batch_tokens)
        self._files = checkpoint.files
        self._labels = tuple(checkpoint.model.labels.values())
        self._relevance = checkpoint.relevance
        self._activation = checkpoint.activation
        if options.calibration is not None:
            options.calibration.check_model(self._fingerprint(str(ScoreActivation.IDENTITY)))

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the head's labels, in the order of its columns."""
        return self._labels

    @property
    def activation(self) -> str:
        """What makes scores of its logits: "identity", "sigmoid" or "tanh"; "identity" where a calibration does."""
        return str(self._activation)

    @property
    def calibration(self) -> Calibration | None:
        """What makes probabilities of its logits; None where scores are in the activation's unit."""
        return self._options.calibration

    def logits(self, pairs: Iterable[Pair], *, show_progress: bool = False) -> NDArray[np.float32]:
        """The head's raw outputs for each (query, document) pair, before label and activation.

        Some rankers order two-label checkpoints by the relevant column alone instead of by its probability; that is
        `model.logits(pairs)[:, 1]`. For a document in windows it is the mean over the windows that count.

        Args:
            pairs: As in `predict`.
            show_progress: Show a progress bar on standard error.

        Returns:
            Logits, unbounded. Shape: (n_pairs, n_labels).

        Raises:
            InputTypeError: Something is not a pair of strings; the message names which.
            ScoringError: The model gave NaN.
        """
        checked = check_pairs(pairs)
        blocks = [np.empty((0, len(self.labels)), np.float32)]
        n_read = n_truncated = 0
        outputs_of_blocks = self._pipeline.run(blocks_of(checked, len(self.devices)))
        for outputs in watch(outputs_of_blocks, checked, self.name, show_progress=show_progress):
            windows = outputs.windows
            counted = self._aggregate(self._relevance_of(outputs.values), windows).counted
            logits = mean_of_counted(outputs.values, windows.counts, counted)
            refuse_nan(logits.max(axis=1), "pair", first=n_read)
            n_read += len(logits)
            n_truncated += int((windows.query_truncated | windows.document_truncated).sum())
            blocks.append(logits)
        self._truncation.warn_of(n_truncated, n_read)
        return np.concatenate(blocks)

    def fingerprint(self) -> str:
        """What the scores depend on, in one string: files, label and unit, precision, limit, instruction.

        And the windows of long documents, where they are read so. Kept beside scores, it says later whether they are
        still this model's. Devices are no part of it. Reads all of the checkpoint's files, the first time.

        Raises:
            CheckpointError: Files were changed after the model was loaded, and before they were first read for this.
        """
        calibration = self._options.calibration
        if calibration is None:
            return self._fingerprint(str(self._activation))
        return self._fingerprint(f"calibration:{calibration.digest()}")

    def _fingerprint(self, unit: str) -> str:
        fingerprint = Fingerprint(
            files=(self._files.digest(),),
            precision=self._placement.precision.identity,
            float32_parts=self.float32_parts,
            max_length=self.max_length,
            label=self._relevance.label,
            unit=unit,
            windows=self._options.window_settings(),
            instruction=self._options.instruction,
        )
        return str(fingerprint)

    def _read_blocks(self, blocks: Iterable[Sequence[Pair]]) -> Iterator[ReadBlock]:
        return map(self._read_block, self._pipeline.run(blocks))

    def _read_block(self, outputs: Outputs) -> ReadBlock:
        windows = outputs.windows
        relevance = self._relevance_of(outputs.values)
        documents = self._aggregate(relevance, windows)
        return ReadBlock.of(
            self._activate(documents.relevance),
            self._activate(relevance[documents.best]),
            windows,
            documents.best,
            outputs.n_tokens,
            raw_scores=None if self._activation is ScoreActivation.IDENTITY else documents.relevance,
        )

    def _read_span(self, pair: Pair, window: Span) -> Span:
        return self._reader.read_span(pair, window)

    def _passage_spans(self, pair: Pair, max_tokens: int) -> list[Span]:
        return passage_spans(self._reader.tokenize, pair, max_tokens)

    def _aggregate(self, relevance: NDArray[np.float32], windows: Windows) -> Aggregated:
        return aggregate(relevance, windows.counts, self._options.window_aggregation)

    @plain_torch()
    def _relevance_of(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Shape: (n_windows, n_labels) -> (n_windows,)."""
        relevance: NDArray[np.float32] = self._relevance(torch.from_numpy(logits)).numpy()
        return relevance

    @plain_torch()
    def _activate(self, relevance: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits to scores, in the same shape."""
        scores: NDArray[np.float32] = self._activation(torch.from_numpy(relevance)).numpy()
        return scores

    def __reduce__(self) -> tuple[Callable[[str, ModelOptions], Self], tuple[str, ModelOptions]]:
        """Pickle by name: unpickling loads the checkpoint again, and no weights travel."""
        return type(self).from_options, (self._portable_name, self._options.portable())


@plain_torch()
def _load_networks(name: str, options: ModelOptions) -> tuple[Placement, Checkpoint, list[Network]]:
    placement = placement_for(options.device, options.dtype, options.batch_tokens)
    if options.calibration is not None:  # it reads logits, whatever the checkpoint makes of them
        options = replace(options, calibration=None, activation="identity")
    checkpoint = load_checkpoint(name, options)
    if options.dtype is None:
        placement = placement.for_weights(partial(is_stored_in_float16, checkpoint.folder))
    return placement, checkpoint, pair_networks(placement, checkpoint, checkpoint.relevance)
