"""Held-out sets, as sentence-transformers' trainer evaluates: labelled queries, and lists that a teacher scored."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import cast

import numpy as np
from numpy.typing import NDArray
from sentence_transformers.base.evaluation import BaseEvaluator
from sentence_transformers.cross_encoder import CrossEncoder

from secondpass.errors import ScoringError
from secondpass.evaluation.candidates import Candidates
from secondpass.evaluation.card_metrics import SetMetrics
from secondpass.evaluation.reranking_sets import RerankingSample, evaluate_samples
from secondpass.evaluation.scoring import score_all
from secondpass.files.whole_files import write_text
from secondpass.training.agreement import kendall, ndcg_by_teacher
from secondpass.training.data import HeldOutSet
from secondpass.training.examples import Example
from secondpass.training.pair_figures import pair_figures

# The mean's name holds a space, so that no set has the same: theirs are `<name>_ndcg@10`.
METRIC = "mean ndcg@10"


class _ModelInTraining:
    """The model in training, as a Scorer."""

    def __init__(self, model: CrossEncoder) -> None:
        self._model = model
        self.scores: list[NDArray[np.float32]] = []

    def score(self, query: str, documents: Sequence[str]) -> NDArray[np.float32]:
        pairs = [(query, document) for document in documents]
        scores = self._model.predict(pairs, batch_size=64, show_progress_bar=False)
        self.scores.append(np.asarray(scores, dtype=np.float32))
        return self.scores[-1]


def given_order(sets: Mapping[str, HeldOutSet]) -> dict[str, float]:
    """The figures of the given orders, as `HeldOut` names them, for sets that come with a first stage's order."""
    figures: dict[str, float] = {}
    for name, samples in sets.items():
        labelled = [sample for sample in samples if isinstance(sample, RerankingSample) and sample.ordered]
        if labelled and len(labelled) == len(samples):
            base = evaluate_samples(_AsGiven(), labelled).base
            figures |= {f"{name}_{measure}": value for measure, value in cast("SetMetrics", base).by_name().items()}
    return figures


class _AsGiven:
    """A Scorer that leaves every order as it is."""

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        del query
        return [-float(rank) for rank in range(len(documents))]


class HeldOut(BaseEvaluator):
    """Each set's figures, and the mean of their NDCG@10, by which checkpoints are compared.

    Of labelled queries MAP, MRR@10 and NDCG@10, of a teacher's lists NDCG@10 by its scores and Kendall's tau.

    Args:
        sets: Samples by the name of their set; every set counts the same, whatever its size.
        log: JSONL file that every evaluation is appended to; None: no log.
        pos_weight: The weight of positives in `bce`, for the loss, accuracy and F1 of labelled queries' single pairs;
            None: these are not computed.
        prefix: What stands before the name of each figure that is returned. The trainer puts its own before those that
            do not begin with it yet, so that a set called `eval` would lose its name: it shall find all prefixed.
    """

    def __init__(
        self,
        sets: Mapping[str, HeldOutSet],
        log: Path | None = None,
        *,
        pos_weight: float | None = None,
        prefix: str = "",
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # theirs
        self._sets = sets
        self._log = log
        self._pos_weight = pos_weight
        self._prefix = prefix
        self.primary_metric = f"{prefix}{METRIC}"

    def __call__(  # type: ignore[override] # as their own evaluators of cross-encoders narrow it
        self, model: CrossEncoder, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        """The figures, by name.

        Raises:
            ScoringError: The model gave NaN.
        """
        del output_path, epoch
        figures: dict[str, float] = {}
        gains = []
        for name, samples in self._sets.items():
            try:
                of_set = _figures(_ModelInTraining(model), samples, self._pos_weight)
            except ScoringError as error:
                when = "after training" if steps < 0 else f"at step {steps}"
                raise ScoringError(f"held-out set {name!r} {when}: {error}") from error
            figures |= {f"{name}_{measure}": value for measure, value in of_set.items()}
            gains.append(of_set["ndcg@10"])
        figures[METRIC] = float(np.mean(gains)) if gains else 0.0
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as log:
                log.write(json.dumps({"step": steps, **figures}) + "\n")
        return {f"{self._prefix}{name}": value for name, value in figures.items()}


def keep_until(log: Path, step: int) -> None:
    """Remove from a log what was evaluated after a step: a run that continues from there evaluates it again."""
    if not log.exists():
        return
    kept = [line for line in log.read_text(encoding="utf-8").splitlines() if _is_until(line, step)]
    write_text(log, "".join(f"{line}\n" for line in kept))


def _is_until(line: str, step: int) -> bool:
    try:
        return bool(json.loads(line)["step"] <= step)
    except ValueError:  # a kill cut it short
        return False


def _figures(model: _ModelInTraining, samples: HeldOutSet, pos_weight: float | None) -> dict[str, float]:
    """A set's figures, by their measures' names."""
    lists = [sample for sample in samples if isinstance(sample, Example)]
    if not lists:
        labelled = [sample for sample in samples if isinstance(sample, RerankingSample)]
        figures = dict(evaluate_samples(model, labelled).reranked.by_name())
        # The scorer saw those samples that have a positive, in order.
        relevant = [sample.relevant for sample in labelled if sample.positives]
        if pos_weight is not None and relevant:
            figures |= pair_figures(np.concatenate(relevant), np.concatenate(model.scores), pos_weight)
        return figures
    candidates = {str(number): Candidates(sample.query, sample.documents) for number, sample in enumerate(lists, 1)}
    scores = [result.scores for result in score_all(model, candidates).values()]
    orders = [(sample.scores, student) for sample, student in zip(lists, scores, strict=True)]
    return {
        "ndcg@10": fmean(ndcg_by_teacher(teacher, student) for teacher, student in orders),
        "tau": fmean(kendall(teacher, student) for teacher, student in orders),
    }
