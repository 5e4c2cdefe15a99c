"""An adapter's weights merged into its base's by peft, so that the model runs as any other; peft is imported for it."""

import copy
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel

from secondpass.arguments import describe, describe_error
from secondpass.checkpoint.adapter import CONFIG, require_peft
from secondpass.checkpoint.folder import Folder
from secondpass.errors import CheckpointError

if TYPE_CHECKING:
    from peft import PeftConfig

# What peft puts before the names of the model it wraps.
_PREFIX = "base_model.model."
# Keys of adapter_config.json that say nothing where they hold one of these.
_ABSENT: tuple[object, ...] = (None, False, {}, [], "")
# Rounding apart, logits before and after merging are the same.
_TOLERANCE = 1e-3


def whole_weights(state: Mapping[str, Tensor]) -> frozenset[str]:
    """Names, as the base has them, of the weights that an adapter's file may hold whole, such as a new head's."""
    return frozenset(name.removeprefix(_PREFIX) for name in state)


def with_labels_of(folder: Folder, config: PreTrainedConfig, state: Mapping[str, Tensor]) -> PreTrainedConfig:
    """The config with as many labels as the adapter's head has; a base without a head states none that count.

    Args:
        folder: Where the adapter is.
        config: The base's; it is not changed.
        state: The adapter's weights.

    Raises:
        CheckpointError: The base's architecture has no classifier.
    """
    few, more = (_classifier_shapes(folder, config, n_labels) for n_labels in (2, 3))
    for name, weight in state.items():
        place = name.removeprefix(_PREFIX)
        if few.get(place) != more.get(place) and weight.dim() > 0 and weight.shape[0] != config.num_labels:
            fitted = copy.deepcopy(config)
            fitted.num_labels = weight.shape[0]
            return fitted
    return config


def _classifier_shapes(folder: Folder, config: PreTrainedConfig, n_labels: int) -> dict[str, torch.Size]:
    config = copy.deepcopy(config)
    config.num_labels = n_labels
    try:
        with torch.device("meta"):
            model = AutoModelForSequenceClassification.from_config(
                config, trust_remote_code=folder.hub.trust_remote_code
            )
    except ValueError as error:
        raise CheckpointError(
            f"{folder.name}: no classifier can be made of its base: {describe_error(error)}"
        ) from error
    return {name: weight.shape for name, weight in model.named_parameters()}


def merge(model: PreTrainedModel, folder: Folder, state: Mapping[str, Tensor]) -> PreTrainedModel:
    """The base with its adapter merged into its weights.

    Args:
        model: The base, in float32 on the CPU; it is changed.
        folder: Where the adapter is.
        state: The adapter's weights.

    Raises:
        MissingExtraError: peft is not installed.
        CheckpointError: The adapter does not fit the base, is of a kind that cannot be merged, or has settings that the
            installed peft does not know.
    """
    require_peft(folder)
    import peft

    config = _config(folder)
    what = f"{folder.name}: its adapter of type {config.peft_type.value}"
    if config.is_prompt_learning:
        raise CheckpointError(f"{what} changes what the model reads and not its weights, so it cannot be merged")
    config.base_model_name_or_path = model.name_or_path  # as it is called here, which peft would warn of
    try:
        adapted = peft.get_peft_model(model, config)
        result = peft.set_peft_model_state_dict(adapted, dict(state))
        missing = peft.get_peft_model_state_dict(adapted, save_embedding_layers=False).keys() - state.keys()
    except Exception as error:  # peft, torch and transformers raise whatever does not fit, in many ways
        raise CheckpointError(f"{what} does not fit its base: {describe_error(error)}") from error
    # With bias="all" peft saves the bias of a new head twice, and reads it once.
    twice = {name for name in state if ".modules_to_save." in name and name.replace(".modules_to_save", "") in state}
    problems = {"missing": sorted(missing), "not part of the model": sorted(set(result.unexpected_keys) - twice)}
    complaints = [f"{problem}: {', '.join(names[:4])}" for problem, names in problems.items() if names]
    if complaints:
        raise CheckpointError(f"{what} does not fit its base; {'; '.join(complaints)}")
    adapted.eval()
    try:
        expected = _outputs(adapted, model)
        merged = adapted.merge_and_unload(safe_merge=True)
        got = _outputs(merged, merged)
    except Exception as error:  # kinds that cannot be merged say so in many ways
        raise CheckpointError(f"{what} cannot be merged into the weights: {describe_error(error)}") from error
    if not torch.allclose(got, expected, rtol=_TOLERANCE, atol=_TOLERANCE * float(expected.abs().max())):
        raise CheckpointError(f"{what} cannot be merged into the weights: merged, it computes something else")
    weights = merged.state_dict()
    places = {name: name.removeprefix(_PREFIX) for name in state}
    lost = [
        name
        for name, place in places.items()
        if place in weights and not torch.equal(weights[place], state[name].to(weights[place].dtype))
    ]
    if lost:
        raise CheckpointError(f"{what} holds whole weights that peft did not apply: {', '.join(lost[:4])}")
    if not isinstance(merged, PreTrainedModel):
        raise CheckpointError(f"{what} makes a {type(merged).__name__} of its base, which is not a transformers model")
    return merged


def _config(folder: Folder) -> "PeftConfig":
    from peft import PEFT_TYPE_TO_CONFIG_MAPPING, PeftConfig, __version__

    stated = folder.json(CONFIG)
    kind = PEFT_TYPE_TO_CONFIG_MAPPING.get(stated.get("peft_type"))
    if kind is None:
        raise CheckpointError(
            f"{folder.name}: {CONFIG}: peft_type must be one that peft {__version__} knows, "
            f"got {describe(stated.get('peft_type'))}"
        )
    known = {field.name for field in fields(kind)}
    for key, value in stated.items():
        if key not in known and value not in _ABSENT:
            raise CheckpointError(
                f"{folder.name}: {CONFIG}: {key!r} may change scores, and peft {__version__} does not know it: "
                "a later one may"
            )
    try:
        return PeftConfig.from_peft_type(**{key: value for key, value in stated.items() if key in known})
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"{folder.name}: {CONFIG} is not one that peft {__version__} can read: {error}"
        ) from error


def _outputs(model: Any, inner: PreTrainedModel) -> Tensor:  # noqa: ANN401 - a model of peft's or of transformers'
    """What a model makes of a few tokens."""
    table = inner.get_input_embeddings()
    n_tokens = int(table.weight.shape[0]) if isinstance(table.weight, Tensor) else 0
    ids = [(7 * position + 3) % n_tokens for position in range(8)]
    end = inner.config.eos_token_id
    if isinstance(end, int) and end < n_tokens:  # where BART's classifiers read
        ids = [token for token in ids if token != end] + [end]
    with torch.inference_mode():
        outputs: Tensor = model(input_ids=torch.tensor([ids]))[0]
    return outputs
