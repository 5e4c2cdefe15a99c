"""Llama and those that share its layers, Qwen2 and Qwen3: causal attention, grouped heads, RMS norms, gates."""

from typing import Any

from secondpass.encoder.architectures.architecture import Architecture, rope_of
from secondpass.encoder.arithmetic.nonlinearity import nonlinearity_of
from secondpass.encoder.parameter_names import NameTable
from secondpass.encoder.spec import EncoderSpec, LayerSpec, NormPlacement


def _llama(config: Any) -> EncoderSpec | None:  # noqa: ANN401 - transformers' configs have no common typed base
    nonlinearity, rope = nonlinearity_of(config.hidden_act), rope_of(config.rope_parameters)
    n_heads, n_key_heads = config.num_attention_heads, config.num_key_value_heads
    head_dim = getattr(config, "head_dim", config.hidden_size // n_heads)
    # Llama has no kinds of layers: all attend to all that is before them.
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if nonlinearity is None or rope is None or kinds != {"full_attention"} or not getattr(config, "is_causal", True):
        return None
    if n_heads % n_key_heads != 0:  # transformers refuses these as well, in its own words
        return None
    return EncoderSpec(
        hidden=config.hidden_size,
        n_heads=n_heads,
        layers=(LayerSpec(rope=rope),) * config.num_hidden_layers,
        nonlinearity=nonlinearity,
        norm_eps=config.rms_norm_eps,
        placement=NormPlacement.PRE,
        gated=True,
        n_key_heads=n_key_heads,
        own_head_dim=head_dim,
        causal=True,
        rms_norms=True,
    )


_MODULES = {
    "embed_tokens": "embeddings.token",
    "layers.{i}.input_layernorm": "layers.{i}.attention.norm",
    "layers.{i}.self_attn.q_proj": "layers.{i}.attention.query",
    "layers.{i}.self_attn.k_proj": "layers.{i}.attention.key",
    "layers.{i}.self_attn.v_proj": "layers.{i}.attention.value",
    "layers.{i}.self_attn.o_proj": "layers.{i}.attention.out",
    "layers.{i}.post_attention_layernorm": "layers.{i}.ffn.norm",
    "layers.{i}.mlp.gate_proj": "layers.{i}.ffn.inner",
    "layers.{i}.mlp.up_proj": "layers.{i}.ffn.gate",
    "layers.{i}.mlp.down_proj": "layers.{i}.ffn.down",
    "norm": "final_norm",
}
_HEAD_NORMS = {
    "layers.{i}.self_attn.q_norm": "layers.{i}.attention.query_norm",
    "layers.{i}.self_attn.k_norm": "layers.{i}.attention.key_norm",
}

LLAMA = Architecture(
    model_types=("llama", "qwen2"),
    names=NameTable(_MODULES),
    spec=_llama,
    language_head="lm_head",
    causal_classifier_head="score",
)
QWEN3 = Architecture(
    model_types=("qwen3",),
    names=NameTable(_MODULES | _HEAD_NORMS),
    spec=_llama,
    language_head="lm_head",
    causal_classifier_head="score",
)
