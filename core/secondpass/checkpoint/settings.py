"""The settings beside a checkpoint's weights: each is honoured, known to change no score, or refused by its name.

sentence-transformers keeps in files of its own what its models read and compute. The tables below say of every key of
those files whether the code that loads a checkpoint reads it, whether a score can depend on it at all, or which values
mean what is done here anyway. A key in no table may change scores in a way that nobody has looked at, so it is refused,
and so is any other value of a key that must hold one of a few. Keys as of sentence-transformers 6.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from secondpass.arguments import describe
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.st_modules import ModuleSpec, is_cross_encoder, module_specs
from secondpass.errors import CheckpointError


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the keys of one file may be.

    Args:
        read: Honoured by the code that loads the checkpoint.
        harmless: Change no score.
        fixed: Accepted with these values only; absent ones always are.
    """

    read: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()
    fixed: Mapping[str, tuple[object, ...]] = field(default_factory=dict)

    def check(self, where: str, values: Mapping[str, Any]) -> None:
        """Raise CheckpointError unless every key is one of these; `where` names checkpoint and file."""
        for key, value in values.items():
            if key in self.read or key in self.harmless:
                continue
            if key not in self.fixed:
                raise CheckpointError(f"{where}: {key!r} may change scores and is not read, got {describe(value)}")
            if value not in self.fixed[key]:
                accepted = " or ".join(map(repr, self.fixed[key]))
                raise CheckpointError(f"{where}: {key!r} must be {accepted} to be scored here, got {describe(value)}")


_ABSENT: tuple[object, ...] = (None, {}, [], "")
# Where weights come from and which kernels multiply them: float32 scores are the same in all of them.
_LOADING = (
    "attn_implementation",
    "device_map",
    "dtype",
    "low_cpu_mem_usage",
    "revision",
    "torch_dtype",
    "use_safetensors",
)

_MODEL = Keys(
    read=("activation_fn", "default_prompt_name", "prompts", "similarity_fn_name"),
    # Versions; and layers that stay in float32 in a half-precision model, as every head does here.
    harmless=("__version__", "keep_in_fp32_modules", "requirements"),
    fixed={"model_type": (None, "CrossEncoder", "SentenceTransformer"), "truncate_dim": (None,)},
)
_TRANSFORMER = Keys(
    read=("do_lower_case", "max_seq_length", "modality_config", "processing_kwargs"),
    # Padding, and what the module calls its output.
    harmless=("module_output_name", "unpad_inputs"),
    fixed={
        "document_length": (None,),
        "query_expansion": (None,),
        "query_length": (None,),
        "tokenizer_name_or_path": (None,),
        "transformer_task": (None, "feature-extraction", "sequence-classification"),
    },
)
# What a folder of [Transformer, LogitScore] may say beside that.
_LANGUAGE_MODEL = replace(_TRANSFORMER, fixed={**_TRANSFORMER.fixed, "transformer_task": ("text-generation",)})
_PROCESSING = Keys(read=("chat_template", "text"), fixed=dict.fromkeys(("audio", "common", "image", "video"), _ABSENT))
_PROCESSING_TEXT = Keys(
    # Only the last position's logits are read, however many there are.
    harmless=("logits_to_keep", "padding"),
    fixed={"truncation": (None, True, "longest_first")},
)
# Arguments of tokenisation that sentence-transformers takes out of what it gives the template.
_NO_VARIABLES = ("max_length", "padding", "restore_suffix", "return_tensors", "truncation")
# Arguments of transformers' own loading, under sentence-transformers' newer and older names.
_ARGUMENTS = {
    "model_kwargs": Keys(harmless=_LOADING),
    "model_args": Keys(harmless=_LOADING),
    "processor_kwargs": Keys(harmless=("revision", "use_fast")),
    "tokenizer_args": Keys(harmless=("revision", "use_fast")),
    "config_kwargs": Keys(harmless=("revision",)),
    "config_args": Keys(harmless=("revision",)),
}
_NESTED = Keys(read=("activation_fn",), harmless=("version",))
_MODULE_ENTRY = Keys(read=("idx", "name", "path", "type"), fixed={"kwargs": _ABSENT})
_POOLING_FLAGS = ("cls_token", "lasttoken", "max_tokens", "mean_sqrt_len_tokens", "mean_tokens", "weightedmean_tokens")
# Each module reads what the one before it wrote.
_NAMES = dict.fromkeys(("module_input_name", "module_output_name"), (None, "sentence_embedding"))
_MODULES = {
    "Pooling": Keys(
        read=("include_prompt", "pooling_mode", *(f"pooling_mode_{flag}" for flag in _POOLING_FLAGS)),
        harmless=("embedding_dimension", "word_embedding_dimension"),
    ),
    "Dense": Keys(
        read=("activation_function", "bias", "in_features", "out_features"),
        fixed={**_NAMES, "use_residual": (None, False)},
    ),
    "LayerNorm": Keys(read=("dimension",)),
    "Normalize": Keys(fixed=_NAMES),
    "Dropout": Keys(harmless=("dropout",)),
    "LogitScore": Keys(read=("false_token_id", "true_token_id"), fixed={"module_input_name": (None, "causal_logits")}),
}
# The last layer of a cross-encoder gives its scores, which no module reads.
_SCORES = replace(
    _MODULES["Dense"],
    fixed={**_MODULES["Dense"].fixed, "module_output_name": (*_NAMES["module_output_name"], "scores")},
)


