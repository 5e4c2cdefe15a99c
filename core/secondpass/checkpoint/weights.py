"""Weights come from disk whole and in their places, or not at all."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from secondpass.arguments import describe_error
from secondpass.checkpoint.adapter import WEIGHTS as ADAPTER_WEIGHTS
from secondpass.checkpoint.folder import Folder
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


def is_leftover(name: str) -> bool:
    """Whether a weight is one that no ranking head reads."""
    return _LEFTOVERS.search(name) is not None


# What may lie in a folder with the suffix of weights: the weights, in one precision or several and for several
# libraries, and the state of a training run.
_KNOWN_FILES = re.compile(
    r"(training_args|optimizer|scheduler|random_states_\d+|scaler)\.bin|consolidated.*\.safetensors"
    r"|(pytorch_)?model.*\.(bin|safetensors)"
)


def check_weights(folder: Folder) -> None:
    """Raise CheckpointError unless the folder holds weights in a format that runs no code, and only those."""
    for level in folder.levels():
        weights = [file.name for pattern in ("*.safetensors", "*.bin") for file in level.path.glob(pattern)]
        accepted = ADAPTER_WEIGHTS if level.has_adapter else ()
        unused = sorted(name for name in weights if not _KNOWN_FILES.fullmatch(name) and name not in accepted)
        if unused:
            raise CheckpointError(
                f"{folder.name} holds weights that would not be applied: {_some(unused)}; remove them"
            )
    path = folder.whole.path
    if any(path.glob("*.safetensors")) or any(path.glob("*.bin")):
        return
    others = sorted(file.name for file in path.glob("*") if file.suffix in {".h5", ".msgpack", ".onnx", ".ot"})
    raise CheckpointError(
        f"{folder.name} holds no weights in safetensors or PyTorch format"
        + (f" (only {', '.join(others)})" if others else "")
    )


def stored_files(folder: Folder, whole: str = "model.safetensors") -> list[Path] | None:
    """The files that transformers would read: one, or all that an index names; None where one of them is not there.

    Args:
        folder: The checkpoint.
        whole: What the file is called where there is one.
    """
    one = folder.path / whole
    if one.is_file():
        return [one]
    try:
        index = json.loads((folder.path / f"{whole}.index.json").read_text(encoding="utf-8"))
        files = sorted({str(file) for file in index["weight_map"].values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    paths = [folder.path / file for file in files]
    return paths if all(path.parent == folder.path and path.is_file() for path in paths) else None


def load_state(folder: Folder, subfolder: str = "") -> dict[str, Tensor]:
    """All tensors of a folder without a transformers class of its own, in float32; safetensors before .bin.

    Raises:
        CheckpointError: There are none, or they cannot be read; pickled code is never run.
    """
    if not subfolder and folder.has_adapter:
        raise CheckpointError(f"{folder.name}: an adapter cannot be applied to a checkpoint of this layout")
    path = folder.file(f"{subfolder}/config.json").parent if subfolder else folder.path
    files = sorted(path.glob("model*.safetensors")) or sorted(path.glob("pytorch_model*.bin"))
    if not files:
        raise CheckpointError(f"{folder.name} holds no weights in {subfolder or 'its folder'}")
    state: dict[str, Tensor] = {}
    for file in files:
        state.update(read_tensors(folder, file))
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def fill(module: nn.Module, state: dict[str, Tensor], folder: Folder) -> None:
    """Copy `state` into `module`; every parameter must be there in its shape, and nothing else.

    Raises:
        CheckpointError: Otherwise.
    """
    own = module.state_dict()
    require_all(
        folder,
        missing=own.keys() - state.keys(),
        mismatched=[name for name in own.keys() & state.keys() if own[name].shape != state[name].shape],
        unexpected=state.keys() - own.keys(),
    )
    module.load_state_dict({name: state[name] for name in own})


def read_tensors(folder: Folder, file: Path) -> dict[str, Tensor]:
    """The named tensors of a file.

    Raises:
        CheckpointError: It cannot be read, or holds anything else; pickled code is never run.
    """
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError) as error:
        raise CheckpointError(f"{folder.name}: {file.name} cannot be read: {describe_error(error)}") from error
    except Exception as error:  # pickle's own errors share no base but Exception
        raise CheckpointError(
            f"{folder.name}: {file.name} holds more than tensors and was not loaded: {describe_error(error)}"
        ) from error
    if not isinstance(loaded, dict) or not all(isinstance(tensor, Tensor) for tensor in loaded.values()):
        raise CheckpointError(f"{folder.name}: {file.name} must hold named tensors and nothing else")
    return loaded


def require_all(
    folder: Folder, *, missing: Iterable[str], mismatched: Iterable[str], unexpected: Iterable[str]
) -> None:
    """Raise CheckpointError unless every weight has its place and every place its weight."""
    problems = {
        "missing": sorted(missing),
        "of another shape": sorted(mismatched),
        "not part of the model": sorted(name for name in unexpected if not is_leftover(name)),
    }
    complaints = [f"{what}: {_some(names)}" for what, names in problems.items() if names]
    if complaints:
        raise CheckpointError(f"{folder.name}: weights do not fit the architecture it states; {'; '.join(complaints)}")


def _some(names: list[str]) -> str:
    listed = ", ".join(names[:4])
    return listed if len(names) <= 4 else f"{listed} and {len(names) - 4} more"  # noqa: PLR2004 - as many as slice
