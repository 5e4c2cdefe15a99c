"""The training recipes: which loss of sentence-transformers learns from which columns.

| recipe | loss | learns from |
|---|---|---|
| `bce` | binary cross-entropy, positives weighted | single pairs, grade above 0 or not |
| `lambdaloss` | LambdaLoss with NDCGLoss2++ weights (Wang et al., 2018) | graded lists |
| `ranknet` | RankNet on natural logarithms (DistillRankNET, arXiv:2603.03010) | teacher-scored lists, or graded ones |
| `margin-mse` | squared error of score margins (Hofstätter et al., 2020) | teacher-scored lists |
| `listwise` | cross-entropy of softmaxes (ListNet; Cao et al., 2007) | one positive and negatives, or teacher scores |
| `kl` | divergence of softmaxes with a temperature (Hinton et al., 2015) | teacher-scored lists |
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from sentence_transformers.cross_encoder import CrossEncoder, losses
from torch import nn

from secondpass.errors import InputError
from secondpass.training.columns import (
    Columns,
    graded_lists,
    one_positive_lists,
    pairs,
    ranknet_lists,
    teacher_lists,
)
from secondpass.training.config import Loss, RunConfig
from secondpass.training.distillation import KLLoss
from secondpass.training.examples import Example
from secondpass.training.margin import MarginLoss

# mini_batch_size of the list losses: one forward call per step, which `GroupedCrossEncoder` splits by length itself.
# Not 0, which they take for None: as many pairs at a time as there are lists, of whatever lengths.
_ALL_AT_ONCE = -1


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a loss is built, and how examples become its columns."""

    build: Callable[[CrossEncoder, RunConfig], nn.Module]
    columns: Callable[[Sequence[Example]], Columns]


def pos_weight(examples: Sequence[Example]) -> float:
    """Negative pairs over positive pairs, the weight that balances both sides of `bce`.

    Raises:
        InputError: There are no positives, or nothing else.
    """
    grades = [score for example in examples for score in example.scores]
    n_positives = sum(grade > 0 for grade in grades)
    if n_positives in (0, len(grades)):
        raise InputError(
            f"bce must have positives and negatives to learn from, got {n_positives} of {len(grades)} pairs"
        )
    return (len(grades) - n_positives) / n_positives


def _bce(model: CrossEncoder, settings: RunConfig) -> nn.Module:
    weight = settings.pos_weight
    return losses.BinaryCrossEntropyLoss(model, pos_weight=None if weight is None else torch.tensor(weight))


RECIPES: Mapping[Loss, Recipe] = {
    "bce": Recipe(_bce, pairs),
    "lambdaloss": Recipe(
        lambda model, _: losses.LambdaLoss(
            model, weighting_scheme=losses.NDCGLoss2PPScheme(), mini_batch_size=_ALL_AT_ONCE
        ),
        graded_lists,
    ),
    "ranknet": Recipe(
        lambda model, _: losses.RankNetLoss(model, reduction_log="natural", mini_batch_size=_ALL_AT_ONCE),
        ranknet_lists,
    ),
    "margin-mse": Recipe(lambda model, _: MarginLoss(model), partial(teacher_lists, loss="margin-mse")),
    "listwise": Recipe(lambda model, _: losses.ListNetLoss(model, mini_batch_size=_ALL_AT_ONCE), one_positive_lists),
    "kl": Recipe(
        lambda model, settings: KLLoss(
            model, temperature=settings.temperature, scaled=settings.scale_teacher, mini_batch_size=_ALL_AT_ONCE
        ),
        partial(teacher_lists, loss="kl"),
    ),
}
