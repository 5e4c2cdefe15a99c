"""ModernBERT: normalisation first, rotary positions, gated feed-forward, local attention in most layers."""

from typing import Any

from secondpass.encoder.architectures.architecture import Architecture, same_head
from secondpass.encoder.arithmetic.nonlinearity import nonlinearity_of
from secondpass.encoder.names import NameTable
from secondpass.encoder.pooling import Pooling
from secondpass.encoder.spec import EncoderSpec, LayerSpec, NormPlacement, Rope


def _modernbert(config: Any) -> EncoderSpec | None:  # noqa: ANN401 - transformers' configs have no common typed base
    nonlinearity = nonlinearity_of(config.hidden_activation)
    layers = tuple(_layer(config, kind) for kind in config.layer_types)
    if nonlinearity is None or None in layers or (config.hidden_size // config.num_attention_heads) % 2 != 0:
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
)
