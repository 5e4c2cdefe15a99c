"""What an encoder reads: the token ids of several pairs, laid end to end, as tensors on its device."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """The tokens of several pairs without padding, pair after pair, on the encoder's device.

    Args:
        ids: Vocabulary ids. Shape: (n_tokens,), int64.
        type_ids: Token types (0 query side, 1 document side). Shape: (n_tokens,), int64.
        lengths: Tokens of each pair, specials included; they sum to n_tokens. On the host.
    """

    ids: Tensor
    type_ids: Tensor
    lengths: tuple[int, ...]
