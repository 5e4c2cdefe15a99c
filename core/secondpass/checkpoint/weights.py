"""Weights come from disk whole and in their places, or not at all."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.quiet import without_progress_bars
from secondpass.errors import CheckpointError

# Weights that checkpoints carry along and no ranking head reads: the heads of pretraining (BERT's cls.*, ELECTRA's
# generator and discriminator, DistilBERT's vocab_*, language models' lm_head, question answering's qa_outputs), poolers
# that a classifier does not use, the weights of a loss that training frameworks save beside the model's, and buffers
# that are computed and not learned (positions, token types, rotary frequencies).
_LEFTOVERS = re.compile(
    r"(^|\.)(position_ids|token_type_ids|pooler\..*|cls\.(predictions|seq_relationship)\..*|lm_head\..*"
    r"|generator_.*|discriminator_predictions\..*|vocab_(transform|layer_norm|projector)\..*|qa_outputs\..*"
    r"|mask_predictions\..*|loss.*|criterion.*|rotary_emb\.inv_freq)$"
)


def load_pretrained(auto: Any, folder: Folder, config: PreTrainedConfig) -> PreTrainedModel:  # noqa: ANN401 - transformers' auto classes share no type
    """The model of a transformers auto class, in float32, every weight from the checkpoint.

    Raises:
        CheckpointError: A weight is missing, of another shape, unreadable, or meant for a part this model lacks.
    """
    _check_weights(folder)
    try:
        with without_progress_bars():
            model, report = auto.from_pretrained(
                folder.path,
                config=config,
                dtype=torch.float32,
                local_files_only=True,
                trust_remote_code=folder.hub.trust_remote_code,
                output_loading_info=True,
            )
    except Exception as error:  # safetensors, pickle and torch all have exceptions of their own
        raise CheckpointError(f"{folder.name}: its weights cannot be loaded: {_first_line(error)}") from error
    mismatched = [key if isinstance(key, str) else key[0] for key in report["mismatched_keys"]]
    _require_all(folder, missing=report["missing_keys"], mismatched=mismatched, unexpected=report["unexpected_keys"])
    if not isinstance(model, PreTrainedModel):
        raise CheckpointError(f"{folder.name}: its class {type(model).__name__} is not a transformers model")
    model.eval()
    return model


# Files with the suffix of weights that are the state of a training run, or the same weights in another precision or for
# another library.
_OTHER_FILES = re.compile(
    r"(training_args|optimizer|scheduler|random_states_\d+|scaler)\.bin|consolidated.*\.safetensors"
    r"|(pytorch_)?model.*\.(bin|safetensors)"
)


def _check_weights(folder: Folder) -> None:
    """Raise CheckpointError unless the folder holds weights in a format that runs no code, and only those."""
    if folder.has("adapter_config.json"):
        raise CheckpointError(
            f"{folder.name} holds an adapter (adapter_config.json), which would not be applied: merge it into the "
            "weights first, with peft's merge_and_unload, and save the result"
        )
    weights = [file.name for pattern in ("*.safetensors", "*.bin") for file in folder.path.glob(pattern)]
    unused = sorted(name for name in weights if not _OTHER_FILES.fullmatch(name))
    if unused:
        raise CheckpointError(f"{folder.name} holds weights that would not be applied: {_some(unused)}; remove them")
    if any(folder.path.glob("*.safetensors")) or any(folder.path.glob("*.bin")):
        return
    others = sorted(file.name for file in folder.path.glob("*") if file.suffix in {".h5", ".msgpack", ".onnx", ".ot"})
    raise CheckpointError(
        f"{folder.name} holds no weights in safetensors or PyTorch format"
        + (f" (only {', '.join(others)})" if others else "")
    )


def backbone_of(model: PreTrainedModel) -> PreTrainedModel:
    """The transformer inside a transformers model with a head."""
    backbone = model.base_model
    if not isinstance(backbone, PreTrainedModel):
        raise CheckpointError(f"{type(model).__name__} has no transformer of its own behind its head")
    return backbone


def load_state(folder: Folder, subfolder: str = "") -> dict[str, Tensor]:
    """All tensors of a folder without a transformers class of its own, in float32; safetensors before .bin.

    Raises:
        CheckpointError: There are none, or they cannot be read; pickled code is never run.
    """
    path = folder.path / subfolder
    files = sorted(path.glob("model*.safetensors")) or sorted(path.glob("pytorch_model*.bin"))
    if not files:
        raise CheckpointError(f"{folder.name} holds no weights in {subfolder or 'its folder'}")
    state: dict[str, Tensor] = {}
    for file in files:
        state.update(_read(folder, file))
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def fill(module: nn.Module, state: dict[str, Tensor], folder: Folder) -> None:
    """Copy `state` into `module`; every parameter must be there in its shape, and nothing else.

    Raises:
        CheckpointError: Otherwise.
    """
    own = module.state_dict()
    _require_all(
        folder,
        missing=own.keys() - state.keys(),
        mismatched=[name for name in own.keys() & state.keys() if own[name].shape != state[name].shape],
        unexpected=state.keys() - own.keys(),
    )
    module.load_state_dict({name: state[name] for name in own})


def _read(folder: Folder, file: Path) -> dict[str, Tensor]:
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError) as error:
        raise CheckpointError(f"{folder.name}: {file.name} cannot be read: {_first_line(error)}") from error
    except Exception as error:  # pickle's own errors share no base but Exception
        raise CheckpointError(
            f"{folder.name}: {file.name} holds more than tensors and was not loaded: {_first_line(error)}"
        ) from error
    if not isinstance(loaded, dict) or not all(isinstance(tensor, Tensor) for tensor in loaded.values()):
        raise CheckpointError(f"{folder.name}: {file.name} must hold named tensors and nothing else")
    return loaded


def _require_all(
    folder: Folder, *, missing: Iterable[str], mismatched: Iterable[str], unexpected: Iterable[str]
) -> None:
    """Raise CheckpointError unless every weight has its place and every place its weight."""
    problems = {
        "missing": sorted(missing),
        "of another shape": sorted(mismatched),
        "not part of the model": sorted(name for name in unexpected if not _LEFTOVERS.search(name)),
    }
    complaints = [f"{what}: {_some(names)}" for what, names in problems.items() if names]
    if complaints:
        raise CheckpointError(f"{folder.name}: weights do not fit the architecture it states; {'; '.join(complaints)}")


def _some(names: list[str]) -> str:
    listed = ", ".join(names[:4])
    return listed if len(names) <= 4 else f"{listed} and {len(names) - 4} more"  # noqa: PLR2004 - as many as slice


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
