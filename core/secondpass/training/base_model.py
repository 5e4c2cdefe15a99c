"""The model that a run trains: the base with one label, its layers, dropout and frozen parameters as set."""

from pathlib import Path

import torch
from sentence_transformers.cross_encoder import CrossEncoder
from transformers import AutoConfig

from secondpass.errors import InputError
from secondpass.training.config import ModelConfig
from secondpass.training.grouped import GroupedCrossEncoder


def load_base_model(config: ModelConfig, folder: Path) -> GroupedCrossEncoder:
    """The base with one label and Identity activation, its dropout and frozen parameters set.

    Args:
        config: What to load, and how.
        folder: Where a relative path of the base starts from.

    Raises:
        InputError: The base has fewer layers, pads on the left, or has no parameter that a name of `freeze` is in.
    """
    path = folder / config.base
    base = str(path) if path.is_dir() else config.base
    if config.layers is not None:
        n_layers = AutoConfig.from_pretrained(base).num_hidden_layers
        if config.layers > n_layers:  # transformers would fill the rest with random numbers
            raise InputError(f"model.layers must be at most the {n_layers} of {config.base}, got {config.layers}")
    model: GroupedCrossEncoder = GroupedCrossEncoder(
        base,
        num_labels=1,
        max_length=config.max_length,
        activation_fn=torch.nn.Identity(),
        config_kwargs=None if config.layers is None else {"num_hidden_layers": config.layers},
        # On CPUs the backward pass of fused attention takes more time than all the rest of a step.
        model_kwargs=None if torch.cuda.is_available() else {"attn_implementation": "eager"},
    )
    if model.tokenizer.padding_side != "right":
        raise InputError(f"model.base must pad on the right, {config.base} pads on the left")
    _set_dropout(model, config.dropout)
    _freeze(model, config.freeze)
    return model


def _set_dropout(model: CrossEncoder, probability: float) -> None:
    """Give every dropout of the model this probability."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = probability


def _freeze(model: CrossEncoder, names: tuple[str, ...]) -> None:
    """Keep parameters whose name holds one of `names` from learning.

    Raises:
        InputError: A name is in no parameter's name, so that nothing would be frozen.
    """
    for name in names:
        parameters = [parameter for key, parameter in model.named_parameters() if name in key]
        if not parameters:
            raise InputError(f"model.freeze must name parameters of the model, got {name!r}, which is in none of them")
        for parameter in parameters:
            parameter.requires_grad = False
