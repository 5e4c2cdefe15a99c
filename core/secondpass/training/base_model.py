"""The model that a run trains: the base with one label, its layers, dropout and frozen parameters as set."""

from pathlib import Path
from typing import Any, cast

import torch
from sentence_transformers.cross_encoder import CrossEncoder
from transformers import PretrainedConfig, PreTrainedModel

from secondpass.checkpoint.backbone_facts import readable_tokens
from secondpass.checkpoint.config import load_config
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.gte import gte_config
from secondpass.checkpoint.source import find
from secondpass.errors import CheckpointError, CheckpointNotFoundError, InputError, RemoteCodeError
from secondpass.model_names import local_folder
from secondpass.options import HubOptions
from secondpass.training.config import ModelConfig
from secondpass.training.dropout import Dropout
from secondpass.training.grouped import GroupedCrossEncoder
from secondpass.training.packed.attention import IMPLEMENTATION, register
from secondpass.training.packed.padding_free import has_packed_form

# How transformers names the classes whose heads give labels.
_CLASSIFIER = "ForSequenceClassification"
# Of padded batches on CPUs, where the backward pass of fused attention takes more time than all the rest of a step.
_PADDED_ATTENTION = "eager"


def load_base_model(config: ModelConfig, base: Folder, *, trust_remote_code: bool = False) -> GroupedCrossEncoder:
    """The base in float32 with one label and Identity activation, its dropout and frozen parameters set.

    Args:
        config: How to load it.
        base: Its files, as `find_base` gives them.
        trust_remote_code: Allow the base to run code of its own.

    Raises:
        RemoteCodeError: The base asks to run code, and nobody allowed that.
        CheckpointError: It has several labels, a config that cannot be read, or weights that are not finite.
        InputError: The base has fewer layers or positions, leaves no room for text, pads on the left, or has no
            parameter that a name of `freeze` is in, or none that is in no name.
    """
    settings = load_config(base)
    if gte_config(base) is not None:
        raise RemoteCodeError(
            f"model.base: {config.base} is trained by its authors' code, which scoring alone does without; read that "
            "code, then pass trust_remote_code=True to run it"
        )
    if config.layers is not None and config.layers > settings.num_hidden_layers:  # transformers would make some up
        raise InputError(
            f"model.layers must be at most the {settings.num_hidden_layers} of {config.base}, got {config.layers}"
        )
    is_classifier = any(name.endswith(_CLASSIFIER) for name in settings.architectures or ())
    if is_classifier and settings.num_labels != 1:
        raise CheckpointError(f"model.base: {config.base} has {settings.num_labels} labels, and training needs one")
    attention = _attention(settings)
    model: GroupedCrossEncoder = GroupedCrossEncoder(
        str(base.path),
        num_labels=1,
        max_length=config.max_length,
        activation_fn=torch.nn.Identity(),
        device=None if torch.cuda.is_available() else "cpu",  # where the trainer moves it: it is tried before
        trust_remote_code=trust_remote_code,
        config_kwargs=None if config.layers is None else _first_layers(settings, config.layers),
        # float32 whatever the files hold: most steps are too small to change a weight in half precision.
        model_kwargs={"dtype": torch.float32} | ({} if attention is None else {"attn_implementation": attention}),
    )
    if model.tokenizer.padding_side != "right":
        raise InputError(f"model.base must pad on the right, {config.base} pads on the left")
    _check_lengths(config, model)
    _check_weights(config.base, model)
    if attention is not None:
        model.pack(otherwise=_PADDED_ATTENTION)
    _set_dropout(model, config.dropout)
    _freeze(model, config.freeze)
    return model


def _first_layers(settings: PretrainedConfig, n_layers: int) -> dict[str, Any]:
    """The entries of a config that say how many layers there are, and where they differ, of which kind each is."""
    kinds = getattr(settings, "layer_types", None)
    return {"num_hidden_layers": n_layers} | ({} if kinds is None else {"layer_types": kinds[:n_layers]})


