"""What a run leaves beside its checkpoint: the curve as table and picture, and a card that a hub reads."""

import csv
import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import bert
from huggingface_hub import ModelCard
from training_runs import config, data

from secondpass.training import TrainingProgress, train
from secondpass.training.curve import course, write_curve
from secondpass.training.pair_figures import pair_figures

PNG = b"\x89PNG\r\n\x1a\n"


def test_the_card_has_the_tables_and_a_header_that_a_hub_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    data(tmp_path, scored=False)
    held_out = {"query": "the cat", "positive": ["the cat sleeps"], "documents": ["a dog", "the cat sleeps"]}
    (tmp_path / "held.jsonl").write_text(json.dumps(held_out) + "\n")
    run = config(tmp_path, bert(tmp_path / "base"), "bce", steps=4, evaluate_every=2)
    run = dataclasses.replace(run, model=dataclasses.replace(run.model, base="~/base"))
    run = dataclasses.replace(run, data=dataclasses.replace(run.data, names=("animals",)))
    result = train(run)
    card = ModelCard.load(result.folder / "README.md")
    assert card.data.pipeline_tag == "text-ranking"
    assert card.data.datasets == ["animals"]
    assert card.data.base_model is None  # a folder's name says nothing to a hub
    assert {entry.metric_type: entry.metric_value for entry in card.data.eval_results} == {
        name.removeprefix("held_"): round(value, 4) for name, value in result.held_out.items() if name != "mean ndcg@10"
    }
    # The given order has the positive second: MRR 1 / 2, NDCG 1 / log2(3).
    for measure, given in (("mrr@10", 0.5), ("map", 0.5), ("ndcg@10", 1 / math.log2(3))):
        value = result.held_out[f"held_{measure}"]
        assert f"| {value:.4f} ({value - given:+.4f}) |" in card.text
    for part in (
        "### Training logs",
        r"held\_loss",
        r"held\_accuracy",
        r"held\_f1",
        "- `learning_rate`: 0.005",
        "- torch: ",
    ):
        assert part in card.text
    log = card.text.split("### Training logs")[1].split("![curve]")[0]
    assert [line.split("|")[2].strip() for line in log.strip().splitlines()[2:]] == ["1", "2", "3", "4"]
    assert (result.folder / "curve.png").read_bytes().startswith(PNG)
    with (result.folder / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4]
    assert [row["held_ndcg@10"] == "" for row in rows] == [True, False, True, False]


def test_sets_whose_names_begin_like_the_trainers_figures_keep_them(tmp_path: Path) -> None:
    """The trainer puts `eval_` before figures that have no such name yet."""
    data(tmp_path, scored=False)
    for name in ("eval", "eval_dev", "dev"):
        (tmp_path / f"{name}.jsonl").write_bytes((tmp_path / "held.jsonl").read_bytes())
    run = config(tmp_path, bert(tmp_path / "base"), "listwise", steps=1)
    run = dataclasses.replace(run, data=dataclasses.replace(run.data, held_out=("eval*.jsonl", "dev.jsonl")))
    result = train(run)
    with (result.folder / "curve.csv").open() as file:
        columns = set(csv.DictReader(file).fieldnames or ()) - {"epoch", "step", "loss"}
    assert columns == set(result.held_out)
    assert {"eval_ndcg@10", "eval_dev_ndcg@10", "dev_ndcg@10"} < columns


def test_the_card_has_all_settings_and_its_tables_keep_their_columns(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    (tmp_path / "held.jsonl").rename(tmp_path / "a|b.jsonl")
    run = config(tmp_path, bert(tmp_path / "base"), "listwise", steps=1)
    run = dataclasses.replace(run, data=dataclasses.replace(run.data, held_out=("a*.jsonl",)))
    result = train(run)
    text = (result.folder / "README.md").read_text()
    settings = json.loads((result.folder / "training.json").read_text())["settings"]
    for part in ("model", "data", "run"):
        assert [name for name in settings[part] if f"- `{name}`: " not in text] == []
    assert r"- `held_out`: ('a\*.jsonl',)" in text
    (row,) = [line for line in text.splitlines() if line.startswith(r"| a\|b\_ndcg@10 |")]
    value = result.held_out["a|b_ndcg@10"]
    assert row == rf"| a\|b\_ndcg@10 | {result.base_held_out['a|b_ndcg@10']:.4f} | {value:.4f} |"


def test_the_course_joins_what_is_known_of_a_step(tmp_path: Path) -> None:
    history = [
        {"loss": 0.5, "epoch": 0.1, "step": 1},
        {"eval_$x_ndcg@10": 0.25, "eval_runtime": 3.0, "epoch": 0.1, "step": 1},
        {"train_loss": 0.4, "train_runtime": 9.0, "epoch": 0.1, "step": 1},
    ]
    rows = course(history)
    assert rows == [{"epoch": 0.1, "step": 1, "loss": 0.5, "$x_ndcg@10": 0.25}]
    write_curve(tmp_path, rows)
    assert (tmp_path / "curve.csv").read_text().splitlines() == ["epoch,step,loss,$x_ndcg@10", "0.1,1,0.5,0.25"]
    write_curve(tmp_path / "not there", [])


def test_columns_are_in_one_order_whether_or_not_a_run_was_continued(tmp_path: Path) -> None:
    """A checkpoint keeps the history with its names sorted."""
    history = [{"eval_b_mrr@10": 0.5, "eval_b_loss": 0.25, "eval_a_map": 0.75, "epoch": 0.1, "step": 1}]
    tables = []
    for known in (history, json.loads(json.dumps(history, sort_keys=True))):
        write_curve(tmp_path, course(known))
        tables.append((tmp_path / "curve.csv").read_text())
    assert tables[0] == tables[1]


def test_figures_of_pairs_are_those_of_torch_and_of_a_hand() -> None:
    relevant, logits = [True, True, False, False, False], [2.0, -1.0, 3.0, -4.0, -0.5]
    figures = pair_figures(relevant, logits, 2.5)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(logits), torch.tensor(relevant).float(), pos_weight=torch.tensor(2.5)
    )
    assert figures["loss"] == pytest.approx(float(expected), rel=1e-6)
    # One hit, one missed, one false alarm.
    assert (figures["accuracy"], figures["f1"]) == (3 / 5, 1 / 2)
    assert pair_figures(np.array([False]), np.array([-1e4]), 1.0) == {"loss": 0.0, "accuracy": 1.0, "f1": 0.0}


def test_progress_is_told_from_the_first_moment_to_the_last_step(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    told: list[TrainingProgress] = []
    result = train(
        config(tmp_path, bert(tmp_path / "base"), "listwise", steps=4, evaluate_every=2), progress=told.append
    )
    assert [entry.doing for entry in told[:3]] == ["reading the data", "loading the base", "evaluating the base"]
    steps = [entry.step for entry in told if entry.n_steps]
    assert steps == sorted(steps)
    assert {*steps} == {0, 1, 2, 3, 4}
    last = [entry for entry in told if entry.n_steps][-1]
    assert (last.n_steps, last.seconds_left) == (4, 0)
    assert last.loss is not None
    assert last.pairs_per_second is not None
    assert last.pairs_per_second > 0
    assert set(last.held_out) == set(result.held_out)
