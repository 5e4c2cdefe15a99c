"""Attention over packed pairs in one CUDA kernel (FlashAttention's variable-length form, through torch).

Written from torch 2.13's documentation and never yet run on a GPU, for the development machine has none. Tests on a CPU
put that documentation in the kernel's place; those of the kernel itself skip.
"""

import functools
import inspect

import torch
from torch import Tensor

from secondpass.encoder.packing import Packing

_AMPERE = (8, 0)
_WIDEST_HEAD = 256


def applies(query: Tensor, *, n_heads: int) -> bool:
    """Whether the kernel takes rows like these: half precision, on a GPU since Ampere, heads of a multiple of 8."""
    head_dim = query.shape[1] // n_heads
    return (
        query.is_cuda
        and query.dtype in (torch.float16, torch.bfloat16)
        and head_dim % 8 == 0
        and head_dim <= _WIDEST_HEAD
        and torch.cuda.get_device_capability(query.device) >= _AMPERE
        and _has_varlen()
    )


def attend_varlen(
    query: Tensor, key: Tensor, value: Tensor, packing: Packing, *, n_heads: int, window: int | None
) -> Tensor:
    """As `attention.attend`, and with one query a pair as `attention.attend_first` without a window.

    Args:
        query: Shape: (n_tokens, hidden), or (n_pairs, hidden) for each pair's first token.
        key: Shape: (n_tokens, hidden).
        value: Shape: (n_tokens, hidden).
        packing: Where the pairs lie, without a margin.
        n_heads: Attention heads.
        window: A token attends to those at most this far away; None: to all.
    """
    from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415 - older versions of torch lack it

    one_each = len(query) == packing.n_pairs
    longest = max(group.length for group in packing.groups)
    ends = torch.arange(packing.n_pairs + 1, dtype=torch.int32, device=query.device) if one_each else packing.bounds
    q, k, v = (rows.unflatten(1, (n_heads, -1)) for rows in (query, key, value))
    reach = -1 if window is None else window
    mixed = varlen_attn(q, k, v, ends, packing.bounds, 1 if one_each else longest, longest, window_size=(reach, reach))
    # Without return_aux there is one result.
    return mixed.flatten(1) if isinstance(mixed, Tensor) else mixed[0].flatten(1)


@functools.cache
def _has_varlen() -> bool:
    try:
        from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415 - as above
    except ModuleNotFoundError:
        return False
    return "window_size" in inspect.signature(varlen_attn).parameters
