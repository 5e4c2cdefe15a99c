"""A transformers model becomes a packed encoder."""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from secondpass.encoder.activations import Activation
from secondpass.encoder.attention import CPU_KEY_MULTIPLE
from secondpass.encoder.embeddings import Embeddings
from secondpass.encoder.encoder import PackedEncoder, Pooling
from secondpass.encoder.families import family_of
from secondpass.encoder.layers import Attention, FeedForward, FirstAttention, FullAttention, GatedFeedForward, Layer
from secondpass.encoder.linear import Linear, Packer, linear_packer
from secondpass.encoder.norm import Norm, norm
from secondpass.encoder.precision import Precision
from secondpass.encoder.spec import EncoderSpec


def packed(
    backbone: PreTrainedModel, *, precision: Precision, pooling: Pooling, device: torch.device
) -> PackedEncoder | None:
    """The packed form of a transformers base model (no head), or None if it has none.

    Args:
        backbone: Such as BertModel, its parameters in float32 on the CPU. Not changed; tables may be shared with it.
        precision: The arithmetic; see `check_precision` for what a machine does well.
        pooling: Which state the head reads.
        device: Where to compute.
    """
    family = family_of(backbone.config)
    spec = None if family is None else family.spec(backbone.config)
    if family is None or spec is None or not spec.layers:
        return None
    with torch.inference_mode():
        weights = family.names.ours(dict(backbone.named_parameters()))
        encoder = _Builder(weights, spec, precision, device).encoder(pooling)
    if weights:
        raise ValueError(f"the packed encoder has no place for {', '.join(sorted(weights))}")
    return encoder


class _Builder:
    """Takes parameters out of a dict and makes the parts of them, so that what is left over shows."""

    def __init__(
        self, weights: dict[str, Tensor], spec: EncoderSpec, precision: Precision, device: torch.device
    ) -> None:
        self._weights = weights
        self._spec = spec
        self._device = device
        self._dtype = precision.torch_dtype
        self._pack: Packer = linear_packer(self._dtype, device)

    def encoder(self, pooling: Pooling) -> PackedEncoder:
        last = len(self._spec.layers) - 1
        return PackedEncoder(
            spec=self._spec,
            embeddings=self._embeddings(),
            layers=tuple(self._layer(i, first_only=pooling == "cls" and i == last) for i in range(last + 1)),
            final_norm=self._norm("final_norm"),
            pooling=pooling,
            device=self._device,
            key_multiple=CPU_KEY_MULTIPLE if self._device.type == "cpu" else 1,
        )

    def _embeddings(self) -> Embeddings:
        word = self._table("word")
        made = self._norm("embeddings.norm")
        if word is None or made is None:
            raise ValueError("an encoder needs a table of words and its normalisation")
        project = "embeddings.project.weight" in self._weights
        return Embeddings(
            word=word,
            position=self._table("position"),
            type=self._table("type"),
            norm=made,
            project=self._linear("embeddings.project") if project else None,
            position_pad_id=self._spec.position_pad_id,
        )

    def _layer(self, i: int, *, first_only: bool) -> Layer:
        at = f"layers.{i}"
        ffn_norm = self._norm(f"{at}.ffn.norm")
        if ffn_norm is None:
            raise ValueError(f"{at} lacks a normalisation")
        gated, activation = self._spec.gated, self._spec.activation
        up = self._linear(f"{at}.ffn.up", activation=None if gated else activation)
        down = self._linear(f"{at}.ffn.down")
        return Layer(
            attention=self._attention(i, first_only=first_only),
            attention_norm=self._norm(f"{at}.attention.norm"),
            ffn=GatedFeedForward(up, down, activation) if gated else FeedForward(up, down),
            ffn_norm=ffn_norm,
            placement=self._spec.placement,
        )

    def _attention(self, i: int, *, first_only: bool) -> Attention:
        spec, n_heads, hidden = self._spec.layers[i], self._spec.n_heads, self._spec.hidden
        weight, bias = self._qkv(f"layers.{i}.attention")
        out = self._linear(f"layers.{i}.attention.out")
        if not first_only:
            return FullAttention(self._pack(weight, bias, None), out, spec, n_heads)
        query = self._pack(weight[:hidden], None if bias is None else bias[:hidden], None)
        key_value = self._pack(weight[hidden:], None if bias is None else bias[hidden:], None)
        return FirstAttention(query, key_value, out, spec, n_heads)

    def _qkv(self, at: str) -> tuple[Tensor, Tensor | None]:
        """Weight and bias of queries, keys and values in one."""
        if f"{at}.qkv.weight" in self._weights:
            return self._weights.pop(f"{at}.qkv.weight"), self._weights.pop(f"{at}.qkv.bias", None)
        weights, biases = (
            [self._weights.pop(f"{at}.{part}.{leaf}") for part in ("query", "key", "value")]
            for leaf in ("weight", "bias")
        )
        return torch.cat(weights), torch.cat(biases)

    def _linear(self, at: str, *, activation: Activation | None = None) -> Linear:
        return self._pack(self._weights.pop(f"{at}.weight"), self._weights.pop(f"{at}.bias", None), activation)

    def _norm(self, at: str) -> Norm | None:
        weight, bias = self._weights.pop(f"{at}.weight", None), self._weights.pop(f"{at}.bias", None)
        if weight is None:
            return None
        return norm(weight, bias, eps=self._spec.norm_eps, dtype=self._dtype, device=self._device)

    def _table(self, name: str) -> Tensor | None:
        table = self._weights.pop(f"embeddings.{name}.weight", None)
        return None if table is None else table.detach().to(self._device, self._dtype)
