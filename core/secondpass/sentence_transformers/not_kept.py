"""What sentence-transformers' class has and ours does not, and what to use instead."""

from typing import Final, NoReturn

from torch import nn

from secondpass.errors import NotKeptError

_TRAINING: Final = (
    "train with `secondpass train`, or with sentence-transformers' own class and its CrossEncoderTrainer, and load "
    "here what that saves"
)
_SAVING: Final = "nothing is changed here, so the checkpoint's own files are what there is to save: copy or upload them"
_NETWORK: Final = (
    "the network is laid out for inference and is no torch module; predict(pairs, activation_fn=torch.nn.Identity()) "
    "gives its logits"
)
_ADAPTERS: Final = "give CrossEncoder(...) the hub id or folder of the adapter, which is merged into its base"
_READING: Final = "texts are read inside of predict; tokenizer, prompts and max_length say how"

_INSTEAD: Final = {
    **dict.fromkeys(
        (
            "fit",
            "gradient_checkpointing_disable",
            "gradient_checkpointing_enable",
            "old_fit",
            "requires_grad_",
            "zero_grad",
        ),
        _TRAINING,
    ),
    **dict.fromkeys(("merge", "push_to_hub", "save", "save_pretrained", "save_to_hub"), _SAVING),
    **dict.fromkeys(("classifier", "get_model_kwargs", "module_kwargs", "register_module", "smart_apply"), _NETWORK),
    **dict.fromkeys(
        (
            "active_adapter",
            "active_adapters",
            "add_adapter",
            "check_peft_compatible_model",
            "delete_adapter",
            "disable_adapters",
            "enable_adapters",
            "get_adapter_state_dict",
            "has_peft_compatible_model",
            "load_adapter",
            "set_adapter",
        ),
        _ADAPTERS,
    ),
    **dict.fromkeys(
        ("preprocess", "processor", "smart_batching_collate", "smart_batching_collate_text_only", "tokenize"), _READING
    ),
    **dict.fromkeys(
        ("default_huggingface_organization", "model_card_data_class", "model_type"),
        "nothing is saved here, so no file tells of it",
    ),
    "clear_placement_cache": "there is none to clear; to(device) loads the checkpoint there",
    "compile": "leave the call out: the network is laid out for its device when it is loaded",
    "double": "float32 is the widest arithmetic: leave it out, or call float()",
    "is_hpu_graph_enabled": "leave it out: there is no graph",
    "keep_in_fp32_modules": "leave it out: the head is always computed in float32",
    "set_config_value": "nothing is saved here: edit the checkpoint's config.json",
    "set_keep_in_fp32_modules": "leave the call out: the head is always computed in float32",
}


def refuse_attribute(name: str) -> NoReturn:
    """Raise NotKeptError for an attribute of sentence-transformers' class, AttributeError for any other."""
    instead = _INSTEAD.get(name, _NETWORK if _is_torchs(name) else None)
    if instead is None:
        raise AttributeError(f"'CrossEncoder' object has no attribute {name!r}")
    raise NotKeptError(f"CrossEncoder.{name} of sentence-transformers is not kept: {instead}")


def refuse_network_attribute(name: str) -> NoReturn:
    """Raise NotKeptError for an attribute of the transformer at `model.model`, whose names depend on its architecture.

    AttributeError for what Python itself asks for.
    """
    if name.startswith("_"):
        raise AttributeError(f"'CrossEncoder.model' has no attribute {name!r}")
    raise NotKeptError(
        f"CrossEncoder.model.{name} of sentence-transformers is not kept: {_INSTEAD.get(name, _NETWORK)}"
    )


def _is_torchs(name: str) -> bool:
    """Whether any torch module in a sequence has it, as sentence-transformers' class is one."""
    return not name.startswith("_") and hasattr(nn.Sequential, name)
