"""What sentence-transformers' class has and ours does not, and what to use instead."""

from typing import Final, NoReturn

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
_ADAPTERS: Final = "merge the adapter into its model with peft's merge_and_unload(), save that, and load it here"
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
    **dict.fromkeys(
        (
            "append",
            "apply",
            "buffers",
            "children",
            "classifier",
            "extend",
            "forward",
            "get_submodule",
            "insert",
            "load_state_dict",
            "modules",
            "named_buffers",
            "named_children",
            "named_modules",
            "named_parameters",
            "parameters",
            "register_forward_hook",
            "register_forward_pre_hook",
            "register_module",
            "share_memory",
            "state_dict",
        ),
        _NETWORK,
    ),
    **dict.fromkeys(
        ("active_adapters", "add_adapter", "disable_adapters", "enable_adapters", "load_adapter", "set_adapter"),
        _ADAPTERS,
    ),
    **dict.fromkeys(("preprocess", "processor", "smart_batching_collate", "tokenize"), _READING),
    "clear_placement_cache": "there is none to clear; to(device) loads the checkpoint there",
    "compile": "leave the call out: the network is laid out for its device when it is loaded",
    "double": "float32 is the widest arithmetic: leave it out, or call float()",
    "set_config_value": "nothing is saved here: edit the checkpoint's config.json",
    "set_keep_in_fp32_modules": "leave the call out: the head is always computed in float32",
}


def refuse_attribute(name: str) -> NoReturn:
    """Raise NotKeptError for an attribute of sentence-transformers' class, AttributeError for any other."""
    if name in _INSTEAD:
        raise NotKeptError(f"CrossEncoder.{name} of sentence-transformers is not kept: {_INSTEAD[name]}")
    raise AttributeError(f"'CrossEncoder' object has no attribute {name!r}")
