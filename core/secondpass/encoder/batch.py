"""What an encoder reads: the token ids of several pairs, laid end to end, as tensors on its device."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """The tokens of several pairs without padding, pair after pair, on the encoder's device.

    Args:
        ids: Vocabulary ids. Shape: (n_tokens,), int64.
        type_ids: Token types (0 query side, 1 document side). Shape: (n_tokens,), int64.
        lengths: Tokens of each pair, specials included, shared ones not; with n_shared they sum to n_tokens. On the
            host.
        n_shared: Tokens that every pair begins with, which come once, before the first pair's own; see `share_prefix`.
    """

    ids: Tensor
    type_ids: Tensor
    lengths: tuple[int, ...]
    n_shared: int = 0
