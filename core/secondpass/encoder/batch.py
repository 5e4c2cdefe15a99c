"""What an encoder reads: the token ids of several pairs, laid end to end."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """The tokens of `n_pairs` pairs without padding, pair after pair.

    Args:
        ids: Vocabulary ids. Shape: (n_tokens,), int64.
        type_ids: Token types (0 query side, 1 document side). Shape: (n_tokens,), int64.
        lengths: Tokens of each pair, specials included; they sum to n_tokens.
    """

    ids: Tensor
    type_ids: Tensor
    lengths: tuple[int, ...]


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device. The host does not wait for a CUDA device to have finished what it was given before."""
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=device.type == "cuda")
