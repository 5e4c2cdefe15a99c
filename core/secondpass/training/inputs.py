"""What a run starts from: its examples, its held-out sets, and the model it trains."""

import torch
from transformers import AutoConfig

from secondpass.errors import InputError
from secondpass.evaluation.reranking_sets import RerankingSample, read_samples
from secondpass.training.config import TrainingConfig
from secondpass.training.examples import Example, expand, read_examples
from secondpass.training.grouped import GroupedCrossEncoder, freeze, set_dropout
from secondpass.training.mining import collection_examples, mined


def load_examples(config: TrainingConfig) -> list[Example]:
    """Everything the run learns from, negatives mined where examples bring none."""
    data = config.data
    examples, unmined = read_examples(expand(data.train, config.folder))
    examples += mined(unmined, config)
    if data.qrels is not None:
        examples += collection_examples(config)
    if not examples:
        raise InputError("data must hold at least one example, got none")
    return examples


def load_held_out(config: TrainingConfig) -> dict[str, list[RerankingSample]]:
    """The held-out sets, by their files' names."""
    sets: dict[str, list[RerankingSample]] = {}
    for path in expand(config.data.held_out, config.folder):
        name = path.name.removesuffix(".gz").removesuffix(".jsonl")
        if name in sets:
            raise InputError(f"data.held_out must have a name for each set, two are called {name!r}")
        sets[name] = read_samples(path)[: config.data.held_out_queries]
    return sets


def load_model(config: TrainingConfig) -> GroupedCrossEncoder:
    """The base model with one label and Identity activation, its dropout and frozen parameters set."""
    on_cpu = not torch.cuda.is_available()
    local = config.folder / config.model.base
    base = str(local) if local.is_dir() else config.model.base
    layers = config.model.layers
    if layers is not None:
        own = AutoConfig.from_pretrained(base).num_hidden_layers
        if layers > own:  # transformers would fill the rest with random numbers
            raise InputError(f"model.layers must be at most the {own} of {config.model.base}, got {layers}")
    model: GroupedCrossEncoder = GroupedCrossEncoder(
        base,
        num_labels=1,
        max_length=config.model.max_length,
        activation_fn=torch.nn.Identity(),
        # On CPUs the backward pass of fused attention takes more time than all the rest of a step.
        config_kwargs=None if layers is None else {"num_hidden_layers": layers},
        model_kwargs={"attn_implementation": "eager"} if on_cpu else None,
    )
    if model.tokenizer.padding_side != "right":
        raise InputError(f"model.base must pad on the right, {config.model.base} pads on the left")
    set_dropout(model, config.model.dropout)
    freeze(model, config.model.freeze)
    return model
