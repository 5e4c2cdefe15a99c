"""DeBERTa-v2 and v3: BERT's layers with disentangled attention."""

from functools import partial
from typing import Any

from torch import nn

from secondpass.encoder.architectures.architecture import Architecture, Head
from secondpass.encoder.arithmetic.nonlinearity import nonlinearity_of
from secondpass.encoder.parameter_names import NameTable
from secondpass.encoder.spec import EncoderSpec, LayerSpec, RelativeSpec


def _deberta_v2(config: Any) -> EncoderSpec | None:  # noqa: ANN401 - transformers' configs have no common typed base
    nonlinearity = nonlinearity_of(config.hidden_act)
    head_dim, rest = divmod(config.hidden_size, config.num_attention_heads)
    has_equal_heads = rest == 0 and getattr(config, "attention_head_size", head_dim) == head_dim
    has_convolution = getattr(config, "conv_kernel_size", 0) > 0
    terms = set(config.pos_att_type or ())
    relative = _relative(config, terms) if config.relative_attention else None
    # No model is known to have other terms, or terms without distances; transformers computes what they mean to it.
    has_known_terms = terms <= {"c2p", "p2c"} and bool(terms) == (relative is not None)
    if nonlinearity is None or has_convolution or not (has_equal_heads and has_known_terms):
        return None
    return EncoderSpec(
        hidden=config.hidden_size,
        n_heads=config.num_attention_heads,
        layers=(LayerSpec(),) * config.num_hidden_layers,
        nonlinearity=nonlinearity,
        norm_eps=config.layer_norm_eps,
        relative=relative,
        norms_projection=True,
    )


def _relative(config: Any, terms: set[str]) -> RelativeSpec | None:  # noqa: ANN401 - as above
    stated = getattr(config, "max_relative_positions", -1)
    max_distance = stated if stated >= 1 else config.max_position_embeddings
    n_buckets = getattr(config, "position_buckets", -1)
    # The logarithm needs something to grow from and to.
    if n_buckets > 0 and not 1 <= n_buckets // 2 < max_distance - 1:
        return None
    return RelativeSpec(
        max_distance=max_distance,
        n_buckets=n_buckets if n_buckets > 0 else None,
        content_to_position="c2p" in terms,
        position_to_content="p2c" in terms,
    )


def _head(config: Any) -> Head:  # noqa: ANN401 - as above
    return ("pooler.dense", partial(_transformers_nonlinearity, config.pooler_hidden_act), "classifier")


def _transformers_nonlinearity(name: str) -> nn.Module:
    from transformers.activations import ACT2FN  # noqa: PLC0415 - takes seconds; whoever reads a head has it

    module: nn.Module = ACT2FN[name]
    return module


DEBERTA_V2 = Architecture(
    model_types=("deberta-v2",),
    names=NameTable(
        {
            "embeddings.word_embeddings": "embeddings.token",
            "embeddings.position_embeddings": "embeddings.position",
            "embeddings.token_type_embeddings": "embeddings.token_type",
            "embeddings.embed_proj": "embeddings.project",
            "embeddings.LayerNorm": "embeddings.norm",
            "encoder.rel_embeddings": "relative.embeddings",
            "encoder.LayerNorm": "relative.norm",
            "encoder.layer.{i}.attention.self.query_proj": "layers.{i}.attention.query",
            "encoder.layer.{i}.attention.self.key_proj": "layers.{i}.attention.key",
            "encoder.layer.{i}.attention.self.value_proj": "layers.{i}.attention.value",
            "encoder.layer.{i}.attention.self.pos_query_proj": "layers.{i}.attention.position_query",
            "encoder.layer.{i}.attention.self.pos_key_proj": "layers.{i}.attention.position_key",
            "encoder.layer.{i}.attention.output.dense": "layers.{i}.attention.out",
            "encoder.layer.{i}.attention.output.LayerNorm": "layers.{i}.attention.norm",
            "encoder.layer.{i}.intermediate.dense": "layers.{i}.ffn.up",
            "encoder.layer.{i}.output.dense": "layers.{i}.ffn.down",
            "encoder.layer.{i}.output.LayerNorm": "layers.{i}.ffn.norm",
        }
    ),
    spec=_deberta_v2,
    head=_head,
)
