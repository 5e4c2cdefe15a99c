"""The constructor of sentence-transformers' `CrossEncoder`, and what such a model says of itself."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import torch

from secondpass.checkpoint.source import check_name
from secondpass.errors import InputError
from secondpass.sentence_transformers.activations import Activation, check_activation, default_activation
from secondpass.sentence_transformers.arguments import hub_name, read_options, rename, split_config
from secondpass.sentence_transformers.engine import Engine
from secondpass.sentence_transformers.inputs import is_one_pair
from secondpass.sentence_transformers.model_card import notes_on
from secondpass.sentence_transformers.placed_model import PlacedModel, TransformersView
from secondpass.sentence_transformers.pools import Pool, check_pool, start_pool, stop_pool
from secondpass.sentence_transformers.prompts import load_prompts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_Result = TypeVar("_Result")
Devices: TypeAlias = str | torch.device | Sequence[str | torch.device] | None


class LoadedModel(PlacedModel):
    """A checkpoint loaded with the arguments of sentence-transformers' `CrossEncoder`; see there."""

    def __init__(
        self,
        model_name_or_path: str | Path | None = None,
        num_labels: int | None = None,
        max_length: int | None = None,
        activation_fn: Activation | None = None,
        device: str | torch.device | None = None,
        *,
        modules: object = None,
        prompts: Mapping[str, str | None] | None = None,
        default_prompt_name: str | None = None,
        cache_folder: str | None = None,
        trust_remote_code: bool = False,
        revision: str | None = None,
        local_files_only: bool = False,
        token: bool | str | None = None,
        model_kwargs: Mapping[str, Any] | None = None,
        processor_kwargs: Mapping[str, Any] | None = None,
        config_kwargs: Mapping[str, Any] | None = None,
        model_card_data: object = None,
        backend: Literal["torch"] = "torch",
        keep_in_fp32_modules: list[str] | None = None,
        **older: Any,
    ) -> None:
        given: dict[str, Any] = {
            "model_name_or_path": model_name_or_path,
            "max_length": max_length,
            "activation_fn": activation_fn,
            "device": device,
            "modules": modules,
            "cache_folder": cache_folder,
            "trust_remote_code": trust_remote_code,
            "revision": revision,
            "local_files_only": local_files_only,
            "token": token,
            "model_kwargs": model_kwargs,
            "processor_kwargs": processor_kwargs,
            "config_kwargs": config_kwargs,
            "backend": backend,
            "keep_in_fp32_modules": keep_in_fp32_modules,
        }
        renamed = rename(older, config_kwargs)
        given |= {name: value for name, value in renamed.items() if given[name] is None or name == "config_kwargs"}
        check_activation(given["activation_fn"])
        changes, given["config_kwargs"] = split_config(given["config_kwargs"], num_labels)
        options = read_options(given)
        engine = Engine(hub_name(check_name(given["model_name_or_path"], "model_name_or_path")), options)
        if changes.n_labels not in {None, engine.n_outputs}:
            raise InputError(
                f"num_labels must be {engine.n_outputs}, as {engine.name} has them, or None, got {changes.n_labels}: "
                "a head of another size would be a new one, with random weights"
            )
        self._engine = engine
        self._config, self._dropout = None, changes.dropout
        self._max_length = engine.max_length
        self._tokenizer: PreTrainedTokenizerBase | None = None
        self.prompts, self.default_prompt_name = load_prompts(engine.folder, prompts, default_prompt_name)
        self.model_card_data: Any = notes_on(engine) if model_card_data is None else model_card_data
        self.set_activation_fn(given["activation_fn"])

    @property
    def trust_remote_code(self) -> bool:
        """Whether it was allowed to run code that the checkpoint brought along."""
        return self._engine.options.trust_remote_code

    @property
    def activation_fn(self) -> Activation:
        """What turns raw outputs into scores."""
        return self._activation_fn

    @activation_fn.setter
    def activation_fn(self, activation_fn: Activation) -> None:
        self.set_activation_fn(activation_fn)

    def set_activation_fn(self, activation_fn: Activation | None) -> None:
        """Take this function from now on; None takes the checkpoint's own."""
        check_activation(activation_fn)
        self._activation_fn: Activation = self.get_default_activation_fn() if activation_fn is None else activation_fn

    def get_default_activation_fn(self) -> Activation:
        """The checkpoint's own: what its files name, else a sigmoid for one label and nothing for several.

        Raises:
            CheckpointError: Its files name something that torch does not have.
        """
        return default_activation(self._engine.folder, self.num_labels)

    @property
    def default_activation_function(self) -> Activation:
        """An older name of `activation_fn`."""
        warnings.warn(
            "The `default_activation_function` property was renamed and is now deprecated: read `activation_fn`",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.activation_fn

    @property
    def max_seq_length(self) -> int:
        """Tokens of a pair, specials included; what is longer is truncated. Set to None, it is as it was loaded.

        Raises:
            InputError: It is set to more than the model can read, or to less than a pair needs.
        """
        return self._max_length if self._tokenizer is None else int(self._tokenizer.model_max_length)

    @max_seq_length.setter
    def max_seq_length(self, max_seq_length: int | None) -> None:
        if max_seq_length is None:
            max_seq_length = self._engine.max_length
        self._engine.check_max_length(max_seq_length, "max_seq_length")
        self._max_length = max_seq_length
        if self._tokenizer is not None:
            self._tokenizer.model_max_length = max_seq_length

    @property
    def max_length(self) -> int:
        """An older name of `max_seq_length`."""
        return self.max_seq_length

    @max_length.setter
    def max_length(self, max_length: int | None) -> None:
        self.max_seq_length = max_length

    def get_max_seq_length(self) -> int:
        """As `max_seq_length`."""
        return self.max_seq_length

    @property
    def tokenizer(self) -> "PreTrainedTokenizerBase":
        """The checkpoint's tokenizer, to count tokens with. Only its `model_max_length` is read back."""
        if self._tokenizer is None:
            self._tokenizer = self._engine.tokenizer()
            self._tokenizer.model_max_length = self._max_length
        return self._tokenizer

    @property
    def model(self) -> TransformersView:
        """The transformer's config and place; its network is no torch module."""
        return TransformersView(self)

    @property
    def transformers_model(self) -> TransformersView:
        """As `model`."""
        return self.model

    @property
    def backend(self) -> str:
        """As sentence-transformers calls it: always "torch"."""
        return "torch"

    def get_backend(self) -> str:
        """As `backend`."""
        return self.backend

    @property
    def modalities(self) -> list[str]:
        """What it reads: text."""
        return ["text"]

    def supports(self, modality: object) -> bool:
        """Whether it reads this."""
        return modality in self.modalities

    def is_singular_input(self, inputs: object) -> bool:
        """Whether `predict` would take these as the two texts of one pair."""
        return is_one_pair(inputs)

    def start_multi_process_pool(self, target_devices: Sequence[str | torch.device] | None = None) -> Pool:
        """The model on several devices, for `predict(pool=...)`.

        Each device has its batches from a thread of this process; there are no others. A device that is named several
        times is used once, since a CPU's cores are shared out among passes anyway.

        Args:
            target_devices: None takes all GPUs that there are, or else the CPU.

        Raises:
            InputError: This machine lacks one of them.
        """
        return start_pool(self._engine, target_devices)

    @staticmethod
    def stop_multi_process_pool(pool: Pool) -> None:
        """Let go of the model on these devices."""
        stop_pool(pool)

    def evaluate(self, evaluator: Callable[..., _Result], output_path: str | None = None) -> _Result:
        """What an evaluator of sentence-transformers says of this model.

        Args:
            evaluator: Called with the model and the path.
            output_path: Where it may write its results; made if need be.
        """
        if output_path is not None:
            Path(output_path).mkdir(parents=True, exist_ok=True)
        return evaluator(self, output_path)

    def _limit(self, for_this_call: int | None) -> int:
        if for_this_call is not None:
            self._engine.check_max_length(for_this_call, "processing_kwargs['text']['max_length']")
            return for_this_call
        limit = self.max_seq_length
        self._engine.check_max_length(limit, "tokenizer.model_max_length")
        return limit

    def _engine_for(self, device: Devices, pool: Pool | None) -> tuple[Engine, torch.device]:
        """What computes a call, and where its results belong: several devices' on the CPU, as there."""
        if pool is not None:
            check_pool(pool)
            return pool.running(), torch.device("cpu")
        if device is not None and not isinstance(device, str | torch.device):
            return start_pool(self._engine, device).running(), torch.device("cpu")
        if device is not None:
            self.to(device)
        return self._engine, self.device

    def __repr__(self) -> str:
        return f"CrossEncoder({self._engine.name!r}, dtype={self.dtype}, device={str(self.device)!r})"
