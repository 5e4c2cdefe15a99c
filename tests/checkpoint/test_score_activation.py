"""Which of a checkpoint's statements about its activation counts."""

import json
from pathlib import Path

import pytest
import torch

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.score_activation import ScoreActivation, resolve_activation
from secondpass.errors import CheckpointError


@pytest.mark.parametrize(
    ("newest", "newer", "oldest", "expected"),
    [
        ("Tanh", "Sigmoid", "Identity", ScoreActivation.TANH),
        (None, "Sigmoid", "Identity", ScoreActivation.SIGMOID),
        (None, None, "Identity", ScoreActivation.IDENTITY),
        (None, None, "Tanh", ScoreActivation.TANH),
    ],
)
def test_the_newest_statement_counts(
    newest: str | None, newer: str | None, oldest: str, expected: ScoreActivation, tmp_path: Path
) -> None:
    def path(name: str | None) -> str | None:
        return None if name is None else f"torch.nn.modules.activation.{name}"

    config = {
        "sentence_transformers": {"activation_fn": path(newer)},
        "sbert_ce_default_activation_function": path(oldest),
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps({"activation_fn": path(newest)}))
    assert resolve_activation(Folder("m", tmp_path), 1, ScoreActivation.IDENTITY) == expected


def test_a_softmax_of_several_labels_is_the_sigmoid_of_relevance_and_of_one_it_is_refused(tmp_path: Path) -> None:
    stated = {"sbert_ce_default_activation_function": "torch.nn.modules.activation.Softmax"}
    (tmp_path / "config.json").write_text(json.dumps(stated))
    assert resolve_activation(Folder("m", tmp_path), 2) == ScoreActivation.SIGMOID
    with pytest.raises(CheckpointError, match="activation_fn must not be Softmax for a head of one label"):
        resolve_activation(Folder("m", tmp_path), 1)


def test_without_a_statement_the_layouts_default_counts_and_then_that_of_sentence_transformers(tmp_path: Path) -> None:
    folder = Folder("m", tmp_path)
    assert resolve_activation(folder, 1, ScoreActivation.IDENTITY) == ScoreActivation.IDENTITY
    assert resolve_activation(folder, 1) == ScoreActivation.SIGMOID
    assert resolve_activation(folder, 2) == ScoreActivation.IDENTITY


def test_an_activation_is_torchs_function_of_its_name() -> None:
    logits = torch.linspace(-5, 5, 11)
    assert torch.equal(ScoreActivation.IDENTITY(logits), logits)
    assert torch.equal(ScoreActivation.SIGMOID(logits), torch.sigmoid(logits))
    assert torch.equal(ScoreActivation.TANH(logits), torch.tanh(logits))
