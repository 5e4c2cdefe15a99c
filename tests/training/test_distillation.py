"""Following a teacher: the loss and the figures of agreement, against their definitions and cases done by hand."""

import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch
from checkpoints import bert
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers.cross_encoder import losses
from training_runs import config, data, held_out_lists, sure_base

from secondpass.errors import InputError
from secondpass.training import DataConfig, RunConfig, train
from secondpass.training.agreement import kendall, ndcg_by_teacher
from secondpass.training.distillation import KLLoss
from secondpass.training.grouped import GroupedCrossEncoder
from secondpass.training.margin import MarginLoss

PAIRS = ("the cat sleeps", "the dog sleeps", "a bird")


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_loss_is_the_divergence_times_the_squared_temperature(
    temperature: float,
    scaled: bool,  # noqa: FBT001 - pytest's parameter
    tmp_path: Path,
) -> None:
    model = GroupedCrossEncoder(str(bert(tmp_path)), num_labels=1, activation_fn=torch.nn.Identity(), device="cpu")
    loss = KLLoss(model.eval(), temperature=temperature, scaled=scaled, mini_batch_size=-1)
    teacher = torch.tensor([4.0, 1.0, -2.0])
    with torch.inference_mode():
        value = float(loss([["a cat"], [list(PAIRS)]], [teacher]))
        student = model(model.preprocess([("a cat", document) for document in PAIRS]))["scores"].view(-1)
    if scaled:
        teacher = teacher / math.sqrt(6)  # the mean is 1, and the variance (9 + 0 + 9) / 3
    p, q = (teacher / temperature).softmax(0), (student / temperature).softmax(0)
    assert value == pytest.approx(temperature**2 * float((p * (p / q).log()).sum()), abs=1e-5)


def test_a_list_without_any_order_can_be_scaled(tmp_path: Path) -> None:
    model = GroupedCrossEncoder(str(bert(tmp_path)), num_labels=1, activation_fn=torch.nn.Identity(), device="cpu")
    loss = KLLoss(model, temperature=1.0, scaled=True, mini_batch_size=-1)
    assert math.isfinite(loss([["a cat"], [list(PAIRS)]], [torch.tensor([2.0, 2.0, 2.0])]).item())


def test_agreement_by_hand() -> None:
    # Of three pairs one is reversed: (2 - 1) / 3.
    assert kendall([3.0, 2.0, 1.0], [3.0, 1.0, 2.0]) == pytest.approx(1 / 3)
    assert kendall([3.0, 2.0, 1.0], [0.0, 0.0, 0.0]) == 0
    # Gains 1, 0.5 and 0, the second first: (0.5 + 1 / log2(3)) / (1 + 0.5 / log2(3)).
    expected = (0.5 + 1 / math.log2(3)) / (1 + 0.5 / math.log2(3))
    assert ndcg_by_teacher([3.0, 2.0, 1.0], [1.0, 2.0, 0.0]) == pytest.approx(expected)
    assert ndcg_by_teacher([2.0, 2.0], [1.0, 3.0]) == 1


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=30, unique=True), st.randoms())
def test_a_student_with_the_teachers_order_agrees_and_none_agrees_more(teacher: list[float], random: object) -> None:
    ranks = [float(sorted(teacher).index(score)) for score in teacher]
    assert kendall(teacher, ranks) == pytest.approx(1)
    assert ndcg_by_teacher(teacher, ranks) == pytest.approx(1)
    random.shuffle(ranks)  # type: ignore[attr-defined] # hypothesis' Random
    assert -1 - 1e-9 <= kendall(teacher, ranks) <= 1 + 1e-9
    assert 0 <= ndcg_by_teacher(teacher, ranks) <= 1 + 1e-9


def test_a_run_reports_its_agreement_with_the_teacher_on_held_out_lists(tmp_path: Path) -> None:
    data(tmp_path, scored=True)
    held_out_lists(tmp_path / "train.jsonl", tmp_path / "teacher.jsonl")
    run = config(tmp_path, sure_base(tmp_path / "base"), "kl", steps=30, evaluate_every=10, temperature=2.0)
    run = dataclasses.replace(run, data=DataConfig(("train.jsonl",), ("teacher.jsonl", "held.jsonl")))
    result = train(run)
    names = {"teacher_ndcg@10", "teacher_tau", "held_map", "held_mrr@10", "held_ndcg@10", "mean ndcg@10"}
    assert set(result.held_out) == set(result.base_held_out) == names
    assert result.held_out["teacher_tau"] > result.base_held_out["teacher_tau"]
    assert result.held_out["mean ndcg@10"] == pytest.approx(
        (result.held_out["teacher_ndcg@10"] + result.held_out["held_ndcg@10"]) / 2
    )


def test_held_out_lists_have_an_order(tmp_path: Path) -> None:
    data(tmp_path, scored=True)
    line = json.dumps({"query": "a cat", "documents": ["the cat sleeps"], "scores": [1.0]})
    (tmp_path / "held.jsonl").write_text(line + "\n")
    with pytest.raises(InputError, match=r"held.jsonl.*1.*: documents must be at least two, got 1"):
        train(config(tmp_path, tmp_path / "base", "kl"))


def test_a_temperature_is_for_kl() -> None:
    with pytest.raises(InputError, match=r"run.temperature and run.scale_teacher must come with run.loss = 'kl'"):
        RunConfig("listwise", "out", temperature=2.0)
    with pytest.raises(InputError, match=r"run.temperature must be above 0, got 0"):
        RunConfig("kl", "out", temperature=0)


def test_margins_are_those_of_a_pass_per_column_in_one_pass(tmp_path: Path) -> None:
    model = GroupedCrossEncoder(str(bert(tmp_path)), num_labels=1, activation_fn=torch.nn.Identity(), device="cpu")
    queries, documents = ["a cat", "a dog"], [["the cat sleeps", "bird", ""], ["the dog", "the dog sleeps", "horse"]]
    columns = [queries, *map(list, zip(*documents, strict=True))]
    teacher = [torch.tensor([4.0, 1.0, -2.0]), torch.tensor([0.5, 3.0, 0.0])]
    expected = losses.MarginMSELoss(model)(columns, teacher)
    passes: list[object] = []
    model.register_forward_hook(lambda *_: passes.append(None))
    torch.testing.assert_close(MarginLoss(model)([queries, documents], teacher), expected)
    assert len(passes) == 1
