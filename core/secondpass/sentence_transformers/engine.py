"""A loaded checkpoint as sentence-transformers' calls need it: raw outputs, under any prompt and limit."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from secondpass.arguments import check_count
from secondpass.checkpoint.backbone_facts import readable_tokens
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.labels import relevance_logit, relevance_logits
from secondpass.checkpoint.load import load_checkpoint, tokenizer_of
from secondpass.checkpoint.plain.model import PlainClassifier
from secondpass.checkpoint.ranking_model import LanguageModel
from secondpass.checkpoint.stored_prompts import default_prompt
from secondpass.concurrency.forked import call_safely
from secondpass.encoder import Precision
from secondpass.errors import InputError
from secondpass.execution.ambient import plain_torch
from secondpass.execution.build_networks import pair_networks
from secondpass.execution.devices import Placement, placement_for
from secondpass.execution.network import Network
from secondpass.execution.pipeline import Pipeline
from secondpass.local.progress import watch
from secondpass.model_names import portable_name
from secondpass.options import DType, ModelOptions
from secondpass.ranking import Pair
from secondpass.ranking.blocks import blocks_of
from secondpass.ranking.score_checks import refuse_nan
from secondpass.tokenization.long_documents import TruncatingReader
from secondpass.tokenization.pairs import PairTokenizer, TwoTextTokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How one call wants its pairs read.

    Args:
        prompt: Put before the first text.
        max_length: Tokens of a pair, specials included.
        batch_size: The most pairs of that length in one forward pass; None leaves it to the device.
    """

    prompt: str
    max_length: int
    batch_size: int | None = None


