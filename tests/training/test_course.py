"""What is seen of a run on its way: its schedule, its figures, and that it diverges."""

import dataclasses
import json
import os
import re
import shutil
from pathlib import Path

import pytest
import torch
from checkpoints import bert
from training_runs import config, data, sure_base
from transformers import AutoModelForSequenceClassification

from secondpass.checkpoint.folder import Folder
from secondpass.encoder import Capabilities
from secondpass.errors import InputError, ScoringError
from secondpass.evaluation import RerankingSample
from secondpass.training import DataConfig, train
from secondpass.training.config import Loss
from secondpass.training.grouped import GroupedCrossEncoder
from secondpass.training.held_out import HeldOut, keep_until
from secondpass.training.output_folder import check_output
from secondpass.training.precision import check_bf16, training_device
from secondpass.training.resuming import find_checkpoint


@pytest.mark.parametrize(
    ("loss", "what"),
    [("bce", "the loss is nan"), ("listwise", "the loss is nan"), ("lambdaloss", "weights are no longer finite")],
)
def test_a_run_that_diverges_is_an_error_with_its_step_and_keeps_its_checkpoints(
    loss: Loss, what: str, tmp_path: Path
) -> None:
    """Adam's steps are as long as the rate: after a few, float32 has no room for what the layers compute.

    sentence-transformers' LambdaLoss masks NaN, and is 0 then.
    """
    data(tmp_path, scored=False)
    run = config(tmp_path, bert(tmp_path / "base"), loss, steps=40, evaluate_every=4, learning_rate=1e3)
    message = rf"{what} at step \d+ of 40: a lower run.learning_rate may keep it finite; checkpoints before it are in"
    with pytest.raises(ScoringError, match=message):
        train(run)
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {
        "checkpoints",
        "held_out.jsonl",
        "curve.csv",
        "curve.png",
    }
    for path in (tmp_path / "out/checkpoints").glob("checkpoint-*"):
        weights = AutoModelForSequenceClassification.from_pretrained(path)
        assert all(parameter.isfinite().all() for parameter in weights.parameters())
    shutil.rmtree(tmp_path / "out/checkpoints")
    check_output(run)  # it can begin anew in the same place


