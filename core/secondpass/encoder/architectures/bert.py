"""BERT (MiniLM and TinyBERT are BERTs) and those that share its layers: ELECTRA, RoBERTa, XLM-RoBERTa, CamemBERT."""

from dataclasses import replace
from typing import Any

from secondpass.encoder.architectures.architecture import Architecture
from secondpass.encoder.arithmetic.nonlinearity import nonlinearity_of
from secondpass.encoder.names import NameTable
from secondpass.encoder.spec import EncoderSpec, LayerSpec

_MODULES = {
    "embeddings.word_embeddings": "embeddings.word",
    "embeddings.position_embeddings": "embeddings.position",
    "embeddings.token_type_embeddings": "embeddings.type",
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
_POOLER = frozenset({"pooler.dense"})


def _bert(config: Any) -> EncoderSpec | None:  # noqa: ANN401 - transformers' configs have no common typed base for these
    activation = nonlinearity_of(config.hidden_act)
    unusual = (
        activation is None
        or config.hidden_size % config.num_attention_heads != 0
        or getattr(config, "is_decoder", False)
        or getattr(config, "add_cross_attention", False)
        or getattr(config, "position_embedding_type", None) not in (None, "absolute")
    )
    if unusual or activation is None:
        return None
    return EncoderSpec(
        hidden=config.hidden_size,
        n_heads=config.num_attention_heads,
        layers=(LayerSpec(),) * config.num_hidden_layers,
        activation=activation,
        norm_eps=config.layer_norm_eps,
    )


def _roberta(config: Any) -> EncoderSpec | None:  # noqa: ANN401 - as above
    spec = _bert(config)
    return None if spec is None or config.pad_token_id is None else replace(spec, position_pad_id=config.pad_token_id)


BERT = Architecture(NameTable(_MODULES, _POOLER), _bert)
ELECTRA = Architecture(NameTable({**_MODULES, "embeddings_project": "embeddings.project"}), _bert)
ROBERTA = Architecture(NameTable(_MODULES, _POOLER), _roberta)
