"""GTE as its authors publish it (`model_type: "new"`), read as transformers' own GTE instead of by its code.

Checkpoints such as Alibaba-NLP/gte-multilingual-reranker-base (Zhang et al., arXiv 2407.19669) name a network of their
own, Alibaba-NLP/new-impl. transformers' GteModel is that network and knows the names of its weights; what it does not
know are its settings. They are named here with the defaults of the authors' code, which are not those of transformers.
"""

from collections.abc import Mapping
from typing import Any

from transformers import AutoConfig, PreTrainedConfig

from secondpass.arguments import describe
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.settings import Keys
from secondpass.errors import CheckpointError

# What the authors' code computes with where config.json does not say.
_DEFAULTS: Mapping[str, object] = {
    "hidden_act": "gelu",
    "hidden_size": 768,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 2048,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "pad_token_id": None,
    "type_vocab_size": 1,
    "vocab_size": 30528,
}
# Named alike in both, without a default that could change a score.
_SHARED = ("architectures", "id2label", "label2id", "num_labels")
_KEYS = Keys(
    read=(
        *_DEFAULTS,
        *_SHARED,
        "auto_map",
        "model_type",
        "rope_scaling",
        "rope_theta",
        "sbert_ce_default_activation_function",
        "sentence_transformers",
        "torch_dtype",
        "dtype",
    ),
    harmless=(
        # Training: dropout, initial weights, losses.
        "attention_probs_dropout_prob",
        "classifier_dropout",
        "finetuning_task",
        "gradient_checkpointing",
        "hidden_dropout_prob",
        "initializer_range",
        "problem_type",
        # Ids that the tokenizer puts into the text.
        "bos_token_id",
        "cls_token_id",
        "eos_token_id",
        "mask_token_id",
        "sep_token_id",
        # Where it came from, and which kernels multiply.
        "_name_or_path",
        "_attn_implementation",
        "attn_implementation",
        "transformers_version",
        "unpad_inputs",
        "use_memory_efficient_attention",
        # Counts only with logn_attention_scale; encoders keep no cache and always give states.
        "logn_attention_clip1",
        "tie_word_embeddings",
        "use_cache",
    ),
    fixed={
        "layer_norm_type": ("layer_norm",),
        "logn_attention_scale": (False,),
        "pack_qkv": (True,),
        "position_embedding_type": ("rope",),
    },
)


def is_gte(folder: Folder) -> bool:
    """Whether config.json says so, under either name, and any code it names is the authors' own of this network."""
    targets = folder.config.get("auto_map") or {}
    classes = [str(target).rpartition(".")[2] for target in targets.values()] if isinstance(targets, dict) else [""]
    return folder.config.get("model_type") in ("new", "gte") and all(name.startswith("New") for name in classes)


def gte_config(folder: Folder) -> PreTrainedConfig | None:
    """The transformers config of a folder whose `model_type` is "new"; None for others, and where its code is to run.

    Raises:
        CheckpointError: It sets something that transformers' GteModel does not have, or nobody has looked at, or the
            installed transformers has no GteModel.
    """
    if folder.config.get("model_type") != "new" or folder.runs_code:
        return None
    where, stated = f"{folder.name}: config.json", folder.config
    _KEYS.check(where, stated)
    values = {key: stated.get(key, default) for key, default in _DEFAULTS.items()}
    values |= {key: stated[key] for key in _SHARED if key in stated}
    rope = _rope(where, stated, head_dim=_head_dim(where, values))
    try:
        config: PreTrainedConfig = AutoConfig.for_model("gte", **values, rope_parameters=rope)
    except Exception as error:  # config classes validate with exceptions of their own
        raise CheckpointError(f"{where} is not one that transformers' GTE can read: {error}") from error
    return config


def _head_dim(where: str, values: Mapping[str, Any]) -> int:
    width, n_heads = values["hidden_size"], values["num_attention_heads"]
    if not isinstance(width, int) or not isinstance(n_heads, int) or n_heads < 1 or width % (2 * n_heads) != 0:
        raise CheckpointError(
            f"{where}: num_attention_heads must divide hidden_size into even widths, got {describe(n_heads)} and "
            f"{describe(width)}"
        )
    return width // n_heads


def _rope(where: str, stated: Mapping[str, Any], head_dim: int) -> dict[str, object]:
    """The frequencies of the rotary positions, in transformers' terms.

    "ntk" is Su's fixed NTK scaling (kexue.fm/archives/9706, formula 6): the base times the factor, and every frequency
    divided by factor^(2/width of a head), whatever the length of the text. transformers has no type of this name, but
    its "linear" divides the frequencies, so that a larger base and a linear factor are the same.
    """
    theta = _number(f"{where}: rope_theta", stated.get("rope_theta", 10000.0))
    scaling = stated.get("rope_scaling")
    if scaling is None:
        return {"rope_type": "default", "rope_theta": theta}
    if not isinstance(scaling, dict):
        raise CheckpointError(f"{where}: rope_scaling must be a JSON object, got {describe(scaling)}")
    Keys(read=("factor",), fixed={"type": ("ntk",), "rope_type": ("ntk",), "mixed_b": (None,)}).check(
        f"{where}: rope_scaling", scaling
    )
    if "type" not in scaling and "rope_type" not in scaling:
        raise CheckpointError(f"{where}: rope_scaling must have a type, got {describe(scaling)}")
    factor = _number(f"{where}: rope_scaling: factor", scaling.get("factor"))
    if factor < 1:
        raise CheckpointError(f"{where}: rope_scaling: factor must be at least 1, got {describe(factor)}")
    return {"rope_type": "linear", "rope_theta": theta * factor, "factor": factor ** (2 / head_dim)}


def _number(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise CheckpointError(f"{where} must be a number above 0, got {describe(value)}")
    return float(value)
