"""The scorer people use: load a checkpoint once, then score and rank with it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from secondpass.checkpoint import Checkpoint, load_checkpoint
from secondpass.checkpoint.fingerprint import fingerprint
from secondpass.checkpoint.labels import relevance_logit
from secondpass.checkpoint.source import check_name
from secondpass.encoder.arithmetic.range_texts import RANGE_PAIRS
from secondpass.execution.ambient import plain_torch
from secondpass.execution.devices import Placement, device_names, placement_for
from secondpass.execution.local_scorer import LocalScorer
from secondpass.execution.network import Network, networks_on
from secondpass.execution.pipeline import Pipeline
from secondpass.execution.threads import call_safely
from secondpass.model_names import portable_name
from secondpass.options import ActivationName, DType, ModelOptions
from secondpass.ranking import Pair
from secondpass.ranking.checks import check_pairs


class CrossEncoder(LocalScorer):
    """A cross-encoder: reads query and document together and gives their relevance.

    Any number of threads and tasks may share one. Scores are in the unit of the checkpoint's activation.

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
        max_length: Tokens of a pair, special tokens included; longer pairs are truncated, the longer text first. None
            takes the checkpoint's own limit.
        activation: "identity" (a logit, unbounded) or "sigmoid" (0 to 1); None takes the checkpoint's own.
        label: For heads with several labels, index or name of the one that means relevant; None resolves it.
        batch_tokens: Tokens per forward pass; None chooses for the device.

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
        options = ModelOptions(
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
        self._load(check_name(model), options)

    @classmethod
    def from_options(cls, model: str, options: ModelOptions) -> "CrossEncoder":
        """A model loaded with options that are one value."""
        loaded = cls.__new__(cls)
        loaded._load(model, options)  # noqa: SLF001 - its own
        return loaded

    def _load(self, name: str, options: ModelOptions) -> None:
        placement, checkpoint, networks = call_safely(partial(_load_networks, name, options))
        super().__init__(name, max_length=checkpoint.max_length, placement=placement)
        self._options = options
        self._portable_name = portable_name(name)
        self._pipeline = Pipeline(checkpoint.tokenize, networks, placement.batch_tokens)
        self._folder = checkpoint.folder
        self._labels = tuple(checkpoint.model.labels.values())
        self._label = checkpoint.label
        self._activation = checkpoint.activation

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the head's labels, in the order of its columns."""
        return self._labels

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
        checked = check_pairs(pairs)
        blocks = list(self._watch(self._pipeline.run(checked), checked, show_progress=show_progress))
        return np.concatenate(blocks) if blocks else np.empty((0, len(self.labels)), np.float32)

    def fingerprint(self) -> str:
        """What the scores depend on, in one string: the checkpoint's files, its label and unit, precision and limit.

        Kept beside scores, it says later whether they are still this model's. Devices are no part of it. Reads all of
        the checkpoint's files.
        """
        settings = (self.dtype, self.max_length, self._label, self._activation)
        return f"{fingerprint(self._folder)} {' '.join(map(str, settings))}"

    def _score_blocks(self, pairs: Iterable[Pair]) -> Iterator[NDArray[np.float32]]:
        for logits in self._pipeline.run(pairs):
            yield self._relevance(torch.from_numpy(logits))

    @plain_torch()
    def _relevance(self, logits: torch.Tensor) -> NDArray[np.float32]:
        """Shape: (n_pairs, n_labels) -> (n_pairs,)."""
        scores: NDArray[np.float32] = self._activation(relevance_logit(logits, self._label)).numpy()
        return scores

    def __reduce__(self) -> tuple[Callable[[str, ModelOptions], "CrossEncoder"], tuple[str, ModelOptions]]:
        """Pickle by name: unpickling loads the checkpoint again, and no weights travel."""
        return CrossEncoder.from_options, (self._portable_name, self._options)


@plain_torch()
def _load_networks(name: str, options: ModelOptions) -> tuple[Placement, Checkpoint, list[Network]]:
    placement = placement_for(options.device, options.dtype, options.batch_tokens)
    checkpoint = load_checkpoint(name, options)
    networks = networks_on(
        placement, checkpoint.model, lambda: checkpoint.tokenize(RANGE_PAIRS), checkpoint.padding_side
    )
    return placement, checkpoint, networks
