"""What a config states about sizes, held against the weights on disk before anything of that size is built."""

from collections.abc import Mapping, Sequence
from typing import Any

from secondpass.arguments import describe
from secondpass.checkpoint.tensor_headers import Header
from secondpass.errors import CheckpointError

# Every layer has a tensor of its own, but for ALBERT's, which share theirs and are fewer than its tensors.
_COUNTS = ("num_hidden_layers", "n_layers", "num_layers", "n_layer")
# Sizes that are a dimension of some tensor in every architecture that states them.
_WIDTHS = ("vocab_size", "hidden_size", "dim", "d_model", "intermediate_size", "hidden_dim", "embedding_size")


def check_sizes(name: str, headers: Sequence[Header], stated: Mapping[str, Any]) -> None:
    """Raise CheckpointError if a config states more layers or wider ones than the weights hold.

    Args:
        name: The checkpoint's.
        headers: Of all its weights.
        stated: What the config says.
    """
    if not headers:
        return
    widest = max(max(header.shape, default=0) for header in headers)
    for keys, limit, holds in ((_COUNTS, len(headers), "tensors in all"), (_WIDTHS, widest, "rows or columns at most")):
        for key in keys:
            value = stated.get(key)
            if isinstance(value, int) and value > limit:
                raise CheckpointError(
                    f"{name}: config.json: {key} must fit the weights, which have {limit} {holds}, "
                    f"got {describe(value)}"
                )
