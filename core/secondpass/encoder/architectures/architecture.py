"""What a model family is to us: everything that differs between one kind of transformers model and another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from torch import nn

from secondpass.encoder.parameter_names import NameTable
from secondpass.encoder.pooling import Pooling
from secondpass.encoder.spec import EncoderSpec, Rope

# The layers of a head, as paths in the loaded model, or what makes those without parameters.
Head: TypeAlias = tuple[str | Callable[[], nn.Module], ...]


def same_head(*layers: str | Callable[[], nn.Module]) -> Callable[[Any], Head]:
    """The head of an architecture that has the same one whatever its config says."""
    return lambda _: layers


def first_token(config: Any) -> Pooling:  # noqa: ANN401, ARG001 - configs have no common typed base; what `pooling` takes
    """The pooling of most classifiers."""
    return Pooling.CLS


def rope_of(parameters: Mapping[str, Any]) -> Rope | None:
    """The rotation that a config states for all its layers; None for one that is more than a base and a factor."""
    # transformers keeps the name that the kind had in older files, beside today's.
    keys, theta = (parameters.keys() - {"type"}) | {"rope_type"}, float(parameters["rope_theta"])
    match parameters.get("rope_type", "default"):
        case "default" if keys == {"rope_type", "rope_theta"}:
            return Rope(theta)
        case "linear" if keys == {"rope_type", "rope_theta", "factor"}:
            return Rope(theta, float(parameters["factor"]))
        case _:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the files of a checkpoint hold, so that they can be read as data, without transformers.

    Args:
        config: Every key that its config.json may have beside those of all architectures, with transformers' default.
            A value is of its default's type; where that is None, it is None or a number.
        parameters: From its config, the shapes of its transformer's parameters, by our names.
        prefix: What stands before the transformer's names in a classifier.
        derive: What transformers' config has and the file may lack, from what the file says; None for what is better
            left to transformers.
        head_modules: Modules of its head that are more than one linear layer, by their paths in `Architecture.head`:
            made without weights, from the config; None for an option that they do not have here.
    """

    config: Mapping[str, object]
    parameters: Callable[[Any], Mapping[str, tuple[int, ...]]]
    prefix: str
    derive: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] = lambda _: {}
    head_modules: Mapping[str, Callable[[Any], nn.Module | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """How one kind of transformers model becomes our encoder and a head.

    Args:
        model_types: What its configs call it.
        names: Its parameters' names and ours.
        spec: Reads its config; None for an option that the packed encoder does not have, never a guess.
        head: Reads from its config the layers of its sequence classifier between the pooled state and the logits.
            Dropout is left out, as always in evaluation. None where the state it reads depends on the padding token.
        pooling: Reads from its config which state that head takes.
        stored: How its files are read as data; None where only transformers reads them.
        language_head: Of its causal language models, the path of the linear layer that alone makes logits of a token's
            last state; None where it has none that is known to.
        causal_classifier_head: Of its classifiers, the path of the linear layer that makes logits of the state of a
            text's last token that is not the padding token.
    """

    model_types: tuple[str, ...]
    names: NameTable
    spec: Callable[[Any], EncoderSpec | None]
    head: Callable[[Any], Head] | None = None
    pooling: Callable[[Any], Pooling] = first_token
    stored: Stored | None = None
    language_head: str | None = None
    causal_classifier_head: str | None = None
