"""Attention over packed pairs in one CUDA kernel (FlashAttention's variable-length form, through torch).

Tests on any machine put the definition from torch 2.13's documentation in the kernel's place, and so check what it is
asked for; those of the kernel itself need a GPU.
"""

import functools
import inspect
from collections.abc import Callable

import torch
from torch import Tensor

from secondpass.encoder.capabilities import Capabilities
from secondpass.encoder.packing import Packing

# FlashAttention's limits: heads no wider than this, and a multiple of this wide.
_WIDEST_HEAD = 256
_HEAD_MULTIPLE = 8


def applies(query: Tensor, capabilities: Capabilities, *, n_heads: int) -> bool:
    """Whether the kernel takes rows like these: half precision, on a device that has it, heads of a width it takes."""
    head_dim = query.shape[1] // n_heads
    return (
        capabilities.varlen_attention
        and query.dtype in (torch.float16, torch.bfloat16)
        and head_dim % _HEAD_MULTIPLE == 0
        and head_dim <= _WIDEST_HEAD
    )


def attend_varlen(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    packing: Packing,
    *,
    n_heads: int,
    window: int | None,
    causal: bool = False,
) -> Tensor:
    """As `attend.attend`, and with one query per pair as `attend.attend_one` without a window.

    Args:
        query: Shape: (n_tokens, n_heads * head_dim), or (n_pairs, n_heads * head_dim) for one token of each pair.
        key: Shape: (n_tokens, n_key_heads * head_dim).
        value: As key.
        packing: Where the pairs lie, without padding rows.
        n_heads: Attention heads.
        window: A token attends to those at most this far away; None: to all.
        causal: Whether it attends to none behind it.

    Raises:
        ValueError: Pairs share a prefix, which the kernel cannot be told. Not a user's mistake.
    """
    from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415 - older versions of torch lack it

    if packing.prefix is not None:
        raise ValueError("the kernel takes no prefix that pairs share")
    one_only = len(query) == packing.n_pairs
    longest = max(group.length for group in packing.groups)
    ends = torch.arange(packing.n_pairs + 1, dtype=torch.int32, device=query.device) if one_only else packing.bounds
    q, k, v = (rows.unflatten(1, (-1, query.shape[1] // n_heads)) for rows in (query, key, value))
    kernel: Callable[..., Tensor | tuple[Tensor, Tensor]] = varlen_attn
    n_sharing = n_heads // k.shape[1]
    if n_sharing > 1 and shares_keys():
        kernel = functools.partial(varlen_attn, enable_gqa=True)
    elif n_sharing > 1:
        k, v = (rows.repeat_interleave(n_sharing, dim=1) for rows in (k, v))
    reach = -1 if window is None else window
    n_queries = 1 if one_only else longest
    sides = (reach, 0 if causal else reach)
    outputs = kernel(q, k, v, ends, packing.bounds, n_queries, longest, window_size=sides)
    # Without return_aux there is one result.
    return outputs.flatten(1) if isinstance(outputs, Tensor) else outputs[0].flatten(1)


@functools.cache
def has_kernel() -> bool:
    """Whether this version of torch has the kernel, with windows."""
    try:
        from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415 - as above
    except ModuleNotFoundError:
        return False
    return "window_size" in inspect.signature(varlen_attn).parameters


@functools.cache
def shares_keys() -> bool:
    """Whether its kernel lets heads of queries share those of keys, as later versions do."""
    from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415 - as above

    return "enable_gqa" in inspect.signature(varlen_attn).parameters
