"""A transformer and its head as the files hold them, on their way into the packed encoder, without transformers.

Where files hold anything but exactly what their config asks for, the answer is None, and loading through transformers
says what is wrong, or reads them all the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.plain.config import plain_config
from secondpass.checkpoint.plain.stored_tensors import Place, StoredTensors, find_tensors
from secondpass.checkpoint.stated_sizes import check_sizes
from secondpass.checkpoint.stored_formats import check_formats
from secondpass.checkpoint.tensor_headers import all_headers
from secondpass.checkpoint.weights import check_weights, is_leftover, stored_files
from secondpass.encoder.architectures import Architecture, architecture_of
from secondpass.encoder.architectures.architecture import Stored
from secondpass.encoder.pooling import PACKED_POOLINGS, Pooling
from secondpass.encoder.spec import EncoderSpec


@dataclass(frozen=True, slots=True, eq=False)
class PlainBackbone:
    """A transformer without a network of transformers' around it.

    Args:
        config: With the attributes of transformers' config.
        spec: Its shape.
        parameters: In float32 on the CPU, by transformers' names; read from the files when they are asked for.
    """

    config: SimpleNamespace
    spec: EncoderSpec
    parameters: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class PlainClassifier:
    """A transformer as its files hold it, and the head behind it, in float32 on the CPU, in evaluation mode.

    Args:
        backbone: Its transformer.
        pooling: Which state its head reads.
        head: Pooled states, shape (n_pairs, hidden), to logits, shape (n_pairs, n_labels).
        labels: Name of each column of the logits.
    """

    backbone: PlainBackbone
    pooling: Pooling
    head: nn.Module
    labels: Mapping[int, str]


def plain_backbone(folder: Folder, pooling: Pooling) -> PlainBackbone | None:
    """The transformer of a folder that holds no head; None where only transformers can load it.

    Args:
        folder: The checkpoint.
        pooling: How its states are read.
    """
    plan = _Plan.of(folder)
    if plan is None or pooling not in PACKED_POOLINGS:
        return None
    unused = {f"{module}.{leaf}" for module in plan.architecture.names.unused for leaf in ("weight", "bias")}
    shapes = {**plan.shapes, **dict.fromkeys(unused)}  # transformers' base model has them, whatever reads them
    places = _find(folder, shapes)
    return None if places is None else plan.backbone(places, prefix="")


def plain_classifier(folder: Folder, head: Iterable[str] | None = None) -> PlainClassifier | None:
    """A sequence classifier, split; None where only transformers can load it.

    Args:
        folder: The checkpoint.
        head: The layers of its head that are applied, by their paths; None for all of them.
    """
    plan = _Plan.of(folder)
    has_head = not folder.architectures or folder.is_classifier
    if plan is None or not has_head:
        return None
    pooling = plan.architecture.pooling(plan.config)
    layers = plan.head()
    if layers is None or pooling not in PACKED_POOLINGS:
        return None
    prefix = plan.stored.prefix
    ours = {f"{prefix}.{name}": shape for name, shape in plan.shapes.items()}
    theirs = {
        f"{path}.{name}": tuple(parameter.shape)
        for path, layer in layers.items()
        for name, parameter in layer.named_parameters()
    }
    places = _find(folder, ours | theirs)
    if places is None:
        return None
    state = StoredTensors({name: (name, place) for name, place in places.items()})
    for path, layer in layers.items():
        weights = {name: state[f"{path}.{name}"] for name, _ in layer.named_parameters()}
        layer.load_state_dict(weights, assign=True)
    applied = layers if head is None else {path: layers[path] for path in head}
    backbone = plan.backbone(places, prefix=f"{prefix}.")
    network = nn.Sequential(*applied.values()).requires_grad_(requires_grad=False).eval()
    return PlainClassifier(backbone, pooling, network, plan.config.id2label)


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What a folder's files must hold, from its config.

    Args:
        architecture: Of its transformer.
        stored: How that architecture is read as data.
        config: What config.json says.
        spec: The transformer's shape.
        shapes: Those of its parameters, by transformers' names.
    """

    architecture: Architecture
    stored: Stored
    config: SimpleNamespace
    spec: EncoderSpec
    shapes: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, folder: Folder) -> "_Plan | None":
        if folder.base is not None or folder.has_adapter or folder.config.get("auto_map"):
            return None
        headers = all_headers(folder)
        check_formats(folder.name, headers)
        check_sizes(folder.name, headers, folder.config)  # before anything is made for as many layers as it states
        config = plain_config(folder.config)
        architecture = architecture_of(config)
        if config is None or architecture is None or architecture.stored is None:
            return None
        spec = architecture.spec(config)
        if spec is None:
            return None
        shapes = architecture.names.theirs(architecture.stored.parameters(config))
        return cls(architecture, architecture.stored, config, spec, shapes)

    def backbone(self, places: Mapping[str, Place], prefix: str) -> PlainBackbone:
        names = {name: prefix + name for name in self.shapes}
        return PlainBackbone(
            self.config, self.spec, StoredTensors({name: (stored, places[stored]) for name, stored in names.items()})
        )

    def head(self) -> dict[str, nn.Module] | None:
        """The head's layers in order, by path, without memory for weights."""
        if self.architecture.head is None:
            return None
        stated = self.architecture.head(self.config)
        paths = [layer for layer in stated if isinstance(layer, str)]
        layers: dict[str, nn.Module] = {}
        with torch.device("meta"):
            for layer in stated:
                if not isinstance(layer, str):
                    layers[f"layer {len(layers)}"] = layer()
                    continue
                n_out = self.config.num_labels if layer == paths[-1] else self.spec.hidden
                make = self.stored.head_modules.get(layer)
                module = nn.Linear(self.spec.hidden, n_out, dtype=torch.float32) if make is None else make(self.config)
                if module is None:
                    return None
                layers[layer] = module
        return layers


def _find(folder: Folder, shapes: Mapping[str, tuple[int, ...] | None]) -> dict[str, Place] | None:
    """Where the tensors of these names lie; None unless they all do, in these shapes, and nothing beside them counts.

    Args:
        folder: The checkpoint.
        shapes: By name; None for any shape.
    """
    check_weights(folder)
    files = stored_files(folder)
    places = None if files is None else find_tensors(files)
    if places is None or not places.keys() >= shapes.keys():
        return None
    if not all(name in shapes or is_leftover(name) for name in places):
        return None
    found = {name: places[name] for name in shapes}
    fits = all(place.is_exact and shapes[name] in (None, place.shape) for name, place in found.items())
    return found if fits else None