def test_a_held_out_score_that_is_no_number_is_an_error_with_its_set_and_step(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    run = config(tmp_path, bert(tmp_path / "base"), "bce", steps=9, evaluate_every=1, learning_rate=1e30)
    with pytest.raises(ScoringError, match=r"held-out set 'held' at step 1: query '1': scores must be numbers"):
        train(run)


def test_the_base_stands_first_wherever_the_figures_do(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    base = sure_base(tmp_path / "base")
    result = train(config(tmp_path, base, "listwise", steps=6))
    model = GroupedCrossEncoder(str(base), num_labels=1, activation_fn=torch.nn.Identity(), device="cpu", max_length=32)
    before = HeldOut({"held": [RerankingSample("a cat", ("the cat sleeps",), ("the dog sleeps",))]})(model)
    assert dict(result.base_held_out) == before
    facts = json.loads((result.folder / "training.json").read_text())
    assert facts["base_held_out"] == {name: round(value, 4) for name, value in before.items()}
    card = (result.folder / "README.md").read_text()
    assert "| held-out set | base | trained |" in card
    name = "held_ndcg@10"
    assert f"| held\\_ndcg@10 | {before[name]:.4f} | {result.held_out[name]:.4f} |" in card


def test_a_run_of_few_steps_is_evaluated_and_logged_on_its_way(tmp_path: Path) -> None:
    """Four lists, batches of one, three epochs: twelve steps, of which every second is evaluated, and each logged."""
    data(tmp_path, scored=False)
    run = config(tmp_path, bert(tmp_path / "base"), "listwise", steps=None, epochs=3.0, batch_size=1)
    result = train(dataclasses.replace(run, run=dataclasses.replace(run.run, evaluate_every=None)))
    log = [json.loads(line)["step"] for line in (result.folder / "held_out.jsonl").read_text().splitlines()]
    assert log == [2, 4, 6, 8, 10, 12]
    state = json.loads((result.folder / "checkpoints/checkpoint-12/trainer_state.json").read_text())
    assert [entry["step"] for entry in state["log_history"] if "loss" in entry] == [*range(1, 13)]
    again = train(dataclasses.replace(run, run=dataclasses.replace(run.run, evaluate_every=None)))
    assert (again.steps, again.held_out) == (12, result.held_out)


def test_the_last_step_is_judged_wherever_the_evaluations_fall(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    result = train(config(tmp_path, bert(tmp_path / "base"), "listwise", steps=5, evaluate_every=3))
    log = [json.loads(line)["step"] for line in (result.folder / "held_out.jsonl").read_text().splitlines()]
    assert log == [3, 5]


def test_bfloat16_warns_where_a_cpu_has_no_arithmetic_for_it(tmp_path: Path) -> None:
    slow, fast = [Capabilities(torch.device("cpu"), slow_dtypes=frozenset(dtypes)) for dtypes in ([torch.bfloat16], [])]
    with pytest.warns(UserWarning, match=r"run.bf16 is slow on this CPU, which has no instructions for it: leave it"):
        check_bf16(slow)
    check_bf16(fast)
    check_bf16(Capabilities(torch.device("cuda"), default_dtype=torch.bfloat16))
    with pytest.raises(InputError, match=r"run.bf16 needs a GPU with bfloat16 arithmetic"):
        check_bf16(Capabilities(torch.device("cuda"), default_dtype=torch.float16))
    if torch.bfloat16 in training_device().slow_dtypes:  # before anything is read: there is no data here
        with pytest.warns(UserWarning, match=r"run.bf16 is slow"), pytest.raises(InputError, match="no such file"):
            train(config(tmp_path, tmp_path / "base", "bce", bf16=True))


def test_names_that_are_not_text_cost_no_run(tmp_path: Path) -> None:
    """Safetensors cannot write to such a folder, which would show after hours; a set of such a name is in the card."""
    data(tmp_path, scored=False)
    (tmp_path / "held.jsonl").rename(tmp_path / os.fsdecode(b"caf\xe9.jsonl"))
    run = config(tmp_path, bert(tmp_path / "base"), "listwise", steps=1)
    run = dataclasses.replace(run, data=DataConfig(("train.jsonl",), ("caf*",)))
    assert r"| caf\\udce9\_ndcg@10 |" in (train(run).folder / "README.md").read_text(encoding="utf-8")
    run = dataclasses.replace(run, run=dataclasses.replace(run.run, output=os.fsdecode(b"caf\xe9")))
    with pytest.raises(InputError, match=r"the path of run.output must be Unicode text, has the lone surrogate"):
        train(run)


def test_the_log_of_figures_and_the_card_tell_of_the_run_that_is_there(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    run = config(tmp_path, sure_base(tmp_path / "base"), "bce", steps=2, evaluate_every=1)
    out = train(run).folder
    # Every pair of the four lists of one positive and three negatives.
    assert json.loads((out / "training.json").read_text())["settings"]["run"]["pos_weight"] == 3.0
    assert "- `pos_weight`: 3.0" in (out / "README.md").read_text()
    shutil.rmtree(out / "checkpoints/checkpoint-2")
    with (out / "held_out.jsonl").open("a") as file:
        file.write('{"step": 3, "held_')  # cut short by a kill
    assert train(run).n_steps_before == 1
    log = out / "held_out.jsonl"
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [1, 2]
    keep_until(log, 0)  # as where the checkpoints were removed
    assert log.read_text() == ""
    assert re.search(r"seed 1; \d+ seconds? since step 1 on ", (out / "README.md").read_text())


@pytest.mark.parametrize("content", ["", "[1]", "[" * 99_999, "3"])
def test_a_note_that_says_nothing_about_the_checkpoints_is_an_error(content: str, tmp_path: Path) -> None:
    run = config(tmp_path, tmp_path / "base", "bce")
    (tmp_path / "out/checkpoints/checkpoint-1").mkdir(parents=True)
    (tmp_path / "out/checkpoints/checkpoint-1/trainer_state.json").write_text("{}")
    (tmp_path / "out/checkpoints/checkpoint-best").mkdir()  # somebody's own
    (tmp_path / "out/checkpoints/begun_with.json").write_text(content)
    with pytest.raises(InputError, match=r"begun_with.json must say what the checkpoints beside it were begun with"):
        find_checkpoint(run, [], {}, tmp_path / "out", Folder("base", tmp_path))
    assert (tmp_path / "out/checkpoints/checkpoint-best").exists()
