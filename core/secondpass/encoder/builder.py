"""The parts of a packed encoder, made of a transformer's parameters."""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from secondpass.encoder.arithmetic.arithmetic import Arithmetic, Weights
from secondpass.encoder.arithmetic.linear import Linear
from secondpass.encoder.attention.relative import PositionTables, relative_scale
from secondpass.encoder.capabilities import Capabilities
from secondpass.encoder.embeddings import Embeddings
from secondpass.encoder.encoder import PackedEncoder
from secondpass.encoder.layer import Layer
from secondpass.encoder.norm import LayerNorm, Norm, RmsNorm
from secondpass.encoder.parameters import Parameters
from secondpass.encoder.pooling import Pooling
from secondpass.encoder.self_attention import (
    AbsorbedAttention,
    Attention,
    DisentangledAttention,
    FirstDisentangledAttention,
    FullAttention,
    Heads,
    PooledAttention,
)
from secondpass.encoder.spec import EncoderSpec, RelativeSpec


class Builder:
    """Makes the parts of an encoder from its parameters; what is left over is an error."""

    def __init__(
        self,
        parameters: Parameters,
        spec: EncoderSpec,
        arithmetic: Arithmetic,
        dtype: torch.dtype,
        capabilities: Capabilities,
    ) -> None:
        self._parameters = parameters
        self._spec = spec
        self._arithmetic = arithmetic
        self._dtype = dtype
        self._capabilities = capabilities
        self._distances = self._distance_embeddings()

    def encoder(self, pooling: Pooling) -> PackedEncoder:
        """The whole of it.

        Raises:
            ValueError: It has no place for a parameter.
        """
        last = len(self._spec.layers) - 1
        encoder = PackedEncoder(
            spec=self._spec,
            embeddings=self._embeddings(),
            layers=tuple(self._layer(i, one_only=pooling is not Pooling.MEAN and i == last) for i in range(last + 1)),
            final_norm=self._norm("final_norm"),
            pooling=pooling,
            capabilities=self._capabilities,
        )
        if self._parameters.left:
            raise ValueError(f"the packed encoder has no place for {', '.join(sorted(self._parameters.left))}")
        return encoder

    def _embeddings(self) -> Embeddings:
        token = self._parameters.take_stored("embeddings.token.weight")
        norm = self._norm("embeddings.norm")
        if token is None:
            raise ValueError("an encoder needs a table of tokens")
        project = None
        if "embeddings.project.weight" in self._parameters:
            project = self._linear("embeddings.project", self._parameters.weights("embeddings.project"))
        return Embeddings(
            token=self._on_device(token),
            position=self._table("position"),
            token_type=self._table("token_type"),
            norm=norm,
            project=project,
            norms_projection=self._spec.norms_projection,
            position_pad_id=self._spec.position_pad_id,
            padding_id=next((i for i, row in enumerate(token) if bool(row.to(self._dtype).isfinite().all())), 0),
        )

    def _layer(self, i: int, *, one_only: bool) -> Layer:
        layer = f"layers.{i}"
        ffn_norm = self._norm(f"{layer}.ffn.norm")
        if ffn_norm is None:
            raise ValueError(f"{layer} lacks a normalisation")
        ffn = self._arithmetic.feed_forward(
            f"{layer}.ffn",
            self._parameters.joined(f"{layer}.ffn", "up", ("inner", "gate")),
            self._parameters.weights(f"{layer}.ffn.down"),
            self._spec.nonlinearity,
            gated=self._spec.gated,
        )
        return Layer(
            attention=self._attention(i, one_only=one_only),
            attention_norm=self._norm(f"{layer}.attention.norm"),
            ffn=ffn,
            ffn_norm=ffn_norm,
            placement=self._spec.placement,
            one_only=one_only,
        )

    def _attention(self, i: int, *, one_only: bool) -> Attention:
        spec, attention = self._spec.layers[i], f"layers.{i}.attention"
        qkv = self._parameters.joined(attention, "qkv", ("query", "key", "value"))
        out = self._linear(f"{attention}.out", self._parameters.weights(f"{attention}.out"))
        if self._spec.relative is not None:
            return self._disentangled(attention, qkv, out, self._spec.relative, one_only=one_only)
        heads = self._heads(attention)
        if not one_only:
            return FullAttention(self._linear(f"{attention}.qkv", qkv), out, spec, heads)
        n_query = self._spec.n_heads * self._spec.head_dim
        query = self._linear(f"{attention}.query", qkv.outputs(slice(n_query)))
        if spec.rope is None and spec.window is None and self._capabilities.wide_heads:
            return self._absorbed(query, qkv, out)
        key_value = self._linear(f"{attention}.key_value", qkv.outputs(slice(n_query, None)))
        return PooledAttention(query, key_value, out, spec, heads)

    def _heads(self, attention: str) -> Heads:
        return Heads(
            n_heads=self._spec.n_heads,
            n_key_heads=self._spec.key_heads,
            query_norm=self._norm(f"{attention}.query_norm"),
            key_norm=self._norm(f"{attention}.key_norm"),
            causal=self._spec.causal,
        )

    def _absorbed(self, query: Linear, qkv: Weights, out: Linear) -> AbsorbedAttention:
        n_heads, hidden = self._spec.n_heads, self._spec.hidden
        _, key, value = qkv.weight.view(3, n_heads, -1, hidden)
        bias = None if qkv.bias is None else self._on_device(qkv.bias[2 * hidden :]).view(n_heads, 1, -1)
        return AbsorbedAttention(
            query=query,
            key=self._on_device(key * math.sqrt(n_heads)),
            value=self._on_device(value.transpose(1, 2)).contiguous(),
            value_bias=bias,
            out=out,
        )

    def _disentangled(
        self, attention: str, qkv: Weights, out: Linear, relative: RelativeSpec, *, one_only: bool
    ) -> Attention:
        n_heads, hidden = self._spec.n_heads, self._spec.hidden
        query, key = qkv.outputs(slice(hidden)), qkv.outputs(slice(hidden, 2 * hidden))
        scale = relative_scale(relative, self._spec.head_dim)
        met_by_keys = met_by_queries = None
        if relative.content_to_position:
            met_by_queries = self._positions(f"{attention}.position_key", key, scale)
        if relative.position_to_content:
            met_by_keys = self._positions(f"{attention}.position_query", query, scale)
        tables = PositionTables(key=met_by_queries, query=met_by_keys, scale=scale)
        if not one_only:
            return DisentangledAttention(self._linear(f"{attention}.qkv", qkv), out, tables, n_heads)
        first = self._linear(f"{attention}.query", query)
        key_value = self._linear(f"{attention}.key_value", qkv.outputs(slice(hidden, None)))
        return FirstDisentangledAttention(first, key_value, out, tables, n_heads)

    def _distance_embeddings(self) -> Tensor | None:
        """The embeddings that every layer projects in its own way."""
        embeddings = self._parameters.take("relative.embeddings.weight")
        weight, bias = (self._parameters.take(f"relative.norm.{name}") for name in ("weight", "bias"))
        if embeddings is None or weight is None:
            return embeddings
        return F.layer_norm(embeddings, weight.shape, weight, bias, self._spec.norm_eps)

    def _positions(self, name: str, shared: Weights, scale: float) -> Tensor:
        """A layer's projection of the embeddings of distances, by weights of its own or those of its tokens."""
        if self._distances is None:
            raise ValueError("attention by distances needs their embeddings")
        own = self._parameters.weights(name) if f"{name}.weight" in self._parameters else shared
        return self._on_device(F.linear(self._distances, own.weight, own.bias) * scale)

    def _linear(self, name: str, weights: Weights) -> Linear:
        return self._arithmetic.linear(name, weights)

    def _norm(self, name: str) -> Norm | None:
        weight, bias = self._parameters.take(f"{name}.weight"), self._parameters.take(f"{name}.bias")
        if weight is None:
            return None
        device, dtype, eps = self._capabilities.device, self._dtype, self._spec.norm_eps
        if self._spec.rms_norms:
            # With a weight of another dtype than the states' torch leaves its fused kernel and warns.
            return RmsNorm(weight.to(device, dtype), eps)
        # Float32 parameters are also the faster way for states in half precision, where a device takes both together.
        own = torch.float32 if self._capabilities.float32_norms else dtype
        return LayerNorm(weight.to(device, own), None if bias is None else bias.to(device, own), eps)

    def _table(self, name: str) -> Tensor | None:
        table = self._parameters.take_stored(f"embeddings.{name}.weight")
        return None if table is None else self._on_device(table)

    def _on_device(self, tensor: Tensor) -> Tensor:
        return tensor.to(self._capabilities.device, self._dtype)