class Engine:
    """A checkpoint's networks, ready to score. Any number of threads may share one.

    Args:
        name: Hub id, local folder, or the name of a bundled model.
        options: How to load it. Its label and activation are not read: outputs are raw.

    Raises:
        SecondPassError: Whatever loading a checkpoint raises.
    """

    def __init__(self, name: str, options: ModelOptions) -> None:
        self.name = name
        self.options = options
        self._portable_name = portable_name(name)
        self._loaded = call_safely(partial(_load, name, options))
        self.own_prompt = default_prompt(self.folder)

    @property
    def folder(self) -> Folder:
        """Where the checkpoint's files are."""
        return self._loaded.folder

    @property
    def max_length(self) -> int:
        """Tokens of a pair as it was loaded, specials included."""
        return self._loaded.max_length

    @property
    def n_outputs(self) -> int:
        """Columns of the outputs."""
        return self._loaded.n_logits if self._loaded.answer is None else 1

    @property
    def devices(self) -> tuple[torch.device, ...]:
        """Where it runs."""
        return tuple(capabilities.device for capabilities in self._loaded.placement.devices)

    @property
    def dtype(self) -> torch.dtype:
        """Arithmetic of the transformer."""
        dtype: torch.dtype = getattr(torch, self._loaded.placement.precision)
        return dtype

    def config(self) -> "PreTrainedConfig":
        """A copy of the transformer's config."""
        if self._loaded.config is None:
            from secondpass.checkpoint.config import load_config  # noqa: PLC0415 - it imports transformers

            return load_config(self.folder)
        return copy.deepcopy(self._loaded.config)

    def tokenizer(self) -> "PreTrainedTokenizerBase":
        """The checkpoint's tokenizer, loaded anew: what is done to it changes no score."""
        tokenizer = tokenizer_of(self.folder)
        tokenizer.model_max_length = self.max_length
        return tokenizer

    def check_max_length(self, max_length: int, name: str) -> None:
        """Raise InputError unless pairs can be read with this limit; `name` is what the caller calls it."""
        tokenize, positions = self._loaded.tokenize, self._loaded.positions
        check_count(name, max_length)
        if max_length == self.max_length:
            return
        if not isinstance(tokenize, TwoTextTokenizer):
            raise InputError(
                f"{name} must stay at {self.max_length} for {self.name}, whose prompt holds both texts, "
                f"got {max_length}: give max_length when it is loaded"
            )
        if positions is not None and max_length > positions:
            raise InputError(f"{name} must be at most the {positions} tokens {self.name} can read, got {max_length}")
        if max_length <= tokenize.template.n_special:
            raise InputError(
                f"{name} must be above the {tokenize.template.n_special} special tokens of a pair, got {max_length}"
            )

    def outputs(
        self, pairs: Sequence[Pair], reading: CallOptions, *, show_progress: bool = False
    ) -> NDArray[np.float32]:
        """The raw outputs of each pair.

        Args:
            pairs: They may hold many queries.
            reading: How they are read.
            show_progress: Show a progress bar on standard error.

        Returns:
            Logits, unbounded. Shape: (n_pairs, n_outputs).

        Raises:
            InputError: A prompt or limit that this checkpoint's own prompt has no place for.
            ScoringError: The model gave NaN.
        """
        loaded = self._loaded
        batch_tokens = loaded.placement.batch_tokens
        if reading.batch_size is not None:
            batch_tokens = min(batch_tokens, reading.batch_size * reading.max_length)
        # Made for this call: callers in several threads take turns on the cores, but do not share passes.
        pipeline = Pipeline(TruncatingReader(self._tokenize(reading)), loaded.networks, batch_tokens)
        outputs_of_blocks = pipeline.run(blocks_of(pairs, len(self.devices)))
        watched = watch(outputs_of_blocks, pairs, self.name, show_progress=show_progress)
        logits = np.concatenate([np.empty((0, loaded.n_logits), np.float32), *(outputs.values for outputs in watched)])
        if loaded.answer is not None:
            logits = relevance_logit(torch.from_numpy(logits), loaded.answer)[:, None].numpy()
        refuse_nan(logits.max(axis=1, initial=-np.inf), "pair")
        return logits

    def _tokenize(self, reading: CallOptions) -> PairTokenizer:
        tokenize = self._loaded.tokenize
        if isinstance(tokenize, TwoTextTokenizer):
            return replace(tokenize, prompt=reading.prompt, max_length=reading.max_length)
        self.check_max_length(reading.max_length, "max_length")
        if reading.prompt != self.own_prompt:
            raise InputError(
                f"prompt must be {self.name}'s own, {self.own_prompt!r}, since both texts lie in its authors' prompt; "
                f"got {reading.prompt!r}"
            )
        return tokenize

    def placed(self, *, device: str | tuple[str, ...] | None = None, dtype: DType | None = None) -> "Engine":
        """The same checkpoint on other devices or in another arithmetic, loaded anew; None leaves either as it is."""
        options = self.options
        options = options if device is None else replace(options, device=device)
        options = options if dtype is None else replace(options, dtype=dtype)
        return Engine(self._portable_name, options)

    def __reduce__(self) -> tuple[type["Engine"], tuple[str, ModelOptions]]:
        """Copy and pickle by name: the checkpoint is loaded again, and no weights travel."""
        return Engine, (self._portable_name, self.options.portable())


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What is kept of a checkpoint: not its model, whose memory is the networks' own.

    Args:
        folder: Where its files are.
        config: Of its transformer; None where it was read without transformers.
        tokenize: Pairs to tokens.
        max_length: Tokens of a pair, specials included.
        positions: The most it could read; None where they have no end.
        n_logits: Columns of its head.
        answer: Of a causal language model, which has a logit for each of its answers and one score, the column of the
            answer that means relevant.
        placement: Where and how it runs.
        networks: One for each device.
    """

    folder: Folder
    config: "PreTrainedConfig | None"
    tokenize: PairTokenizer
    max_length: int
    positions: int | None
    n_logits: int
    answer: int | None
    placement: Placement
    networks: list[Network]


@plain_torch()
def _load(name: str, options: ModelOptions) -> _Loaded:
    # First of all, so that a device that is not there is told before anything is downloaded.
    placement = placement_for(options.device, options.dtype, options.batch_tokens)
    # A head's labels all count there, so which of them is relevant is not asked.
    checkpoint = load_checkpoint(name, replace(options, label=0, activation="identity"))
    folder, model = checkpoint.folder, checkpoint.model
    if options.dtype is None and placement.precision is not Precision.FLOAT32:
        placement = placement_for(options.device, stored_dtype(folder), options.batch_tokens)
    return _Loaded(
        folder=folder,
        config=None if isinstance(model, PlainClassifier) else model.backbone.config,
        tokenize=checkpoint.tokenize,
        max_length=checkpoint.max_length,
        positions=readable_tokens(model.backbone),
        n_logits=len(model.labels),
        answer=len(model.labels) - 1 if isinstance(model, LanguageModel) else None,
        placement=placement,
        # What all labels have in common orders nothing, and may be so large that it hides what tells them apart.
        networks=pair_networks(placement, checkpoint, relevance_logits),
    )


def stored_dtype(folder: Folder) -> DType:
    """The arithmetic of sentence-transformers where none is asked for: that in which the weights are stored."""
    match folder.config.get("dtype", folder.config.get("torch_dtype")):
        case "bfloat16":
            return "bfloat16"
        case "float16":
            return "float16"
        case _:
            return "float32"
