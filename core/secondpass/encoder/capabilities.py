"""What a device can do, as one value: everything in the encoder that depends on the hardware reads it here.

Only `secondpass.execution.devices` makes it, from what torch says of the machine: a new device is an entry there.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Capabilities:
    """A device, what it has, and how it prefers to be given its work. The defaults hold for any accelerator.

    Args:
        device: Where tensors are put.
        default_dtype: The number format to compute in where the caller names none.
        batch_tokens: Tokens of one forward pass that suit it.
        slow_dtypes: Formats that it computes without instructions of its own, much slower than float32.
        onednn_dtypes: Formats in which oneDNN multiplies here, with weights in a layout of its own.
        int8_products: Whether it multiplies 8-bit integers faster than floating-point numbers.
        int8_pairs: Whether it adds the 8-bit products of two neighbouring channels in 16 bits, as CPUs without VNNI do.
        matrix_units: Whether it multiplies whole blocks of half-precision numbers in one instruction (AMX, tensor
            cores).
        varlen_attention: Whether torch has a kernel here for attention over sequences of unequal lengths.
        wide_heads: Whether attention takes heads as wide as a token's state.
        key_multiple: Attention reads keys up to a multiple of this; 1 for no rounding.
        row_multiple: Numbers of rows are rounded up to a multiple of this, or with `round_up_to_few` to less or more;
            1 for no rounding.
        float32_norms: Whether normalisation takes float32 parameters with states in half precision.
        pinned_copies: Whether copies from page-locked memory run while the host goes on.
        cheap_calls: Whether a call of torch costs next to nothing, so that attention over each length by itself is as
            fast as over all pairs at once.
        splits_cores: Whether several forward passes can run at a time, each on cores of its own.
        float32_at_hand: Whether its memory holds the weights in float32 anyway while a model is loaded.
    """

    device: torch.device
    default_dtype: torch.dtype = torch.float16
    batch_tokens: int = 4096
    slow_dtypes: frozenset[torch.dtype] = frozenset()
    onednn_dtypes: frozenset[torch.dtype] = frozenset()
    int8_products: bool = False
    int8_pairs: bool = False
    matrix_units: bool = True
    varlen_attention: bool = False
    wide_heads: bool = False
    key_multiple: int = 1
    row_multiple: int = 1
    float32_norms: bool = False
    pinned_copies: bool = False
    cheap_calls: bool = False
    splits_cores: bool = False
    float32_at_hand: bool = False
