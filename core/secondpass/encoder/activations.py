"""The activation functions an encoder may use, by the names that transformers' configs give them."""

from enum import StrEnum

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor


class Activation(StrEnum):
    """A function between two matrix products."""

    GELU = "gelu"
    GELU_TANH = "gelu_tanh"
    RELU = "relu"
    SILU = "silu"
    TANH = "tanh"


_BY_CONFIG_NAME = {
    "gelu": Activation.GELU,
    "gelu_python": Activation.GELU,
    "gelu_new": Activation.GELU_TANH,
    "gelu_fast": Activation.GELU_TANH,
    "gelu_pytorch_tanh": Activation.GELU_TANH,
    "relu": Activation.RELU,
    "silu": Activation.SILU,
    "swish": Activation.SILU,
    "tanh": Activation.TANH,
}


def known_activation(config_name: object) -> Activation | None:
    """The activation that a transformers config means, or None if it is not one of ours."""
    return _BY_CONFIG_NAME.get(config_name) if isinstance(config_name, str) else None


def activate(states: Tensor, activation: Activation) -> Tensor:
    """The activated states; `states` itself is not kept: it may be overwritten."""
    match activation:
        case Activation.GELU:
            return F.gelu(states)
        case Activation.GELU_TANH:
            return F.gelu(states, approximate="tanh")
        case Activation.RELU:
            return states.relu_()
        case Activation.SILU:
            return F.silu(states, inplace=True)
        case Activation.TANH:
            return torch.tanh(states)
