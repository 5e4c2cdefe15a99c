"""The families that have a packed form: each a reading of its config and a table of names, in a file of its own."""

from typing import Any

from secondpass.encoder.architectures import bert, distilbert, modernbert
from secondpass.encoder.architectures.architecture import Architecture

_ARCHITECTURES: dict[str, Architecture] = {
    "bert": bert.BERT,
    "electra": bert.ELECTRA,
    "roberta": bert.ROBERTA,
    "xlm-roberta": bert.ROBERTA,
    "camembert": bert.ROBERTA,
    "distilbert": distilbert.DISTILBERT,
    "modernbert": modernbert.MODERNBERT,
}


def architecture_of(config: Any) -> Architecture | None:  # noqa: ANN401 - a config's attributes differ from architecture to architecture
    """The architecture of a transformers config, or None if it has no packed form."""
    return _ARCHITECTURES.get(getattr(config, "model_type", ""))


__all__ = ["Architecture", "architecture_of"]