def _attention(settings: PretrainedConfig) -> str | None:
    """What transformers shall compute attention with; None: what it takes itself, on GPUs."""
    if torch.cuda.is_available():
        return None
    if not has_packed_form(settings):
        return _PADDED_ATTENTION
    register()
    return IMPLEMENTATION


def find_base(base: str, folder: Path, *, trust_remote_code: bool = False) -> Folder:
    """The base's files: in a folder, from the hub, or bundled, by every name that scoring takes.

    Args:
        base: Its name.
        folder: Where a relative path starts from.
        trust_remote_code: Allow it to run code of its own.

    Raises:
        CheckpointNotFoundError: There is no base of this name.
        CheckpointError: It is an adapter.
    """
    path = folder_of(base, folder)
    try:
        checkpoint = find(base if path is None else str(path), HubOptions(trust_remote_code=trust_remote_code))
        checkpoint.require_config()
    except CheckpointNotFoundError as error:
        raise CheckpointNotFoundError(f"model.base: {error}") from error
    if checkpoint.has_adapter:
        raise CheckpointError(
            f"model.base: {base} is an adapter, which training would not learn further: merge it into its base with "
            "peft's merge_and_unload, and save the result"
        )
    return checkpoint


def folder_of(base: str, folder: Path) -> Path | None:
    """The folder that a base's name means, relative ones starting from `folder`; None where there is none."""
    path = local_folder(base, folder)
    return None if path is None else path.absolute()


def _check_lengths(config: ModelConfig, model: CrossEncoder) -> None:
    """Hold the lengths against what the base can read.

    Raises:
        InputError: One is above its positions, or has no room for a token of both texts: all scores would be the same.
    """
    positions = readable_tokens(cast("PreTrainedModel", model.model))
    n_special = model.tokenizer.num_special_tokens_to_add(pair=True)
    for name, length in (("max_length", config.max_length), ("saved_max_length", config.saved_max_length)):
        if length is None:
            continue
        if positions is not None and length > positions:
            raise InputError(
                f"model.{name} must be at most the {positions} tokens {config.base} can read, got {length}"
            )
        if length < n_special + 2:
            raise InputError(
                f"model.{name} must be at least {n_special + 2}, the {n_special} special tokens of a pair and one of "
                f"each text, got {length}"
            )


def _check_weights(base: str, model: CrossEncoder) -> None:
    """Raise CheckpointError unless every weight is a finite number."""
    for name, parameter in model.named_parameters():
        if not bool(parameter.isfinite().all()):
            raise CheckpointError(f"model.base: {base} cannot be trained, {name} holds values that are not finite")


def _set_dropout(model: CrossEncoder, probability: float) -> None:
    """Give every dropout of the model this probability, and on CPUs the quicker form."""
    dropout = torch.nn.Dropout if torch.cuda.is_available() else Dropout
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if _is_dropout(name, module):
            model.set_submodule(name, dropout(probability).train(module.training))
        # Attention that takes its rate as an argument keeps it as a number.
        rates = [rate for rate, value in vars(module).items() if "dropout" in rate and type(value) in (float, int)]
        for rate in rates:
            setattr(module, rate, probability)


def _is_dropout(name: str, module: torch.nn.Module) -> bool:
    """Whether a module is dropout, or what stands in its place where the base has none (ModernBERT's `out_drop`)."""
    is_left_out = isinstance(module, torch.nn.Identity) and "drop" in name.rpartition(".")[2]
    return is_left_out or isinstance(module, torch.nn.Dropout)


def _freeze(model: CrossEncoder, names: tuple[str, ...]) -> None:
    """Keep parameters whose name holds one of `names` from learning.

    Raises:
        InputError: A name is in no parameter's name, so that nothing would be frozen, or no parameter is left to learn.
    """
    for name in names:
        parameters = [parameter for key, parameter in model.named_parameters() if name in key]
        if not parameters:
            raise InputError(f"model.freeze must name parameters of the model, got {name!r}, which is in none of them")
        for parameter in parameters:
            parameter.requires_grad = False
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputError(f"model.freeze must leave parameters to learn, got {list(names)}, which are all of them")
