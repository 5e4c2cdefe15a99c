"""What `secondpass train` says on its way and at its end."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from training_runs import config, data, sure_base

from secondpass.cli.train import figures_of, result_table, training_bar
from secondpass.training import TrainingProgress, TrainingResult, train


def test_the_table_shows_before_and_after() -> None:
    name = os.fsdecode(b"caf\xe9 [a]")
    result = TrainingResult(Path("out"), 1, 1.0, {name: 0.75}, "best checkpoint", {name: 0.5})
    written = StringIO()
    Console(width=80, file=written).print(result_table(result))
    for text in ("1 step, 60 seconds; saved: best checkpoint", "caf\\udce9 [a]", "base", "0.5000", "trained", "0.7500"):
        assert text in " ".join(written.getvalue().split())


def test_the_bar_says_what_is_known() -> None:
    held_out = {"held_map": 0.25, "mean ndcg@10": 0.5, "teacher_tau": 0.125}
    progress = TrainingProgress("training", 3, 9, 0.25, 12.34, 3661.2, held_out)
    expected = "loss 0.2500, 12.3 pairs/s, 1:01:01 left, mean ndcg@10 0.5000, teacher_tau 0.1250"
    assert figures_of(progress) == expected
    assert figures_of(TrainingProgress("reading the data")) == ""


def test_a_log_has_a_line_per_stage_and_none_twice() -> None:
    written = StringIO()
    with training_bar(Console(file=written, width=40)) as tell:
        for doing in ("reading the data", "training", "training"):
            tell(TrainingProgress(doing, n_steps=4))
        tell(TrainingProgress("training", 2, 4, held_out={"mean ndcg@10": 0.5, "[a]_tau": 0.25}))
    lines = ["reading the data", "training", "training: mean ndcg@10 0.5000, [a]_tau 0.2500"]
    assert written.getvalue().splitlines() == lines


def test_a_log_has_each_evaluation_once(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    written = StringIO()
    with training_bar(Console(file=written, width=80)) as tell:
        train(config(tmp_path, sure_base(tmp_path / "base"), "listwise"), progress=tell)
    lines = [line for line in written.getvalue().splitlines() if "mean ndcg@10" in line]
    evaluations = (tmp_path / "out" / "held_out.jsonl").read_text().splitlines()
    figures = [f"mean ndcg@10 {json.loads(line)['mean ndcg@10']:.4f}" for line in evaluations]
    assert [line.partition(": ")[2] for line in lines] == list(dict.fromkeys(figures))


def test_a_terminal_shows_the_bar_with_its_figures() -> None:
    written = StringIO()
    with training_bar(Console(file=written, width=100, force_terminal=True)) as tell:
        tell(TrainingProgress("training", 2, 4, 0.5, 10.0, 60.0, {}))
    for text in ("training", "2/4", "loss 0.5000, 10.0 pairs/s, 0:01:00 left"):
        assert text in written.getvalue()


def test_standard_error_has_the_commands_lines_alone(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    sure_base(tmp_path / "base")
    (tmp_path / "run.toml").write_text(
        '[model]\nbase = "base"\nmax_length = 32\n[data]\ntrain = ["train.jsonl"]\nheld_out = ["held.jsonl"]\n'
        '[run]\nloss = "bce"\noutput = "out"\nsteps = 1\n'
    )
    command = [sys.executable, "-m", "secondpass", "train", str(tmp_path / "run.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    told = [line.partition(":")[0] for line in done.stderr.splitlines()]
    expected = "reading the data, loading the base, evaluating the base, training, evaluating, choosing the weights"
    assert [line for line in told if line not in expected.split(", ")] == []
