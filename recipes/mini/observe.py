"""What a bi-encoder does inside while it reads: the figures that `graft` needs to fit its additions in."""

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
    """A layer norm at work.

    Args:
        spread: Standard deviation of what it receives, mean over all tokens but [CLS].
        first_spread: The same at [CLS].
        offset: Mean of what it receives, in standard deviations, all tokens but [CLS].
        size: Root mean square of what it gives.
    """

    spread: float
    first_spread: float
    offset: float
    size: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """What sample texts do inside the bi-encoder.

    [CLS] is a world of its own: its states hardly depend on the text and spread up to fourteen times as wide.

    Args:
        norms: What the layer norms do, by module name.
        use: How much each coordinate moves what reads the hidden states. Shape: (hidden,).
        queries: Second moments of each layer's queries. Shape a layer: (n_heads, head_dim, head_dim).
        keys: Covariance of each layer's keys, likewise.
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
    """Run the sample texts and look."""
    kept = batch["attention_mask"].bool()
    rest = kept.clone()
    rest[:, 0] = False
    norms: dict[str, Norm] = {}
    queries: list[Tensor] = []
    keys: list[Tensor] = []
    contexts: list[Tensor] = []
    use = torch.zeros(encoder.config.hidden_size)

    def norm_seen(name: str) -> Hook:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            spread, mean = inputs[0].std(dim=-1), inputs[0].mean(dim=-1)
            norms[name] = Norm(
                spread=float(spread[rest].mean()),
                first_spread=float(spread[:, 0].mean()),
                offset=float((mean / spread)[rest].mean()),
                size=float(output[rest].square().mean().sqrt()),
            )

        return hook

    def projected(kind: list[Tensor], *, centred: bool) -> Hook:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            nonlocal use
            use = use + inputs[0][kept].std(dim=0) * module.get_parameter("weight").norm(dim=0)
            rows = output[kept]
            rows = rows - rows.mean(dim=0) if centred else rows
            heads = rows.view(len(rows), encoder.config.num_attention_heads, -1)
            kind.append(torch.einsum("thi,thj->hij", heads, heads) / len(rows))

        return hook

    def contexts_seen(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:  # noqa: ARG001
        contexts.append(inputs[0][kept])

    hooks = [
        module.register_forward_hook(norm_seen(name))
        for name, module in encoder.named_modules()
        if isinstance(module, nn.LayerNorm)
    ]
    for layer in layers_of(encoder):
        hooks.append(layer.attention.self.query.register_forward_hook(projected(queries, centred=False)))
        hooks.append(layer.attention.self.key.register_forward_hook(projected(keys, centred=True)))
        hooks.append(layer.attention.output.dense.register_forward_hook(contexts_seen))
    encoder(**batch)
    for hook in hooks:
        hook.remove()
    return Statistics(norms, use, queries, keys, contexts[0])
