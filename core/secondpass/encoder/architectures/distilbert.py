"""DistilBERT: BERT's layers under other names, without token types."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from secondpass.encoder.architectures.architecture import Architecture, Stored, same_head
from secondpass.encoder.architectures.shapes import Shapes, norm, post_norm_layers, table
from secondpass.encoder.arithmetic.nonlinearity import nonlinearity_of
from secondpass.encoder.parameter_names import NameTable
from secondpass.encoder.spec import EncoderSpec, LayerSpec

# Fixed in transformers' DistilBertModel, not in its config.
_NORM_EPS = 1e-12


def _distilbert(config: Any) -> EncoderSpec | None:  # noqa: ANN401 - transformers' configs have no common typed base
    nonlinearity = nonlinearity_of(config.activation)
    if nonlinearity is None or config.dim % config.n_heads != 0:
        return None
    return EncoderSpec(
        hidden=config.dim,
        n_heads=config.n_heads,
        layers=(LayerSpec(),) * config.n_layers,
        nonlinearity=nonlinearity,
        norm_eps=_NORM_EPS,
    )


def _parameters(config: Any) -> Shapes:  # noqa: ANN401 - as above
    return (
        table("embeddings.token", config.vocab_size, config.dim)
        | table("embeddings.position", config.max_position_embeddings, config.dim)
        | norm("embeddings.norm", config.dim)
        | post_norm_layers(config.n_layers, config.dim, config.hidden_dim)
    )


def _derive(stated: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"hidden_size": stated["dim"]}  # one of transformers' other names for its fields


_CONFIG: dict[str, object] = {
    "vocab_size": 30522,
    "max_position_embeddings": 512,
    "sinusoidal_pos_embds": False,
    "n_layers": 6,
    "n_heads": 12,
    "dim": 768,
    "hidden_dim": 3072,
    "dropout": 0.1,
    "attention_dropout": 0.1,
    "activation": "gelu",
    "initializer_range": 0.02,
    "qa_dropout": 0.1,
    "seq_classif_dropout": 0.2,
    "pad_token_id": 0,
    "eos_token_id": None,
    "bos_token_id": None,
    "tie_word_embeddings": True,
    # Ignored by transformers, and written into many files.
    "tie_weights_": True,
}

DISTILBERT = Architecture(
    model_types=("distilbert",),
    names=NameTable(
        {
            "embeddings.word_embeddings": "embeddings.token",
            "embeddings.position_embeddings": "embeddings.position",
            "embeddings.LayerNorm": "embeddings.norm",
            "transformer.layer.{i}.attention.q_lin": "layers.{i}.attention.query",
            "transformer.layer.{i}.attention.k_lin": "layers.{i}.attention.key",
            "transformer.layer.{i}.attention.v_lin": "layers.{i}.attention.value",
            "transformer.layer.{i}.attention.out_lin": "layers.{i}.attention.out",
            "transformer.layer.{i}.sa_layer_norm": "layers.{i}.attention.norm",
            "transformer.layer.{i}.ffn.lin1": "layers.{i}.ffn.up",
            "transformer.layer.{i}.ffn.lin2": "layers.{i}.ffn.down",
            "transformer.layer.{i}.output_layer_norm": "layers.{i}.ffn.norm",
        }
    ),
    spec=_distilbert,
    head=same_head("pre_classifier", nn.ReLU, "classifier"),
    stored=Stored(config=_CONFIG, parameters=_parameters, prefix="distilbert", derive=_derive),
)
