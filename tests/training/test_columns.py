"""What each loss is given to learn from, and what is said of examples that teach it nothing."""

import json
from pathlib import Path

import pytest
import torch
from checkpoints import bert
from training_runs import config, data, sure_base

from secondpass.errors import InputError
from secondpass.training import train
from secondpass.training.config import Loss
from secondpass.training.examples import Example
from secondpass.training.grouped import GroupedCrossEncoder
from secondpass.training.margin import MarginLoss
from secondpass.training.recipes import RECIPES

ORDERED = Example("q", ("a", "b"), (1.0, 0.0), graded=True)
EQUAL = Example("r", ("a", "b"), (1.0, 1.0), graded=True)
NO_POSITIVE = Example("r", ("a", "b"), (0.0, 0.0), graded=True)


def test_queries_without_a_relevant_document_are_counted_where_they_are_left_out() -> None:
    with pytest.warns(UserWarning, match="without a relevant document are left out of listwise: 2 of 3") as said:
        columns = RECIPES["listwise"].columns([NO_POSITIVE, ORDERED, NO_POSITIVE])
    assert columns["query"] == ["q"]
    assert said[0].filename == __file__


@pytest.mark.parametrize("loss", ["lambdaloss", "ranknet"])
def test_lists_without_an_order_are_counted_where_only_an_order_is_learned(loss: Loss) -> None:
    message = f"lists whose documents are equally relevant teach {loss} nothing: 2 of 3"
    with pytest.warns(UserWarning, match=message) as said:
        assert RECIPES[loss].columns([EQUAL, ORDERED, NO_POSITIVE])["query"] == ["r", "q", "r"]
    assert said[0].filename == __file__
    with pytest.raises(InputError, match=f"{loss} must have a list in which documents differ in relevance"):
        RECIPES[loss].columns([EQUAL, NO_POSITIVE])


@pytest.mark.parametrize("graded_first", [True, False])
def test_labels_and_a_teacher_s_scores_are_not_mixed(graded_first: bool) -> None:  # noqa: FBT001 - pytest's parameter
    """`ranknet` learns an order, whoever gave it."""
    scored = Example("s", ("a", "b"), (7.5, 3.0), graded=False)
    for alone in (ORDERED, scored):
        assert RECIPES["ranknet"].columns([alone])["label"] == [list(alone.scores)]
    mixed = [ORDERED, scored] if graded_first else [scored, ORDERED]
    got = "a teacher's scores for 's' after labels" if graded_first else "labels for 'q' after a teacher's scores"
    with pytest.raises(InputError, match=f"ranknet must have either labels or a teacher's scores .*, got {got}"):
        RECIPES["ranknet"].columns(mixed)


def test_grades_whose_gain_is_beyond_float32_are_refused() -> None:
    """2 ** 128 is infinite there."""
    high = Example("q", ("a", "b"), (100.0, 0.0), graded=True)
    assert RECIPES["lambdaloss"].columns([high])["label"] == [[100.0, 0.0]]
    higher = Example("q", ("a", "b"), (200.0, 0.0), graded=True)
    with pytest.raises(InputError, match="lambdaloss must have grades of at most 100, got 200 for 'q'"):
        RECIPES["lambdaloss"].columns([higher])


def test_the_highest_grade_has_a_loss(tmp_path: Path) -> None:
    model = GroupedCrossEncoder(str(bert(tmp_path)), num_labels=1, activation_fn=torch.nn.Identity(), device="cpu")
    loss = RECIPES["lambdaloss"].build(model, config(tmp_path, tmp_path, "lambdaloss").run)
    documents = [["a cat", "a dog", *["bird"] * 20]]
    value = loss([["a cat"], documents], [torch.tensor([0.0] + [100.0] * 21)])
    assert value.isfinite()
    assert value > 0


def test_margins_are_those_of_whole_lists(tmp_path: Path) -> None:
    """By hand: the mean over three margins of one list and one of the other."""
    model = GroupedCrossEncoder(str(bert(tmp_path)), num_labels=1, activation_fn=torch.nn.Identity(), device="cpu")
    lists = [["the cat sleeps", "bird", "", "horse"], ["the dog", "the dog sleeps"]]
    teacher = [torch.tensor([4.0, 1.0, -2.0, 0.0]), torch.tensor([0.5, 3.0])]
    with torch.inference_mode():
        loss = MarginLoss(model)([["a cat", "a dog"], lists], teacher)
        cat, dog = [
            model(model.preprocess([(query, text) for text in texts]))["scores"].view(-1).tolist()
            for query, texts in zip(("a cat", "a dog"), lists, strict=True)
        ]
    errors = [
        (cat[0] - cat[1]) - 3.0, (cat[0] - cat[2]) - 6.0, (cat[0] - cat[3]) - 4.0, (dog[0] - dog[1]) + 2.5,
    ]  # fmt: skip
    assert float(loss) == pytest.approx(sum(error**2 for error in errors) / 4, rel=1e-4)


def test_lists_of_different_lengths_are_learned_from_whole(tmp_path: Path) -> None:
    data(tmp_path, scored=True)
    with (tmp_path / "train.jsonl").open("a") as file:
        file.write(json.dumps({"query": "a cat", "documents": ["the cat sleeps", ""], "scores": [2, 0]}) + "\n")
    run = config(tmp_path, sure_base(tmp_path / "base"), "margin-mse", steps=2, evaluate_every=2)
    assert train(run).steps == 2
