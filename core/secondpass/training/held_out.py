"""Held-out re-ranking sets, as sentence-transformers' trainer evaluates."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sentence_transformers.base.evaluation import BaseEvaluator
from sentence_transformers.cross_encoder import CrossEncoder

from secondpass.errors import ScoringError
from secondpass.evaluation.reranking_sets import RerankingSample, evaluate_samples

# The mean's name holds a space, so that no set has the same: theirs are `<name>_ndcg@10`.
METRIC = "mean ndcg@10"


class _ModelInTraining:
    """The model in training, as a Scorer."""

    def __init__(self, model: CrossEncoder) -> None:
        self._model = model

    def score(self, query: str, documents: Sequence[str]) -> NDArray[np.float32]:
        pairs = [(query, document) for document in documents]
        return np.asarray(self._model.predict(pairs, batch_size=64, show_progress_bar=False), dtype=np.float32)


class HeldOut(BaseEvaluator):
    """NDCG@10 of each set, and their mean, by which checkpoints are compared.

    Args:
        sets: Samples by the name of their set; every set counts the same, whatever its size.
        log: JSONL file that every evaluation is appended to; None: no log.
    """

    def __init__(self, sets: Mapping[str, Sequence[RerankingSample]], log: Path | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # theirs
        self._sets = sets
        self._log = log
        self.primary_metric = METRIC

    def __call__(  # type: ignore[override] # as their own evaluators of cross-encoders narrow it
        self, model: CrossEncoder, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        """The figures, by name.

        Raises:
            ScoringError: The model gave NaN.
        """
        del output_path, epoch
        figures = {}
        for name, samples in self._sets.items():
            try:
                figures[f"{name}_ndcg@10"] = evaluate_samples(_ModelInTraining(model), samples).reranked.ndcg
            except ScoringError as error:
                when = "after training" if steps < 0 else f"at step {steps}"
                raise ScoringError(f"held-out set {name!r} {when}: {error}") from error
        figures[METRIC] = float(np.mean(list(figures.values()))) if figures else 0.0
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as log:
                log.write(json.dumps({"step": steps, **figures}) + "\n")
        return figures
