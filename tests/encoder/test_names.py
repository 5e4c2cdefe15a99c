"""The tables of parameter names read both ways and lose nothing."""

import pytest
import torch
from random_backbones import MODELS, backbone

from secondpass.encoder.architectures import architecture_of

UNUSED = {"pooler.dense.weight", "pooler.dense.bias"}


@pytest.mark.parametrize("name", MODELS)
def test_there_and_back_gives_the_same_tensors(name: str) -> None:
    model = backbone(name)
    architecture = architecture_of(model.config)
    assert architecture is not None
    theirs = dict(model.named_parameters())
    back = architecture.names.theirs(architecture.names.ours(theirs))
    assert theirs.keys() - back.keys() <= UNUSED
    assert back.keys() <= theirs.keys()
    for parameter, tensor in back.items():
        assert tensor is theirs[parameter]


def test_an_unknown_name_is_an_error() -> None:
    architecture = architecture_of(backbone("bert").config)
    assert architecture is not None
    with pytest.raises(KeyError, match="encoder"):
        architecture.names.ours({"encoder.layer.0.adapter.weight": torch.ones(1)})


@pytest.mark.parametrize("name", MODELS)
def test_our_names_are_those_of_the_docstring(name: str) -> None:
    model = backbone(name)
    architecture = architecture_of(model.config)
    assert architecture is not None
    parts = {our.split(".")[0] for our in architecture.names.ours(dict(model.named_parameters()))}
    assert parts <= {"embeddings", "relative", "layers", "final_norm"}
