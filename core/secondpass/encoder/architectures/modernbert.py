"""ModernBERT: normalisation first, rotary positions, gated feed-forward, local attention in most layers."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from secondpass.encoder.architectures.architecture import Architecture, Stored, same_head
from secondpass.encoder.architectures.shapes import Shapes, linear, norm, table
from secondpass.encoder.arithmetic.nonlinearity import nonlinearity_of
from secondpass.encoder.parameter_names import NameTable
from secondpass.encoder.pooling import Pooling
from secondpass.encoder.spec import EncoderSpec, LayerSpec, NormPlacement, Rope


def _modernbert(config: Any) -> EncoderSpec | None:  # noqa: ANN401 - transformers' configs have no common typed base
    nonlinearity = nonlinearity_of(config.hidden_activation)
    layers = tuple(_layer(config, kind) for kind in config.layer_types)
    if nonlinearity is None or None in layers or config.hidden_size % (2 * config.num_attention_heads) != 0:
        return None
    return EncoderSpec(
        hidden=config.hidden_size,
        n_heads=config.num_attention_heads,
        layers=tuple(layer for layer in layers if layer is not None),
        nonlinearity=nonlinearity,
        norm_eps=config.norm_eps,
        placement=NormPlacement.PRE,
        gated=True,
    )


def _layer(config: Any, kind: str) -> LayerSpec | None:  # noqa: ANN401 - as above
    rope = config.rope_parameters.get(kind)
    if rope is None or rope.get("rope_type", "default") != "default":
        return None
    match kind:
        case "full_attention":
            return LayerSpec(rope=Rope(float(rope["rope_theta"])))
        case "sliding_attention":
            return LayerSpec(window=config.sliding_window, rope=Rope(float(rope["rope_theta"])))
        case _:
            return None


def _pooling(config: Any) -> Pooling:  # noqa: ANN401 - as above
    return Pooling(config.classifier_pooling)


def _parameters(config: Any) -> Shapes:  # noqa: ANN401 - as above
    hidden, inner, norms = config.hidden_size, config.intermediate_size, config.norm_bias
    shapes = table("embeddings.token", config.vocab_size, hidden) | norm("embeddings.norm", hidden, bias=norms)
    for i in range(config.num_hidden_layers):
        if i > 0:  # what enters the first layer is normalised already
            shapes |= norm(f"layers.{i}.attention.norm", hidden, bias=norms)
        shapes |= linear(f"layers.{i}.attention.qkv", 3 * hidden, hidden, bias=config.attention_bias)
        shapes |= linear(f"layers.{i}.attention.out", hidden, hidden, bias=config.attention_bias)
        shapes |= norm(f"layers.{i}.ffn.norm", hidden, bias=norms)
        shapes |= linear(f"layers.{i}.ffn.up", 2 * inner, hidden, bias=config.mlp_bias)
        shapes |= linear(f"layers.{i}.ffn.down", hidden, inner, bias=config.mlp_bias)
    return shapes | norm("final_norm", hidden, bias=norms)


# Bases of the rotary frequencies where the config does not say, for each kind of layer; and the older keys for them.
_THETAS = {
    "full_attention": ("global_rope_theta", 160000.0),
    "sliding_attention": ("local_rope_theta", 10000.0),
}


def _derive(stated: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Kinds of layers and rotary frequencies, which files from before transformers 5 state in other words."""
    every, n_layers = stated["global_attn_every_n_layers"], stated["num_hidden_layers"]
    kinds = stated["layer_types"]
    if not kinds:
        kinds = ["sliding_attention" if i % every else "full_attention" for i in range(n_layers)]
    given = stated["rope_parameters"] or {}
    known = {"rope_type", "rope_theta"}
    if not isinstance(kinds, list) or len(kinds) != n_layers or not set(map(str, kinds)) <= _THETAS.keys():
        return None
    if not isinstance(given, dict) or not given.keys() <= _THETAS.keys():
        return None
    ropes: dict[str, dict[str, Any]] = {}
    for kind, (key, _) in _THETAS.items():
        ropes[kind] = {"rope_type": "default", "rope_theta": stated[key]} | (given.get(kind) or {})
        is_theta = isinstance(ropes[kind]["rope_theta"], int | float) and ropes[kind]["rope_theta"] > 0
        if not ropes[kind].keys() <= known or not is_theta:
            return None
    if stated["classifier_pooling"] not in ("cls", "mean"):
        return None
    return {"layer_types": kinds, "rope_parameters": ropes, "sliding_window": stated["local_attention"] // 2}


_NONLINEARITIES = {"gelu": nn.GELU, "relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}


class _PredictionHead(nn.Module):
    """norm(nonlinearity(W x)), as transformers' ModernBertPredictionHead."""

    def __init__(self, hidden: int, nonlinearity: nn.Module, eps: float, *, bias: bool, norm_bias: bool) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden, bias=bias, dtype=torch.float32)
        self.act = nonlinearity
        self.norm = nn.LayerNorm(hidden, eps=eps, bias=norm_bias, dtype=torch.float32)

    def forward(self, states: Tensor) -> Tensor:
        """Shape: (n, hidden)."""
        normalised: Tensor = self.norm(self.act(self.dense(states)))
        return normalised


def _head(config: Any) -> nn.Module | None:  # noqa: ANN401 - as above
    nonlinearity = _NONLINEARITIES.get(config.classifier_activation)
    if nonlinearity is None:
        return None
    return _PredictionHead(
        config.hidden_size,
        nonlinearity(),
        config.norm_eps,
        bias=config.classifier_bias,
        norm_bias=config.norm_bias,
    )


_CONFIG: dict[str, object] = {
    "vocab_size": 50368,
    "hidden_size": 768,
    "intermediate_size": 1152,
    "num_hidden_layers": 22,
    "num_attention_heads": 12,
    "hidden_activation": "gelu",
    "max_position_embeddings": 8192,
    "initializer_range": 0.02,
    "initializer_cutoff_factor": 2.0,
    "norm_eps": 1e-5,
    "norm_bias": False,
    "pad_token_id": 50283,
    "eos_token_id": 50282,
    "bos_token_id": 50281,
    "cls_token_id": 50281,
    "sep_token_id": 50282,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "layer_types": [],
    "rope_parameters": {},
    "local_attention": 128,
    "embedding_dropout": 0.0,
    "mlp_bias": False,
    "mlp_dropout": 0.0,
    "decoder_bias": True,
    "classifier_pooling": "cls",
    "classifier_dropout": 0.0,
    "classifier_bias": False,
    "classifier_activation": "gelu",
    "deterministic_flash_attn": False,
    "sparse_prediction": False,
    "sparse_pred_ignore_index": -100,
    "tie_word_embeddings": True,
    # Before transformers 5.
    "global_attn_every_n_layers": 3,
    **dict(_THETAS.values()),
    # Ignored by transformers 5, and written into many files.
    "layer_norm_eps": 1e-5,
    "repad_logits_with_grad": False,
}

MODERNBERT = Architecture(
    model_types=("modernbert",),
    names=NameTable(
        {
            "embeddings.tok_embeddings": "embeddings.token",
            "embeddings.norm": "embeddings.norm",
            "layers.{i}.attn_norm": "layers.{i}.attention.norm",
            "layers.{i}.attn.Wqkv": "layers.{i}.attention.qkv",
            "layers.{i}.attn.Wo": "layers.{i}.attention.out",
            "layers.{i}.mlp_norm": "layers.{i}.ffn.norm",
            "layers.{i}.mlp.Wi": "layers.{i}.ffn.up",
            "layers.{i}.mlp.Wo": "layers.{i}.ffn.down",
            "final_norm": "final_norm",
        }
    ),
    spec=_modernbert,
    head=same_head("head", "classifier"),
    pooling=_pooling,
    stored=Stored(config=_CONFIG, parameters=_parameters, prefix="model", derive=_derive, head_modules={"head": _head}),
)
