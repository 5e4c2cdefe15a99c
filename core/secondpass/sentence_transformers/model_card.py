"""What evaluators and benchmarks read of a model's card, and write into it."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from secondpass.sentence_transformers.engine import Engine


class ModelCardNotes(SimpleNamespace):
    """Notes for a model card: any attribute may be set. They are kept and never written, since nothing is saved here.

    Args:
        base_model: The checkpoint.
        base_model_revision: Its commit on the hub; None for a folder.
        model_name: None.
    """

    def set_evaluation_metrics(
        self, evaluator: object, metrics: Mapping[str, Any], epoch: int = 0, step: int = 0
    ) -> None:
        """Keep an evaluator's figures as `evaluation`."""
        self.evaluation = {"evaluator": evaluator, "metrics": dict(metrics), "epoch": epoch, "step": step}


def notes_on(engine: Engine) -> ModelCardNotes:
    """What there is to say of a loaded model."""
    path = engine.folder.path
    commit = path.name if path.parent.name == "snapshots" else None
    return ModelCardNotes(base_model=engine.name, base_model_revision=commit, model_name=None)
