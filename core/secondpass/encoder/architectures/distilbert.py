"""DistilBERT: BERT's layers under other names, without token types."""

from typing import Any

from torch import nn

from secondpass.encoder.architectures.architecture import Architecture, same_head
from secondpass.encoder.arithmetic.nonlinearity import nonlinearity_of
from secondpass.encoder.names import NameTable
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
)
