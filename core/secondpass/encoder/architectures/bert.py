"""BERT (MiniLM and TinyBERT are BERTs) and those that share its layers: ELECTRA, RoBERTa, XLM-RoBERTa, CamemBERT."""

from dataclasses import replace
from typing import Any

from torch import nn

from secondpass.encoder.architectures.architecture import Architecture, same_head
from secondpass.encoder.arithmetic.nonlinearity import nonlinearity_of
from secondpass.encoder.names import NameTable
from secondpass.encoder.spec import EncoderSpec, LayerSpec

_MODULES = {
    "embeddings.word_embeddings": "embeddings.token",
    "embeddings.position_embeddings": "embeddings.position",
    "embeddings.token_type_embeddings": "embeddings.token_type",
    "embeddings.LayerNorm": "embeddings.norm",
    "encoder.layer.{i}.attention.self.query": "layers.{i}.attention.query",
    "encoder.layer.{i}.attention.self.key": "layers.{i}.attention.key",
    "encoder.layer.{i}.attention.self.value": "layers.{i}.attention.value",
    "encoder.layer.{i}.attention.output.dense": "layers.{i}.attention.out",
    "encoder.layer.{i}.attention.output.LayerNorm": "layers.{i}.attention.norm",
    "encoder.layer.{i}.intermediate.dense": "layers.{i}.ffn.up",
    "encoder.layer.{i}.output.dense": "layers.{i}.ffn.down",
    "encoder.layer.{i}.output.LayerNorm": "layers.{i}.ffn.norm",
}
# BERT's pooler belongs to the head.
_POOLER = frozenset({"pooler.dense"})


def _bert(config: Any) -> EncoderSpec | None:  # noqa: ANN401 - transformers' configs have no common typed base for these
    nonlinearity = nonlinearity_of(config.hidden_act)
    is_plain_encoder = not getattr(config, "is_decoder", False) and not getattr(config, "add_cross_attention", False)
    has_plain_positions = getattr(config, "position_embedding_type", None) in (None, "absolute")
    has_equal_heads = config.hidden_size % config.num_attention_heads == 0
    if nonlinearity is None or not (is_plain_encoder and has_plain_positions and has_equal_heads):
        return None
    return EncoderSpec(
        hidden=config.hidden_size,
        n_heads=config.num_attention_heads,
        layers=(LayerSpec(),) * config.num_hidden_layers,
        nonlinearity=nonlinearity,
        norm_eps=config.layer_norm_eps,
    )


def _roberta(config: Any) -> EncoderSpec | None:  # noqa: ANN401 - as above
    spec = _bert(config)
    return None if spec is None or config.pad_token_id is None else replace(spec, position_pad_id=config.pad_token_id)


BERT = Architecture(
    model_types=("bert",),
    names=NameTable(_MODULES, _POOLER),
    spec=_bert,
    head=same_head("bert.pooler.dense", nn.Tanh, "classifier"),
)
ELECTRA = Architecture(
    model_types=("electra",),
    names=NameTable({**_MODULES, "embeddings_project": "embeddings.project"}),
    spec=_bert,
    head=same_head("classifier.dense", nn.GELU, "classifier.out_proj"),
)
ROBERTA = Architecture(
    model_types=("roberta", "xlm-roberta", "camembert"),
    names=NameTable(_MODULES, _POOLER),
    spec=_roberta,
    head=same_head("classifier.dense", nn.Tanh, "classifier.out_proj"),
)
