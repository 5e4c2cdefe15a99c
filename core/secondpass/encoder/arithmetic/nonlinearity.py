"""The nonlinearities (activation functions) an encoder may use, by the names that transformers' configs give them."""

from enum import StrEnum

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor


class Nonlinearity(StrEnum):
    """A function between two matrix products."""

    GELU = "gelu"
    GELU_TANH = "gelu_tanh"
    RELU = "relu"
    SILU = "silu"
    TANH = "tanh"


# By the names in transformers' ACT2FN.
_BY_CONFIG_NAME = {
    "gelu": Nonlinearity.GELU,
    "gelu_python": Nonlinearity.GELU,
    "gelu_new": Nonlinearity.GELU_TANH,
    "gelu_fast": Nonlinearity.GELU_TANH,
    "gelu_pytorch_tanh": Nonlinearity.GELU_TANH,
    "relu": Nonlinearity.RELU,
    "silu": Nonlinearity.SILU,
    "swish": Nonlinearity.SILU,
    "tanh": Nonlinearity.TANH,
}


def nonlinearity_of(config_name: object) -> Nonlinearity | None:
    """The nonlinearity that a transformers config means, or None if it is not one of ours."""
    return _BY_CONFIG_NAME.get(config_name) if isinstance(config_name, str) else None


def apply_nonlinearity(states: Tensor, nonlinearity: Nonlinearity) -> Tensor:
    """The function of every value; may overwrite `states`."""
    match nonlinearity:
        case Nonlinearity.GELU:
            return _gelu_in_place(states, "none")
        case Nonlinearity.GELU_TANH:
            return _gelu_in_place(states, "tanh")
        case Nonlinearity.RELU:
            return states.relu_()
        case Nonlinearity.SILU:
            return F.silu(states, inplace=True)
        case Nonlinearity.TANH:
            return states.tanh_()


def _gelu_in_place(states: Tensor, approximate: str) -> Tensor:
    # F.gelu has no `inplace`, and its operator's own form in place has no other name.
    out: Tensor = torch.ops.aten.gelu_(states, approximate=approximate)
    return out
