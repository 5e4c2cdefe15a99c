"""The families that have a packed form: each a reading of its config and a table of names, in a file of its own."""

from typing import Any

from secondpass.encoder.families import bert, distilbert, modernbert
from secondpass.encoder.families.family import Family

_FAMILIES: dict[str, Family] = {
    "bert": bert.BERT,
    "electra": bert.ELECTRA,
    "roberta": bert.ROBERTA,
    "xlm-roberta": bert.ROBERTA,
    "camembert": bert.ROBERTA,
    "distilbert": distilbert.DISTILBERT,
    "modernbert": modernbert.MODERNBERT,
}


def family_of(config: Any) -> Family | None:  # noqa: ANN401 - a config's attributes differ from family to family
    """The family of a transformers config, or None if it has no packed form."""
    return _FAMILIES.get(getattr(config, "model_type", ""))


__all__ = ["Family", "family_of"]
