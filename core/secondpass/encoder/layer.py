"""A transformer layer, over packed rows."""

from dataclasses import dataclass

from torch import Tensor

from secondpass.encoder.arithmetic.feed_forward import RowFunction
from secondpass.encoder.forward_context import ForwardContext
from secondpass.encoder.norm import Norm
from secondpass.encoder.self_attention import Attention
from secondpass.encoder.spec import NormPlacement


@dataclass(frozen=True, slots=True)
class Layer:
    """Attention and feed-forward, each added to what came in.

    Args:
        attention: The first part.
        attention_norm: Its normalisation; None in ModernBERT's first layer, whose input is normalised already.
        ffn: The second part.
        ffn_norm: Its normalisation.
        placement: Before the parts or after the sums.
        one_only: Whether it keeps only the rows that are read (`Packing.read_rows`); `attention` gives no others then.
    """

    attention: Attention
    attention_norm: Norm | None
    ffn: RowFunction
    ffn_norm: Norm
    placement: NormPlacement
    one_only: bool

    def __call__(self, states: Tensor, context: ForwardContext) -> Tensor:
        """The rows that the layer keeps, one layer on. `states` is left as it is."""
        normalise = self.attention_norm or _same
        kept = states[context.packing.read_rows] if self.one_only else states
        if self.placement is NormPlacement.POST:
            middle = normalise(self.attention(states, context).add_(kept))
            return self.ffn_norm(self.ffn(middle).add_(middle))
        middle = self.attention(normalise(states), context).add_(kept)
        return self.ffn(self.ffn_norm(middle)).add_(middle)


def _same(states: Tensor) -> Tensor:
    return states
