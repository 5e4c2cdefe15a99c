"""Statistics of a bi-encoder's hidden states: the figures that `graft` needs to fit its additions in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from transformers import BertModel
from transformers.models.bert.modeling_bert import BertLayer

Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]


@dataclass(frozen=True, slots=True)
class Norm:
    """Statistics of a layer norm.

    Args:
        spread: Standard deviation of its input, mean over all tokens but [CLS].
        first_spread: The same at [CLS].
        offset: Mean of its input, in standard deviations, over all tokens but [CLS].
        size: Root mean square of its output.
    """

    spread: float
    first_spread: float
    offset: float
    size: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of the bi-encoder over sample texts.

    [CLS] differs from all other tokens: its states hardly depend on the text and spread up to fourteen times as wide.

    Args:
        norms: Statistics of the layer norms, by module name.
        use: How much each coordinate moves the projections that read the hidden states. Shape: (hidden,).
        queries: Second moments of each layer's queries. Shape per layer: (n_heads, head_dim, head_dim).
        keys: Covariance of each layer's keys, of the same shape.
        contexts: What the heads of the first layer return. Shape: (n_tokens, hidden).
    """

    norms: dict[str, Norm]
    use: Tensor
    queries: list[Tensor]
    keys: list[Tensor]
    contexts: Tensor


def layers_of(encoder: BertModel) -> list[BertLayer]:
    """The layers, first to last; a `ModuleList` hides from type checkers what it holds."""
    return cast("list[BertLayer]", list(encoder.encoder.layer))


def observe(encoder: BertModel, batch: dict[str, Tensor]) -> Statistics:
    """Run the sample texts and collect the statistics."""
    real = batch["attention_mask"].bool()
    rest = real.clone()
    rest[:, 0] = False
    norms: dict[str, Norm] = {}
    queries: list[Tensor] = []
    keys: list[Tensor] = []
    contexts: list[Tensor] = []
    use = torch.zeros(encoder.config.hidden_size)

    def observe_norm(name: str) -> Hook:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            spread, mean = inputs[0].std(dim=-1), inputs[0].mean(dim=-1)
            norms[name] = Norm(
                spread=float(spread[rest].mean()),
                first_spread=float(spread[:, 0].mean()),
                offset=float((mean / spread)[rest].mean()),
                size=float(output[rest].square().mean().sqrt()),
            )

        return hook

    def observe_projection(moments: list[Tensor], *, centred: bool) -> Hook:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            nonlocal use
            use = use + inputs[0][real].std(dim=0) * module.get_parameter("weight").norm(dim=0)
            rows = output[real]
            rows = rows - rows.mean(dim=0) if centred else rows
            heads = rows.view(len(rows), encoder.config.num_attention_heads, -1)
            moments.append(torch.einsum("thi,thj->hij", heads, heads) / len(rows))

        return hook

    def observe_contexts(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:  # noqa: ARG001
        contexts.append(inputs[0][real])

    hooks = [
        module.register_forward_hook(observe_norm(name))
        for name, module in encoder.named_modules()
        if isinstance(module, nn.LayerNorm)
    ]
    for layer in layers_of(encoder):
        hooks.append(layer.attention.self.query.register_forward_hook(observe_projection(queries, centred=False)))
        hooks.append(layer.attention.self.key.register_forward_hook(observe_projection(keys, centred=True)))
        hooks.append(layer.attention.output.dense.register_forward_hook(observe_contexts))
    encoder(**batch)
    for hook in hooks:
        hook.remove()
    return Statistics(norms, use, queries, keys, contexts[0])
