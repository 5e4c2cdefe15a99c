"""The recipes: which loss of sentence-transformers learns from which columns.

| recipe | loss | learns from |
|---|---|---|
| `bce` | binary cross-entropy, positives weighted | single pairs, grade above 0 or not |
| `lambdaloss` | LambdaLoss with NDCGLoss2++ weights (Wang et al., 2018) | graded lists |
| `ranknet` | RankNet on natural logarithms (DistillRankNET, arXiv:2603.03010) | teacher-scored lists |
| `margin-mse` | squared error of score margins (Hofstätter et al., 2020) | teacher-scored lists |
| `listwise` | cross-entropy of softmaxes (ListNet; Cao et al., 2007) | one positive and negatives, or teacher scores |
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from sentence_transformers.cross_encoder import CrossEncoder, losses
from torch import nn

from secondpass.errors import InputError
from secondpass.training.config import Loss
from secondpass.training.examples import Example

Columns = dict[str, list[Any]]

_ALL_AT_ONCE = 0
"""mini_batch_size of the list losses: one forward call a step, which `GroupedCrossEncoder` splits by length itself."""

_CERTAIN = 20.0
"""A grade's height over the next lower one in `listwise`: as logits, odds of 5e8 to 1, so practically one-hot."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a loss is built, and how examples become its columns."""

    build: Callable[[CrossEncoder, float | None], nn.Module]
    columns: Callable[[Sequence[Example]], Columns]


def recipe(loss: Loss) -> Recipe:
    """The recipe of that name."""
    return RECIPES[loss]


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


def _pairs(examples: Sequence[Example]) -> Columns:
    _check_graded(examples, "bce")
    rows = [
        (example.query, document, float(score > 0))
        for example in examples
        for document, score in zip(example.documents, example.scores, strict=True)
    ]
    return {name: [row[i] for row in rows] for i, name in enumerate(("query", "document", "label"))}


def _lists(examples: Sequence[Example]) -> Columns:
    _check_lists(examples)
    return {
        "query": [example.query for example in examples],
        "documents": [list(example.documents) for example in examples],
        "label": [list(example.scores) for example in examples],
    }


def _graded_lists(examples: Sequence[Example]) -> Columns:
    _check_graded(examples, "lambdaloss")
    return _lists(examples)


def _check_graded(examples: Sequence[Example], loss: Loss) -> None:
    """Raise InputError where a teacher's scores would be taken for grades."""
    for example in examples:
        if not example.graded:
            raise InputError(f"{loss} must have labels to learn from, got a teacher's scores for {example.query!r}")


def _check_lists(examples: Sequence[Example]) -> None:
    """Raise InputError unless there are lists, each of which compares documents."""
    if not examples:
        raise InputError("data must hold at least one query with a relevant document, got none")
    for example in examples:
        if len(example.documents) < 2:  # noqa: PLR2004 - one alone compares with nothing
            raise InputError(
                f"lists must hold at least two documents, got {len(example.documents)} for {example.query!r}"
            )


def _one_positive_lists(examples: Sequence[Example]) -> Columns:
    """One list a positive, without the other positives; teacher-scored lists as they are."""
    return _lists([single for example in examples for single in (_singles(example) if example.graded else [example])])


def _singles(example: Example) -> list[Example]:
    scored = list(zip(example.documents, example.scores, strict=True))
    negatives = [document for document, grade in scored if grade <= 0]
    return [
        Example(example.query, (positive, *negatives), (_CERTAIN, *[0.0] * len(negatives)), graded=True)
        for positive, grade in scored
        if grade > 0
    ]


def _margins(examples: Sequence[Example]) -> Columns:
    """A column a document: the loss compares the first with each other one, so all lists are cut to the shortest."""
    _check_lists(examples)
    shortest = min(len(example.documents) for example in examples)
    columns: Columns = {"query": [example.query for example in examples]}
    for place in range(shortest):
        columns[f"document_{place}"] = [example.documents[place] for example in examples]
    return columns | {"label": [list(example.scores[:shortest]) for example in examples]}


def _bce(model: CrossEncoder, weight: float | None) -> nn.Module:
    return losses.BinaryCrossEntropyLoss(model, pos_weight=None if weight is None else torch.tensor(weight))


RECIPES: Mapping[Loss, Recipe] = {
    "bce": Recipe(_bce, _pairs),
    "lambdaloss": Recipe(
        lambda model, _: losses.LambdaLoss(
            model, weighting_scheme=losses.NDCGLoss2PPScheme(), mini_batch_size=_ALL_AT_ONCE
        ),
        _graded_lists,
    ),
    "ranknet": Recipe(
        lambda model, _: losses.RankNetLoss(model, reduction_log="natural", mini_batch_size=_ALL_AT_ONCE), _lists
    ),
    "margin-mse": Recipe(lambda model, _: losses.MarginMSELoss(model), _margins),
    "listwise": Recipe(lambda model, _: losses.ListNetLoss(model, mini_batch_size=_ALL_AT_ONCE), _one_positive_lists),
}
