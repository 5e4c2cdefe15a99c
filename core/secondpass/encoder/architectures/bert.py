"""BERT (MiniLM and TinyBERT are BERTs) and those that share its layers: ELECTRA, RoBERTa, XLM-RoBERTa, CamemBERT."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from secondpass.encoder.architectures.architecture import Architecture, Stored, same_head
from secondpass.encoder.architectures.shapes import Shapes, linear, norm, post_norm_layers, table
from secondpass.encoder.arithmetic.nonlinearity import nonlinearity_of
from secondpass.encoder.parameter_names import NameTable
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


def _parameters(config: Any) -> Shapes:  # noqa: ANN401 - as above
    hidden = config.hidden_size
    width = getattr(config, "embedding_size", hidden)
    return (
        table("embeddings.token", config.vocab_size, width)
        | table("embeddings.position", config.max_position_embeddings, width)
        | table("embeddings.token_type", config.type_vocab_size, width)
        | norm("embeddings.norm", width)
        | ({} if width == hidden else linear("embeddings.project", hidden, width))
        | post_norm_layers(config.num_hidden_layers, hidden, config.intermediate_size)
    )


_CONFIG: dict[str, object] = {
    "vocab_size": 30522,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
    "use_cache": True,
    "classifier_dropout": None,
    "is_decoder": False,
    "add_cross_attention": False,
    "bos_token_id": None,
    "eos_token_id": None,
    "tie_word_embeddings": True,
}
_ELECTRA_CONFIG: dict[str, object] = {
    **_CONFIG,
    "embedding_size": 128,
    "hidden_size": 256,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
    "summary_type": "first",
    "summary_use_proj": True,
    "summary_activation": "gelu",
    "summary_last_dropout": 0.1,
}
_ROBERTA_CONFIG: dict[str, object] = {**_CONFIG, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}


def _check_pad_position(stated: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Nothing to add; None where the positions end before the first that is used."""
    return {} if stated["pad_token_id"] < stated["max_position_embeddings"] else None


BERT = Architecture(
    model_types=("bert",),
    names=NameTable(_MODULES, _POOLER),
    spec=_bert,
    head=same_head("bert.pooler.dense", nn.Tanh, "classifier"),
    stored=Stored(config=_CONFIG, parameters=_parameters, prefix="bert"),
)
ELECTRA = Architecture(
    model_types=("electra",),
    names=NameTable({**_MODULES, "embeddings_project": "embeddings.project"}),
    spec=_bert,
    head=same_head("classifier.dense", nn.GELU, "classifier.out_proj"),
    stored=Stored(config=_ELECTRA_CONFIG, parameters=_parameters, prefix="electra"),
)
ROBERTA = Architecture(
    model_types=("roberta", "xlm-roberta", "camembert"),
    names=NameTable(_MODULES, _POOLER),
    spec=_roberta,
    head=same_head("classifier.dense", nn.Tanh, "classifier.out_proj"),
    stored=Stored(config=_ROBERTA_CONFIG, parameters=_parameters, prefix="roberta", derive=_check_pad_position),
)
