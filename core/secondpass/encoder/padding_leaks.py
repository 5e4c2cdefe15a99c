"""Padded models whose masks let padding through.

Where a mask does not hold padding off, a pair's score would depend on the longest pair beside it: Nystromformer
averages over segments of the padded length, ConvBERT's convolutions and Funnel's pooling reach into padding. Such
models are found out when they are loaded, and then never see any padding.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from secondpass.encoder.batch import TokenBatch
from secondpass.encoder.pairs_apart import Apart

# Types of models whose masks hold padding off, as the tests show: they need no forward pass to find out.
VERIFIED = frozenset(
    (
        *("albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "gemma", "llama", "mistral"),
        *("modernbert", "mpnet", "qwen2", "qwen3", "roberta", "xlm-roberta"),
    )
)
# Above what rounding makes of an output's largest value: of small models of 80 types, up to 2e-6. What leaking padding
# does starts little above: in Funnel, which pools two tokens and more into one, at 8e-6 to 3e-4 by the pair's length.
# Where rounding alone is above it, a model is slower for nothing, and its scores are right.
_TOLERANCE = 1e-5


def padding_leaks(encoder: Callable[[TokenBatch], Tensor], batch: TokenBatch) -> bool:
    """Whether a pair's outputs change with the pairs beside it.

    Args:
        encoder: A padded model, in float32.
        batch: Pairs of different lengths.
    """
    with torch.inference_mode():
        together, alone = encoder(batch), Apart(encoder, lambda pairs: pairs.lengths)(batch)
    return bool((together - alone).abs().max() > _TOLERANCE * alone.abs().max().clamp(min=1.0))
