"""A transformers model becomes a packed encoder."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from transformers import PreTrainedModel

from secondpass.encoder.architectures import architecture_of
from secondpass.encoder.arithmetic.arithmetic import Arithmetic, FloatArithmetic, Weights
from secondpass.encoder.arithmetic.int8 import Int8Arithmetic
from secondpass.encoder.arithmetic.linear import Linear
from secondpass.encoder.arithmetic.precision import Precision, has_amx
from secondpass.encoder.arithmetic.ranges import RangeRecorder
from secondpass.encoder.attention.attend import CPU_KEY_MULTIPLE
from secondpass.encoder.batch import TokenBatch
from secondpass.encoder.embeddings import Embeddings
from secondpass.encoder.encoder import PackedEncoder, Pooling
from secondpass.encoder.layers import AbsorbedAttention, Attention, FirstAttention, FullAttention, Layer
from secondpass.encoder.norm import Norm, norm
from secondpass.encoder.spec import EncoderSpec


def packed(
    backbone: PreTrainedModel,
    *,
    precision: Precision,
    pooling: Pooling,
    device: torch.device,
    calibration: TokenBatch | None = None,
) -> PackedEncoder | None:
    """The packed form of a transformers base model (no head), or None if it has none.

    Args:
        backbone: Such as BertModel, its parameters in float32 on the CPU. Not changed; tables may be shared with it.
        precision: The arithmetic; see `check_precision` for what a machine does well.
        pooling: Which state the head reads.
        device: Where to compute.
        calibration: A few texts like those to come, from which int8 takes the ranges of values; it needs them.

    Raises:
        ValueError: int8 without calibration, or a parameter that the encoder has no place for.
    """
    architecture = architecture_of(backbone.config)
    spec = None if architecture is None else architecture.spec(backbone.config)
    if architecture is None or spec is None or not spec.layers:
        return None
    with torch.inference_mode():
        weights = architecture.names.ours(dict(backbone.named_parameters()))
        arithmetic = _arithmetic(weights, spec, precision, device, calibration)
        return _Builder(weights, spec, arithmetic, precision.torch_dtype, device).encoder(pooling)


def _arithmetic(
    weights: dict[str, Tensor],
    spec: EncoderSpec,
    precision: Precision,
    device: torch.device,
    calibration: TokenBatch | None,
) -> Arithmetic:
    plain = FloatArithmetic(precision.torch_dtype, device)
    if precision is not Precision.INT8:
        return plain
    if calibration is None:
        raise ValueError("int8 needs calibration texts")
    recorder = RangeRecorder()
    _Builder(weights, spec, recorder, torch.float32, device).encoder("mean")(calibration)
    return Int8Arithmetic({k: v for k, v in recorder.ranges.items() if _worth_int8(k, spec)}, plain)


def _worth_int8(name: str, spec: EncoderSpec) -> bool:
    """Whether 8-bit arithmetic gains anything in the product of this name."""
    # What the last layer rounds goes straight into the scores, and under "cls" there is little to save.
    if name.startswith(f"layers.{len(spec.layers) - 1}."):
        return False
    # AMX multiplies bfloat16 so fast that turning attention's inputs into 8 bits takes longer than their products save.
    return ".ffn." in name or not has_amx()


class _Builder:
    """Takes parameters one by one and makes the parts of them; what is left over is an error."""

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        spec: EncoderSpec,
        arithmetic: Arithmetic,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._weights = dict(weights)
        self._spec = spec
        self._arithmetic = arithmetic
        self._dtype = dtype
        self._device = device

    def encoder(self, pooling: Pooling) -> PackedEncoder:
        last = len(self._spec.layers) - 1
        encoder = PackedEncoder(
            spec=self._spec,
            embeddings=self._embeddings(),
            layers=tuple(self._layer(i, first_only=pooling == "cls" and i == last) for i in range(last + 1)),
            final_norm=self._norm("final_norm"),
            pooling=pooling,
            device=self._device,
            key_multiple=CPU_KEY_MULTIPLE if self._device.type == "cpu" else 1,
        )
        if self._weights:
            raise ValueError(f"the packed encoder has no place for {', '.join(sorted(self._weights))}")
        return encoder

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
            project=self._linear("embeddings.project", self._take("embeddings.project")) if project else None,
            position_pad_id=self._spec.position_pad_id,
        )

    def _layer(self, i: int, *, first_only: bool) -> Layer:
        at = f"layers.{i}"
        ffn_norm = self._norm(f"{at}.ffn.norm")
        if ffn_norm is None:
            raise ValueError(f"{at} lacks a normalisation")
        ffn = self._arithmetic.feed_forward(
            f"{at}.ffn",
            self._take(f"{at}.ffn.up"),
            self._take(f"{at}.ffn.down"),
            self._spec.activation,
            gated=self._spec.gated,
        )
        return Layer(
            attention=self._attention(i, first_only=first_only),
            attention_norm=self._norm(f"{at}.attention.norm"),
            ffn=ffn,
            ffn_norm=ffn_norm,
            placement=self._spec.placement,
        )

    def _attention(self, i: int, *, first_only: bool) -> Attention:
        spec, n_heads, hidden = self._spec.layers[i], self._spec.n_heads, self._spec.hidden
        at = f"layers.{i}.attention"
        qkv = self._qkv(at)
        out = self._linear(f"{at}.out", self._take(f"{at}.out"))
        if not first_only:
            return FullAttention(self._linear(f"{at}.qkv", qkv), out, spec, n_heads)
        query = self._linear(f"{at}.query", qkv.outputs(slice(hidden)))
        # Kernels of GPUs take no heads as wide as a state.
        if spec.rope_theta is None and self._device.type == "cpu":
            return self._absorbed(query, qkv, out, spec.window)
        key_value = self._linear(f"{at}.key_value", qkv.outputs(slice(hidden, None)))
        return FirstAttention(query, key_value, out, spec, n_heads)

    def _absorbed(self, query: Linear, qkv: Weights, out: Linear, window: int | None) -> AbsorbedAttention:
        n_heads, hidden = self._spec.n_heads, self._spec.hidden
        _, key, value = qkv.weight.view(3, n_heads, -1, hidden)
        bias = None if qkv.bias is None else qkv.bias[2 * hidden :].to(self._dtype).view(n_heads, 1, -1)
        return AbsorbedAttention(
            query=query,
            key=(key * math.sqrt(n_heads)).to(self._dtype),
            value=value.transpose(1, 2).to(self._dtype).contiguous(),
            value_bias=bias,
            out=out,
            window=window,
        )

    def _qkv(self, at: str) -> Weights:
        """Queries', keys' and values' in one."""
        if f"{at}.qkv.weight" in self._weights:
            return self._take(f"{at}.qkv")
        parts = [self._take(f"{at}.{part}") for part in ("query", "key", "value")]
        biases = [part.bias for part in parts if part.bias is not None]
        return Weights(torch.cat([part.weight for part in parts]), torch.cat(biases) if biases else None)

    def _linear(self, name: str, weights: Weights) -> Linear:
        return self._arithmetic.linear(name, weights)

    def _take(self, at: str) -> Weights:
        return Weights(self._weights.pop(f"{at}.weight").detach(), _detached(self._weights.pop(f"{at}.bias", None)))

    def _norm(self, at: str) -> Norm | None:
        weight, bias = self._weights.pop(f"{at}.weight", None), self._weights.pop(f"{at}.bias", None)
        if weight is None:
            return None
        return norm(weight, bias, eps=self._spec.norm_eps, dtype=self._dtype, device=self._device)

    def _table(self, name: str) -> Tensor | None:
        table = self._weights.pop(f"embeddings.{name}.weight", None)
        return None if table is None else table.detach().to(self._device, self._dtype)


def _detached(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach()
