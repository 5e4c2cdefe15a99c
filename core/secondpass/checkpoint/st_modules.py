"""sentence-transformers' folders: modules.json lists the parts, each part's subfolder holds its config and weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from secondpass.arguments import describe
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.weights import fill, load_state, require_all
from secondpass.encoder.pooling import Pooling
from secondpass.errors import CheckpointError

_POOLING_MODES = {"cls": Pooling.CLS, "mean": Pooling.MEAN, "max": Pooling.MAX, "lasttoken": Pooling.LAST}
# Before sentence-transformers 5.4 each mode was a flag of its own.
_POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "lasttoken",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
}
_NONLINEARITIES: dict[str, type[nn.Module]] = {
    "Identity": nn.Identity,
    "GELU": nn.GELU,
    "ReLU": nn.ReLU,
    "SiLU": nn.SiLU,
    "Sigmoid": nn.Sigmoid,
    "Tanh": nn.Tanh,
}


@dataclass(frozen=True, slots=True)
class ModuleSpec:
    """One entry of modules.json.

    Args:
        kind: The class's own name, such as "Pooling".
        path: Its subfolder, "" for the folder itself.
    """

    kind: str
    path: str


def module_specs(folder: Folder) -> list[ModuleSpec]:
    """The parts of a sentence-transformers folder in order; [] for any other folder.

    Raises:
        CheckpointError: A part is a class from outside sentence-transformers, which would be code of the checkpoint,
            or lies outside the folder.
    """
    specs = []
    for entry in folder.json_list("modules.json"):
        package, _, kind = str(entry.get("type")).rpartition(".")
        if package.partition(".")[0] != "sentence_transformers":
            raise CheckpointError(f"{folder.name}: modules.json names a class of other code: {entry.get('type')!r}")
        path = str(entry.get("path", ""))
        if not (folder.path / path).resolve().is_relative_to(folder.path.resolve()):
            raise CheckpointError(f"{folder.name}: modules.json points outside of its folder: {path!r}")
        specs.append(ModuleSpec(kind, path))
    return specs


def is_cross_encoder(folder: Folder) -> bool:
    """Whether config_sentence_transformers.json says that the modules score pairs."""
    return folder.sentence_transformers_config.get("model_type") == "CrossEncoder"


def pooling_of(folder: Folder, spec: ModuleSpec) -> Pooling:
    """Which state a Pooling module reads.

    Raises:
        CheckpointError: It is several, or none of cls, mean, max and lasttoken.
    """
    file = f"{spec.path}/config.json"
    config = folder.json(file)
    stated = config.get("pooling_mode", [mode for flag, mode in _POOLING_FLAGS.items() if config.get(flag)])
    mode = stated[0] if isinstance(stated, list) and len(stated) == 1 else stated
    if not isinstance(mode, str) or mode not in _POOLING_MODES:
        raise CheckpointError(
            f"{folder.name}: {file}: pooling_mode must be one of {sorted(_POOLING_MODES)}, got {describe(stated)}"
        )
    if not config.get("include_prompt", True):
        raise CheckpointError(f"{folder.name}: {file}: include_prompt must be true to be scored here")
    return _POOLING_MODES[mode]


def layers_of(folder: Folder, specs: Sequence[ModuleSpec]) -> nn.Sequential:
    """The layers behind the pooling, filled with their weights.

    Raises:
        CheckpointError: A part has no place here, or its weights do not fit.
    """
    return nn.Sequential(*(_layer(folder, spec) for spec in specs if spec.kind != "Dropout")).eval()


class Normalize(nn.Module):
    """Vectors of length 1."""

    def forward(self, vectors: Tensor) -> Tensor:
        """Shape: (n, width), each row divided by its Euclidean norm."""
        return functional.normalize(vectors, p=2, dim=1)


def _layer(folder: Folder, spec: ModuleSpec) -> nn.Module:
    file = f"{spec.path}/config.json"
    where, config = f"{folder.name}: {file}", folder.json(file)
    match spec.kind:
        case "Normalize":
            return Normalize()
        case "Dense":
            state = _weights(folder, spec, "linear.")
            n_out, n_in = _sizes(where, config, ("out_features", "in_features"), state["weight"])
            linear = nn.Linear(n_in, n_out, bias=config.get("bias", True), dtype=torch.float32)
            fill(linear, state, folder)
            return nn.Sequential(linear, _nonlinearity(folder, config.get("activation_function")))
        case "LayerNorm":
            state = _weights(folder, spec, "norm.")
            norm = nn.LayerNorm(_sizes(where, config, ("dimension",), state["weight"]), dtype=torch.float32)
            fill(norm, state, folder)
            return norm
    raise CheckpointError(f"{folder.name}: no known way to score with a {spec.kind} module behind the pooling")


def _sizes(where: str, config: dict[str, Any], keys: Sequence[str], weight: Tensor) -> list[int]:
    """What a file states of a layer's sizes, held against its weight before anything of that size is built."""
    stated, shape = [config.get(key) for key in keys], list(weight.shape)
    if stated != shape:
        raise CheckpointError(f"{where}: {', '.join(keys)} must be {shape} to fit the weights, got {describe(stated)}")
    return shape


def _nonlinearity(folder: Folder, path: object) -> nn.Module:
    if path is None:
        return nn.Tanh()  # sentence-transformers' default
    module, _, name = str(path).rpartition(".")
    if module.startswith("torch.nn.modules.") and name in _NONLINEARITIES:
        nonlinearity: nn.Module = _NONLINEARITIES[name]()
        return nonlinearity
    raise CheckpointError(
        f"{folder.name}: activation_function must be one of {sorted(_NONLINEARITIES)} of torch.nn, got {path!r}"
    )


def _weights(folder: Folder, spec: ModuleSpec, prefix: str) -> dict[str, Tensor]:
    """A layer's weights by their names without the prefix, "weight" among them."""
    state = {name.removeprefix(prefix): tensor for name, tensor in load_state(folder, spec.path).items()}
    require_all(folder, missing={"weight"} - state.keys(), mismatched=(), unexpected=())
    return state
