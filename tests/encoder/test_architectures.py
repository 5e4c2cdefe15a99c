"""One entry per model family, and the heads that transformers gives their classifiers."""

import pytest
import torch
import transformers
from random_backbones import CAUSAL_MODELS, MODELS, backbone
from torch import nn

from secondpass.encoder import Pooling
from secondpass.encoder.architectures import architecture_of

CAUSAL_TYPES = sorted({model_type for model_type, _ in CAUSAL_MODELS.values()})
MODEL_TYPES = sorted(({model_type for model_type, _ in MODELS.values()} | {"camembert"}) - set(CAUSAL_TYPES))


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_every_parameter_of_a_classifier_belongs_to_its_transformer_or_its_head(model_type: str) -> None:
    model = _classifier(model_type)
    architecture = architecture_of(model.config)
    assert architecture is not None
    assert architecture.head is not None
    layers = [layer for layer in architecture.head(model.config) if isinstance(layer, str)]
    head = {f"{layer}.{name}" for layer in layers for name, _ in model.get_submodule(layer).named_parameters()}
    backbone = {name for name, _ in model.named_parameters() if name.startswith(f"{model.base_model_prefix}.")}
    assert {name for name, _ in model.named_parameters()} == head | backbone
    assert head


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_the_head_of_the_pooled_state_gives_transformers_logits(model_type: str) -> None:
    model = _classifier(model_type)
    architecture = architecture_of(model.config)
    assert architecture is not None
    assert architecture.pooling(model.config) is Pooling.CLS
    assert architecture.head is not None
    head = architecture.head(model.config)
    layers = (model.get_submodule(layer) if isinstance(layer, str) else layer() for layer in head)
    ids = torch.arange(10, 21)[None]
    with torch.inference_mode():
        states = model.base_model(ids).last_hidden_state
        torch.testing.assert_close(nn.Sequential(*layers)(states[:, 0]), model(ids).logits)


@pytest.mark.parametrize("name", CAUSAL_MODELS)
def test_the_head_of_a_language_model_gives_its_logits_of_the_last_state(name: str) -> None:
    config = backbone(name).config
    architecture = architecture_of(config)
    assert architecture is not None
    assert architecture.language_head is not None
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config).eval()
    head = model.get_submodule(architecture.language_head)
    assert head is model.get_output_embeddings()
    ids = torch.arange(10, 21)[None]
    with torch.inference_mode():
        states = model.base_model(ids).last_hidden_state
        torch.testing.assert_close(head(states), model(ids).logits, rtol=0, atol=0)


def test_the_pooling_of_modernbert_is_its_configs() -> None:
    config = _classifier("modernbert", classifier_pooling="mean").config
    architecture = architecture_of(config)
    assert architecture is not None
    assert architecture.pooling(config) is Pooling.MEAN


def test_an_unknown_model_type_has_no_architecture() -> None:
    assert architecture_of(transformers.MPNetConfig()) is None
    assert architecture_of(object()) is None


def _classifier(model_type: str, **options: object) -> transformers.PreTrainedModel:
    small = next((options for kind, options in MODELS.values() if kind == model_type), {})
    sizes = {"vocab_size": 97, "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 1}
    config = transformers.AutoConfig.for_model(model_type, **(sizes | small | {"num_labels": 2} | options))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model: transformers.PreTrainedModel = transformers.AutoModelForSequenceClassification.from_config(config)
        for parameter in model.parameters():
            parameter.data.add_(torch.randn_like(parameter) * 0.1)
    model.eval()
    return model