def check_settings(folder: Folder) -> None:
    """Raise CheckpointError if a file of this folder sets something that would be ignored here."""
    _MODEL.check(f"{folder.name}: config_sentence_transformers.json", folder.sentence_transformers_config)
    for entry in folder.json_list("modules.json"):
        _MODULE_ENTRY.check(f"{folder.name}: modules.json", entry)
    for spec in module_specs(folder):
        _check_module(folder, spec)
    if not module_specs(folder):
        _check_config(folder)


def _check_module(folder: Folder, spec: ModuleSpec) -> None:
    if spec.kind == "Transformer":
        inner = folder.subfolder(spec.path)
        _check_config(inner)
        is_language_model = any(other.kind == "LogitScore" for other in module_specs(folder))
        _check_transformer(inner, _LANGUAGE_MODEL if is_language_model else _TRANSFORMER)
    elif spec.kind in _MODULES:
        file = f"{spec.path}/config.json"
        gives_scores = spec.kind == "Dense" and spec == module_specs(folder)[-1] and is_cross_encoder(folder)
        accepted = _SCORES if gives_scores else _MODULES[spec.kind]
        accepted.check(f"{folder.name}: {file}", folder.json(file))


def _check_transformer(folder: Folder, accepted: Keys) -> None:
    file, values = folder.transformer_settings()
    where = f"{folder.name}: {file}"
    accepted.check(where, {key: value for key, value in values.items() if key not in _ARGUMENTS})
    for key, keys in _ARGUMENTS.items():
        keys.check(f"{where}: {key}", _json_object(where, values, key))
    _check_processing(where, _json_object(where, values, "processing_kwargs"))
    modalities = values.get("modality_config")
    if modalities is not None and not _is_text_alone(modalities):
        raise CheckpointError(
            f"{where}: 'modality_config' must be text and messages by 'forward' to be scored here, "
            f"got {describe(modalities)}"
        )


def _check_processing(where: str, values: Mapping[str, Any]) -> None:
    where = f"{where}: processing_kwargs"
    _PROCESSING.check(where, values)
    _PROCESSING_TEXT.check(f"{where}: text", _json_object(where, values, "text"))
    for key, value in _json_object(where, values, "chat_template").items():
        if key in _NO_VARIABLES:
            raise CheckpointError(f"{where}: chat_template: {key!r} must be left out, got {describe(value)}")


def _json_object(where: str, values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The JSON object under a key; {} where there is none."""
    value = values.get(key) or {}
    if not isinstance(value, dict):
        raise CheckpointError(f"{where}: {key!r} must be a JSON object, got {describe(value)}")
    return value


def _is_text_alone(modalities: object) -> bool:
    """Whether all that a transformer reads is text, as it is or in messages, by its forward."""
    if not isinstance(modalities, dict) or not modalities.keys() <= {"text", "message"}:
        return False
    return all(isinstance(entry, dict) and entry.get("method") == "forward" for entry in modalities.values())


def _check_config(folder: Folder) -> None:
    nested = folder.config.get("sentence_transformers")
    if isinstance(nested, dict):
        _NESTED.check(f"{folder.name}: config.json: sentence_transformers", nested)
    for key in ("quantization_config", "compression_config"):
        if folder.config.get(key):
            raise CheckpointError(
                f"{folder.name}: config.json: {key!r} must be left out: quantised weights cannot be read"
            )
