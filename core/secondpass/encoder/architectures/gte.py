"""GTE: BERT's layers with rotary positions and a gated feed-forward part (Zhang et al., arXiv:2407.19669)."""

from typing import Any

from torch import nn

from secondpass.encoder.architectures.architecture import Architecture, rope_of, same_head
from secondpass.encoder.arithmetic.nonlinearity import nonlinearity_of
from secondpass.encoder.parameter_names import NameTable
from secondpass.encoder.spec import EncoderSpec, LayerSpec


def _gte(config: Any) -> EncoderSpec | None:  # noqa: ANN401 - transformers' configs have no common typed base
    nonlinearity = nonlinearity_of(config.hidden_act)
    rope = rope_of(config.rope_parameters)
    head_dim, rest = divmod(config.hidden_size, config.num_attention_heads)
    has_equal_heads = rest == 0 and head_dim % 2 == 0 and getattr(config, "head_dim", head_dim) == head_dim
    if nonlinearity is None or rope is None or not has_equal_heads:
        return None
    return EncoderSpec(
        hidden=config.hidden_size,
        n_heads=config.num_attention_heads,
        layers=(LayerSpec(rope=rope),) * config.num_hidden_layers,
        nonlinearity=nonlinearity,
        norm_eps=config.layer_norm_eps,
        gated=True,
    )


GTE = Architecture(
    model_types=("gte",),
    names=NameTable(
        {
            "embeddings.word_embeddings": "embeddings.token",
            "embeddings.token_type_embeddings": "embeddings.token_type",
            "embeddings.LayerNorm": "embeddings.norm",
            "layers.{i}.self_attn.q_proj": "layers.{i}.attention.query",
            "layers.{i}.self_attn.k_proj": "layers.{i}.attention.key",
            "layers.{i}.self_attn.v_proj": "layers.{i}.attention.value",
            "layers.{i}.self_attn.o_proj": "layers.{i}.attention.out",
            "layers.{i}.post_attention_layernorm": "layers.{i}.attention.norm",
            "layers.{i}.mlp.gate_proj": "layers.{i}.ffn.inner",
            "layers.{i}.mlp.up_proj": "layers.{i}.ffn.gate",
            "layers.{i}.mlp.down_proj": "layers.{i}.ffn.down",
            "layers.{i}.post_mlp_layernorm": "layers.{i}.ffn.norm",
        },
        unused=frozenset({"pooler.dense"}),  # belongs to the head
    ),
    spec=_gte,
    head=same_head("gte.pooler.dense", nn.Tanh, "classifier"),
)
