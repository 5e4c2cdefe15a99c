"""config.json read as data, with transformers' defaults and without transformers.

Whatever this file is not sure of it leaves to transformers, which accepts or refuses it in its own words.
"""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from secondpass.encoder.architectures import architecture_of
from secondpass.encoder.architectures.architecture import Stored

# What configs of all architectures may say, with a value of the type that it has; none of it is part of the network.
_COMMON: dict[str, object] = {
    "_name_or_path": "",
    "architectures": [],
    "chunk_size_feed_forward": 0,
    "dtype": "float32",
    "finetuning_task": "",
    "gradient_checkpointing": False,
    "id2label": {},
    "label2id": {},
    "model_type": "",
    "output_past": True,
    "return_dict": True,
    "sbert_ce_default_activation_function": "",
    "sentence_transformers": {},
    "torch_dtype": "float32",
    "transformers_version": "",
    # Of BERT's older files; transformers keeps them and reads none.
    "directionality": "",
    "pooler_fc_size": 0,
    "pooler_num_attention_heads": 0,
    "pooler_num_fc_layers": 0,
    "pooler_size_per_head": 0,
    "pooler_type": "",
}
# Values other than these change what is computed or returned.
_FIXED: dict[str, object] = {
    "is_encoder_decoder": False,
    "output_attentions": False,
    "output_hidden_states": False,
    "position_embedding_type": "absolute",
}
_IDS = ("_token_id", "_index")
_PROBLEM_TYPES = (None, "regression", "single_label_classification", "multi_label_classification")
_DTYPES = ("float32", "float16", "bfloat16")


def plain_config(stated: Mapping[str, Any]) -> SimpleNamespace | None:
    """A config with the attributes that transformers would give it; None where only transformers can tell.

    Args:
        stated: What config.json says.
    """
    architecture = architecture_of(SimpleNamespace(model_type=stated.get("model_type")))
    if architecture is None or architecture.stored is None:
        return None
    stored = architecture.stored
    if not all(_is_usual(key, value, stored) for key, value in stated.items()):
        return None
    values = {**stored.config, **{key: value for key, value in stated.items() if value is not None}}
    derived = stored.derive(values)
    labels = _labels(stated.get("id2label"))
    if labels is not None and len(labels) == 1 and stated.get("problem_type") == "single_label_classification":
        return None  # a contradiction, which transformers refuses
    if derived is None or labels is None or not 0 <= values["pad_token_id"] < values["vocab_size"]:
        return None
    return SimpleNamespace(**{**values, **derived, "id2label": labels, "num_labels": len(labels)})


def _is_usual(key: str, value: object, stored: Stored) -> bool:
    """Whether a value is one that transformers takes as it is."""
    if key in stored.config:
        return value != [] and _has_type_of(stored.config[key], value) and not _is_empty_size(key, value)
    if key in _FIXED:
        return value == _FIXED[key]
    if key == "problem_type":
        return value in _PROBLEM_TYPES
    if key in ("dtype", "torch_dtype"):
        return value in _DTYPES
    return key in _COMMON and (value is None or _has_type_of(_COMMON[key], value))


def _has_type_of(default: object, value: object) -> bool:
    if default is None:
        return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    if isinstance(default, list | dict) and value is None:
        return True
    return type(value) is type(default)


def _is_empty_size(key: str, value: object) -> bool:
    """Whether a size is below 1. Ids may be 0, and some are negative; whatever else is a whole number is a size."""
    return isinstance(value, int) and not isinstance(value, bool) and value < 1 and not key.endswith(_IDS)


def _labels(stated: object) -> dict[int, str] | None:
    """Names by column; two labels where the config does not say, as in transformers."""
    if stated is None:
        return {0: "LABEL_0", 1: "LABEL_1"}
    if not isinstance(stated, dict) or not all(isinstance(name, str) for name in stated.values()):
        return None
    return dict(enumerate(stated.values())) if list(stated) == [str(i) for i in range(len(stated))] else None
