"""sentence-transformers' `CrossEncoder`, for inference."""

import logging
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondpass.arguments import check_count
from secondpass.errors import InputError
from secondpass.execution.ambient import plain_torch
from secondpass.ranking import Pair
from secondpass.ranking.request_checks import check_documents, check_query
from secondpass.ranking.score_checks import refuse_nan
from secondpass.sentence_transformers.activations import Activation, check_activation, scores_of
from secondpass.sentence_transformers.arguments import logger, processing_max_length, read_call
from secondpass.sentence_transformers.engine import CallOptions, Engine
from secondpass.sentence_transformers.inputs import is_one_pair, pairs_of
from secondpass.sentence_transformers.loaded_model import Devices, LoadedModel
from secondpass.sentence_transformers.pools import Pool
from secondpass.sentence_transformers.prompts import resolve_prompt

Ranked: TypeAlias = dict[Literal["corpus_id", "score", "text"], int | float | str]


class CrossEncoder(LoadedModel):
    """sentence-transformers' class of this name, for inference: its arguments, its results, its scores.

    What the checkpoint cannot be scored with, and what concerns training or saving, is refused by name.

    Args:
        model_name_or_path: Hub id, local folder, or the name of a bundled model; one without an organisation is one of
            cross-encoder's on the hub.
        num_labels: Must be what the checkpoint has, if it is given.
        max_length: Tokens of a pair, specials included; None takes the checkpoint's own limit.
        activation_fn: What turns raw outputs into scores: any function or module from a tensor of shape
            (n_pairs, n_labels) to one with as many rows. None takes the checkpoint's own.
        device: Such as "cuda:0"; None takes cuda, then mps, then cpu.
        modules: Refused.
        prompts: Texts by name, one of which goes before the first text of each pair; the checkpoint's stay beside them.
        default_prompt_name: The one that goes there where a call names none.
        cache_folder: Where downloads are kept; None takes the environment's SENTENCE_TRANSFORMERS_HOME, then
            huggingface_hub's own place.
        trust_remote_code: Allow code that the checkpoint brings along to run.
        revision: Branch, tag or commit on the hub.
        local_files_only: Never ask the network.
        token: Hub token, for private checkpoints; True takes the one that huggingface_hub finds, as None does, and
            False sends none.
        model_kwargs: `dtype` (or `torch_dtype`), `device_map` with one device, and what changes no score. Without a
            dtype, arithmetic is float32 on a CPU, and elsewhere as the weights are stored.
        processor_kwargs: `model_max_length`.
        config_kwargs: `num_labels`, as above, and rates of dropout, which change no score.
        model_card_data: Kept as an attribute; no card is written.
        backend: "torch".
        keep_in_fp32_modules: Refused, unless empty: the head is always computed in float32.
        **older: Names that these had before, each with a logged warning.

    Raises:
        CheckpointError: The checkpoint cannot be scored the way its authors meant; the message says what is missing.
        InputError: An argument breaks a rule, or cannot be kept.
    """

    @overload
    def predict(
        self,
        inputs: object = ...,
        prompt_name: str | None = ...,
        prompt: str | None = ...,
        batch_size: int | None = ...,
        show_progress_bar: bool | None = ...,
        activation_fn: Activation | None = ...,
        apply_softmax: bool | None = ...,
        convert_to_numpy: Literal[True] = ...,
        convert_to_tensor: Literal[False] = ...,
        device: Devices = ...,
        pool: Pool | None = ...,
        chunk_size: int | None = ...,
        **others: Any,
    ) -> NDArray[np.float32]: ...

    @overload
    def predict(
        self,
        inputs: object = ...,
        prompt_name: str | None = ...,
        prompt: str | None = ...,
        batch_size: int | None = ...,
        show_progress_bar: bool | None = ...,
        activation_fn: Activation | None = ...,
        apply_softmax: bool | None = ...,
        convert_to_numpy: bool = ...,
        *,
        convert_to_tensor: Literal[True],
        device: Devices = ...,
        pool: Pool | None = ...,
        chunk_size: int | None = ...,
        **others: Any,
    ) -> Tensor: ...

    @overload
    def predict(
        self,
        inputs: object = ...,
        prompt_name: str | None = ...,
        prompt: str | None = ...,
        batch_size: int | None = ...,
        show_progress_bar: bool | None = ...,
        activation_fn: Activation | None = ...,
        apply_softmax: bool | None = ...,
        convert_to_numpy: bool = ...,
        convert_to_tensor: bool = ...,
        device: Devices = ...,
        pool: Pool | None = ...,
        chunk_size: int | None = ...,
        **others: Any,
    ) -> NDArray[np.float32] | Tensor | list[Tensor]: ...

    def predict(
        self,
        inputs: object = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int | None = None,
        show_progress_bar: bool | None = None,
        activation_fn: Activation | None = None,
        apply_softmax: bool | None = False,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Devices = None,
        pool: Pool | None = None,
        chunk_size: int | None = None,
        **others: Any,
    ) -> NDArray[np.float32] | Tensor | list[Tensor]:
        """The scores of (query, document) pairs.

        Args:
            inputs: Pairs in a list, a tuple, an array of text or a column of a data set; or one pair alone, as in
                `predict(["a query", "a document"])`.
            prompt_name: The prompt that goes before the first text, by its name among `prompts`.
            prompt: The same as text; an empty one turns the default off.
            batch_size: The most pairs of `max_length` tokens in a forward pass. Passes are filled by tokens, not by
                pairs, so it changes no score and no speed unless it is low; memory that runs out is seen to.
            show_progress_bar: Show a progress bar on standard error; None shows one where the logger
                "secondpass.sentence_transformers" is set to INFO or DEBUG.
            activation_fn: For this call, instead of the model's.
            apply_softmax: Make the scores of several labels shares of 1.
            convert_to_numpy: Give an array; otherwise a list of tensors.
            convert_to_tensor: Give one tensor, on the device of the model; counts before `convert_to_numpy`.
            device: Go there first and stay, as `to` does; or several, for this call.
            pool: What `start_multi_process_pool` gave.
            chunk_size: Checked, and otherwise without effect: there are no processes to share the work.
            **others: `processing_kwargs` with a limit for this call; and names that the above had before.

        Returns:
            Float32. Shape: (n_pairs,) for one label, (n_pairs, n_labels) for several; of one pair alone without the
            first dimension. As with sentence-transformers, nothing gives an empty array of float64.

        Raises:
            InputTypeError: Something is not a pair of strings; the message names which.
            InputError: An argument breaks a rule, or cannot be kept.
            TypeError: There is no such argument, or one is given under both of its names.
            ScoringError: The model gave NaN.
        """
        limit = processing_max_length(others.pop("processing_kwargs", None))
        call = read_call("predict", {"inputs": inputs, "activation_fn": activation_fn}, others, ("num_workers",))
        inputs, activation_fn = call["inputs"], call["activation_fn"]
        pairs = pairs_of(inputs)
        check_activation(activation_fn)
        check_count("batch_size", batch_size)
        check_count("chunk_size", chunk_size)
        reading = CallOptions(
            prompt=resolve_prompt(prompt, prompt_name, self.prompts, self.default_prompt_name),
            max_length=self._limit(limit),
            batch_size=batch_size,
        )
        engine, result_device = self._engine_for(device, pool)
        scores = _score(
            engine,
            pairs,
            reading,
            result_device,
            activation=self.activation_fn if activation_fn is None else activation_fn,
            apply_softmax=bool(apply_softmax),
            show_progress=_shows_progress(show_progress_bar),
        )
        result: Any = list(scores)
        if convert_to_tensor:
            result = scores
        elif convert_to_numpy:
            result = scores.float().cpu().numpy() if pairs else np.array([])
        first_or_all: NDArray[np.float32] | Tensor | list[Tensor] = result[0] if is_one_pair(inputs) else result
        return first_or_all

    def rank(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None = None,
        return_documents: bool = False,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int | None = None,
        show_progress_bar: bool | None = None,
        activation_fn: Activation | None = None,
        device: Devices = None,
        pool: Pool | None = None,
        chunk_size: int | None = None,
        **others: Any,
    ) -> list[Ranked]:
        """The documents by their relevance to the query, best first; equal scores keep the given order.

        Args:
            query: What is asked.
            documents: Texts.
            top_k: Keep at most this many, at least 1; None keeps all.
            return_documents: Put the texts into the result.
            prompt_name: As in `predict`, like all that follow.
            prompt: See `predict`.
            batch_size: See `predict`.
            show_progress_bar: See `predict`.
            activation_fn: See `predict`.
            device: See `predict`.
            pool: See `predict`.
            chunk_size: See `predict`.
            **others: Names that these had before, and arguments that had an effect once.

        Returns:
            For each document its number as "corpus_id", its "score" as a plain number, and its "text" if asked for.

        Raises:
            InputError: The model has several labels, or an argument breaks a rule.
            ScoringError: The model or the activation gave NaN.
        """
        dropped = ("num_workers", "apply_softmax", "convert_to_numpy", "convert_to_tensor")
        call = read_call("rank", {"activation_fn": activation_fn}, others, dropped)
        if self.num_labels != 1:
            raise InputError(
                "CrossEncoder.rank() only works for models with num_labels=1. "
                "Consider using CrossEncoder.predict() with input pairs instead."
            )
        check_query(query)
        texts = check_documents(documents)
        check_count("top_k", top_k)
        scores = self.predict(
            [(query, text) for text in texts],
            prompt_name,
            prompt,
            batch_size,
            show_progress_bar,
            call["activation_fn"],
            convert_to_tensor=True,
            device=device,
            pool=pool,
            chunk_size=chunk_size,
        )
        refuse_nan(scores.float().cpu().numpy(), "document")
        ranked: list[Ranked] = [
            {"corpus_id": number, "score": score, **({"text": texts[number]} if return_documents else {})}
            for number, score in enumerate(scores.tolist())
        ]
        return sorted(ranked, key=lambda document: -float(document["score"]))[:top_k]


def _score(
    engine: Engine,
    pairs: Sequence[Pair],
    reading: CallOptions,
    device: torch.device,
    *,
    activation: Activation,
    apply_softmax: bool,
    show_progress: bool,
) -> Tensor:
    """Scores on a device. Shape: (n_pairs,) or (n_pairs, n_labels)."""
    if not pairs:
        return torch.empty(0, dtype=torch.float32, device=device)
    outputs = engine.outputs(pairs, reading, show_progress=show_progress)
    with torch.inference_mode(), plain_torch(device):
        return scores_of(torch.from_numpy(outputs).to(device), activation, apply_softmax=apply_softmax)


def _shows_progress(show_progress_bar: bool | None) -> bool:
    if show_progress_bar is None:
        return logger.getEffectiveLevel() in {logging.INFO, logging.DEBUG}
    return show_progress_bar
