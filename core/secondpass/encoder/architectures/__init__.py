"""The model families that have a packed form. A new architecture is one file here and a line below."""

from typing import Any

from secondpass.encoder.architectures import bert, deberta_v2, distilbert, gte, llama, modernbert
from secondpass.encoder.architectures.architecture import Architecture

_ARCHITECTURES = (
    bert.BERT,
    bert.ELECTRA,
    bert.ROBERTA,
    deberta_v2.DEBERTA_V2,
    distilbert.DISTILBERT,
    gte.GTE,
    llama.LLAMA,
    llama.QWEN3,
    modernbert.MODERNBERT,
)
_BY_MODEL_TYPE = {name: architecture for architecture in _ARCHITECTURES for name in architecture.model_types}


def architecture_of(config: Any) -> Architecture | None:  # noqa: ANN401 - a config's attributes differ with its architecture
    """The architecture of a transformers config, or None if it is not among ours."""
    return _BY_MODEL_TYPE.get(getattr(config, "model_type", ""))


def is_causal(config: Any) -> bool:  # noqa: ANN401 - as above
    """Whether it is one of ours whose tokens attend to none behind them."""
    architecture = architecture_of(config)
    spec = None if architecture is None else architecture.spec(config)
    return spec is not None and spec.causal


__all__ = ["Architecture", "architecture_of", "is_causal"]
