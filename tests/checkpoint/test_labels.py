"""Which label means relevant, in the order the documentation promises."""

import re
import warnings
from pathlib import Path

import checkpoints
import pytest
import torch
from compare import assert_scores
from sentence_transformers import CrossEncoder as Reference

from secondpass import CrossEncoder
from secondpass.checkpoint.labels import find_label, relevance_logit, relevance_logits, resolve_label
from secondpass.errors import CheckpointError, InputError


def test_the_relevance_logits_sigmoid_is_the_softmax_probability() -> None:
    logits = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    for label in range(4):
        torch.testing.assert_close(relevance_logit(logits, label).sigmoid(), logits.softmax(1)[:, label])
    torch.testing.assert_close(relevance_logits(logits).sigmoid(), logits.softmax(1))
    assert relevance_logits(logits[:0]).shape == (0, 4)
    torch.testing.assert_close(relevance_logit(logits[:, :2], 1), logits[:, 1] - logits[:, 0])
    torch.testing.assert_close(relevance_logit(logits[:, :1], 0), logits[:, 0])


@pytest.mark.parametrize(
    ("names", "label"),
    [
        ({0: "not_relevant", 1: "relevant"}, 1),
        ({0: "relevant", 1: "not relevant"}, 0),
        ({0: "no_answer", 1: "has_answer"}, 1),
        ({0: "Yes", 1: "No"}, 0),
        ({0: "contradiction", 1: "entailment", 2: "neutral"}, 1),
    ],
)
def test_names_decide_without_a_warning(names: dict[int, str], label: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert resolve_label("x", len(names), names, None) == label


def test_without_a_hint_it_is_label_1_with_a_warning(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path, n_labels=2)
    with pytest.warns(UserWarning, match="has 2 labels .* taking label 1; pass label= to choose") as said:
        model = CrossEncoder(folder)
    assert said[0].filename == __file__
    logits = model.logits([("berlin", "wall")])
    assert model.score("berlin", ["wall"])[0] == pytest.approx(logits[0, 1] - logits[0, 0])


def test_names_in_the_config_and_names_as_argument(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path, n_labels=2, id2label={0: "has_answer", 1: "no_answer"})
    by_config, by_name = CrossEncoder(folder), CrossEncoder(folder, label="NO_ANSWER")
    scores = by_config.score("berlin", ["wall"])
    assert scores == pytest.approx(-by_name.score("berlin", ["wall"]))
    logits = by_config.logits([("berlin", "wall")])
    assert scores[0] == pytest.approx(logits[0, 0] - logits[0, 1])


@pytest.mark.parametrize(
    ("names", "label", "column"),
    [
        (("a", "A"), "a", 0),
        (("a", "A"), "A", 1),
        (("No", "YES"), "yes", 1),
        (("no", "YES", "Yes"), "yes", [1, 2]),
        (("yes", "yes"), "yes", [0, 1]),
        (("yes", "YES", "yes"), "yes", [0, 2]),
    ],
)
def test_an_exact_name_counts_first_and_a_name_of_several_is_refused(
    names: tuple[str, ...], label: str, column: int | list[int]
) -> None:
    if isinstance(column, int):
        assert find_label(label, len(names), dict(enumerate(names))) == column
        return
    message = f"label must be an index where a name is that of several, got 'yes': labels {column}"
    with pytest.raises(InputError, match=re.escape(message)):
        find_label(label, len(names), dict(enumerate(names)))


def test_of_labels_that_may_all_be_true_the_relevant_ones_own_logit_counts(tmp_path: Path) -> None:
    names = {0: "toxic", 1: "relevant", 2: "old"}
    folder = checkpoints.bert(tmp_path, n_labels=3, id2label=names, problem_type="multi_label_classification")
    pairs = [("berlin", "wall"), ("berlin", "people of the year")]
    model = CrossEncoder(folder)
    assert model.predict(pairs).tolist() == model.logits(pairs)[:, 1].tolist()
    (toxic,) = CrossEncoder(folder, label="toxic", activation="sigmoid").predict(pairs[:1])
    assert toxic == pytest.approx(torch.from_numpy(model.logits(pairs[:1]))[0, 0].sigmoid().item())


def test_a_stated_softmax_is_over_all_labels_whatever_the_problem_type_says(tmp_path: Path) -> None:
    names = {0: "toxic", 1: "relevant", 2: "old"}
    folder = checkpoints.bert(tmp_path, n_labels=3, id2label=names, problem_type="multi_label_classification")
    stated = {"activation_fn": "torch.nn.modules.activation.Softmax"}
    checkpoints.edit_json(folder / "config.json", sentence_transformers=stated)
    pairs = [("berlin", "wall"), ("berlin", "people of the year")]
    model = CrossEncoder(folder)
    shares = torch.from_numpy(model.logits(pairs)).softmax(dim=1)[:, 1]
    torch.testing.assert_close(torch.from_numpy(model.predict(pairs)), shares)
    # Another unit is of the same order.
    unbounded = torch.from_numpy(CrossEncoder(folder, activation="identity").predict(pairs))
    torch.testing.assert_close(unbounded.sigmoid(), shares)


@pytest.mark.parametrize("problem_type", [None, "single_label_classification", "multi_label_classification"])
@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.parametrize("stated", ["Sigmoid", "Tanh"])
def test_a_stated_sigmoid_or_tanh_is_of_the_relevant_label_by_itself(
    stated: str, n_labels: int, problem_type: str | None, tmp_path: Path
) -> None:
    names = {0: "no", 1: "yes", 2: "maybe"}
    folder = checkpoints.bert(tmp_path, n_labels=n_labels, id2label={i: names[i] for i in range(n_labels)})
    activation = {"activation_fn": f"torch.nn.modules.activation.{stated}"}
    checkpoints.edit_json(folder / "config.json", sentence_transformers=activation, problem_type=problem_type)
    pairs = [("berlin", "wall"), ("berlin", "people of the year")]
    expected = Reference(str(folder), device="cpu").predict(pairs, show_progress_bar=False)[:, 1]
    assert_scores(CrossEncoder(folder).predict(pairs), expected)
    # Another unit is of the same order.
    unbounded = CrossEncoder(folder, activation="identity")
    assert unbounded.predict(pairs).tolist() == unbounded.logits(pairs)[:, 1].tolist()


@pytest.mark.parametrize("names", [{"-1": "no", "0": "yes"}, {"0": "no", "5": "yes"}, {"1": "no", "2": "yes"}])
def test_names_of_columns_that_are_not_there_are_refused(names: dict[str, str], tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path, n_labels=2)
    checkpoints.edit_json(folder / "config.json", id2label=names, label2id=None)
    with pytest.raises(CheckpointError, match="id2label must name the columns 0, 1, got " + ", ".join(names)):
        CrossEncoder(folder)


def test_a_fine_tune_of_a_known_checkpoint_is_read_by_its_own_files(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path, n_labels=2, id2label={0: "has_answer", 1: "no_answer"})
    # Transformers before 5 wrote there what the model was made from.
    checkpoints.edit_json(folder / "config.json", _name_or_path="deepset/gbert-base-germandpr-reranking")
    model = CrossEncoder(folder)
    logits = model.logits([("berlin", "wall")])
    assert model.score("berlin", ["wall"])[0] == pytest.approx(logits[0, 0] - logits[0, 1])


@pytest.mark.parametrize(
    "name",
    [
        "nboost/pt-tinybert-msmarco",
        "amberoad/bert-multilingual-passage-reranking-msmarco",
        "deepset/gbert-base-germandpr-reranking",
    ],
)
def test_known_two_label_checkpoints_need_no_warning(name: str, tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path / name, n_labels=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = CrossEncoder(folder)
    logits = model.logits([("berlin", "wall")])
    assert model.score("berlin", ["wall"])[0] == pytest.approx(logits[0, 1] - logits[0, 0])
