"""A model on one device in one precision: token batches in, float32 outputs out."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from secondpass.encoder import Capabilities, PackedEncoder, TokenBatch, to_device
from secondpass.encoder.round_up import round_up
from secondpass.execution.ambient import plain_torch
from secondpass.tokenization.tokens import PairTokens

# Rows of a head's products come in multiples of this: kernels take rows at the edge of a matrix otherwise than the
# rest, and documents of the same tokens would differ in the last bit, so that a tie loses the given order.
_HEAD_ROW_MULTIPLE = 16


class Network:
    """An encoder and its head on a device.

    Stateless between calls, so threads may share one.

    Args:
        encoder: Token batches to pooled states or logits.
        head: Pooled states to outputs, in float32.
        capabilities: Of the device where both are.
        pools: Whether the encoder gives states of texts, of which that of a text without tokens is `blank`.
        blank: That state; None for zeros. Shape: (1, hidden), float32, on the device.
        ignored_id: As in `SplitModel`.

    Attributes:
        pads: Whether the encoder pads the pairs of a batch to its longest one.
        float32_parts: Those parts of the encoder that are in float32 though its precision is another.
    """

    def __init__(
        self,
        encoder: Callable[[TokenBatch], Tensor],
        head: nn.Module,
        capabilities: Capabilities,
        *,
        pools: bool = False,
        blank: Tensor | None = None,
        ignored_id: int | None = None,
    ) -> None:
        self.capabilities = capabilities
        self.pads = not isinstance(encoder, PackedEncoder)
        self.float32_parts = encoder.float32_parts if isinstance(encoder, PackedEncoder) else ()
        self._encoder = encoder
        self._head = head
        self._pools = pools
        self._blank = blank
        self._ignored_id = ignored_id

    def __call__(self, pairs: PairTokens) -> Tensor:
        """The head's outputs on this network's device. Shape: (n_pairs, n_outputs), float32."""
        with torch.inference_mode(), plain_torch(self.capabilities.device):
            if self._ignored_id is not None:
                pairs = pairs.without_trailing(self._ignored_id)
            # There is no first token of none, nor a mean.
            pooled = self._encoder(batch_on(pairs.without_gaps() if self._pools else pairs, self.capabilities))
            if self._pools and not pairs.lengths.all():
                is_blank = to_device(torch.from_numpy(pairs.lengths == 0), self.capabilities)[:, None]
                pooled = torch.where(is_blank, 0.0 if self._blank is None else self._blank, pooled)
            n_pairs = len(pooled)
            rows = functional.pad(pooled, (0, 0, 0, round_up(n_pairs, _HEAD_ROW_MULTIPLE) - n_pairs))
            output: Tensor = self._head(rows)[:n_pairs]
            return output


def batch_on(pairs: PairTokens, capabilities: Capabilities) -> TokenBatch:
    """The tokens of pairs as one batch on a device."""
    # Widened on the device: less to copy.
    ids, type_ids = (to_device(torch.from_numpy(array), capabilities).long() for array in (pairs.ids, pairs.type_ids))
    return TokenBatch(ids, type_ids, tuple(pairs.lengths.tolist()))
