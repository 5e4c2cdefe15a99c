"""A run writes over its own files, and over nobody else's."""

import dataclasses
from io import BytesIO
from pathlib import Path

import pytest
from checkpoints import bert
from training_runs import config

from secondpass.errors import InputError
from secondpass.training import TrainingConfig, train
from secondpass.training.curve import Row, write_curve
from secondpass.training.output_folder import check_output


def writing_to(folder: Path, output: str, base: str = "base") -> TrainingConfig:
    run = config(folder, Path(base), "bce")
    return dataclasses.replace(run, run=dataclasses.replace(run.run, output=output))


def test_a_folder_with_a_card_of_its_own_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("my project\n")
    (tmp_path / "checkpoints").mkdir()  # of another program
    with pytest.raises(InputError, match=r"run.output must be a new folder, or .* holds others: README.md$"):
        train(writing_to(tmp_path, "."))  # there are neither data nor a base
    assert (tmp_path / "README.md").read_text() == "my project\n"


@pytest.mark.parametrize(("output", "what"), [("file", "something that is not one"), ("file/new", "a path through ")])
def test_a_file_in_its_place_is_refused_before_anything_is_read(output: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=rf"run.output must be a folder or a new path, got {what}"):
        train(writing_to(tmp_path, output))


def test_a_model_and_a_table_of_somebody_else_are_refused(tmp_path: Path) -> None:
    bert(tmp_path / "model")
    with pytest.raises(InputError, match=r"holds others: config.json, model.safetensors, tokenizer.json, tokenizer_co"):
        check_output(writing_to(tmp_path, "model"))
    (tmp_path / "held_out.jsonl").write_text("{}\n")  # perhaps what is to judge the run
    with pytest.raises(InputError, match=r"holds others: held_out.jsonl$"):
        check_output(writing_to(tmp_path, "."))


@pytest.mark.parametrize("base", ["base", "../base", "base/checkpoints/checkpoint-500"])
def test_a_base_is_not_written_over_by_any_name_of_its_folder(base: str, tmp_path: Path) -> None:
    """Neither are older checkpoints kept, so that none of the run's own can be its base."""
    (tmp_path / "base/checkpoints/checkpoint-500").mkdir(parents=True)
    (tmp_path / "base/training.json").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "base")
    inner = tmp_path / "inner"
    inner.mkdir()
    folder, output = (inner, "../link") if base.startswith("..") else (tmp_path, "link")
    with pytest.raises(InputError, match=r"run.output must be another folder than that of model.base, got .*base"):
        check_output(writing_to(folder, output, base))


def test_new_folders_and_those_of_runs_are_written_to(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "train.jsonl").write_text("")
    check_output(writing_to(tmp_path, "."))
    check_output(writing_to(tmp_path, "new/folder"))
    for mark in ("over/training.json", "broken/checkpoints/begun_with.json"):
        (tmp_path / mark).parent.mkdir(parents=True)
        (tmp_path / mark).write_text('{\n  "settings": {}\n}\n')
        output = mark.split("/")[0]
        (tmp_path / output / "README.md").write_text("the run's own\n")
        check_output(writing_to(tmp_path, output))


@pytest.mark.parametrize("rows", [[{"epoch": 0.5, "step": 1, "loss": 0.25}], [{"epoch": 1.0, "step": 2, "x": 0.5}]])
@pytest.mark.parametrize("log", ['{"step": 1, "x": 0.5}\n', ""])
def test_what_is_left_where_checkpoints_were_removed_is_no_obstacle(log: str, rows: list[Row], tmp_path: Path) -> None:
    """Of a run that did not end: as the error that refuses to continue another run's advises."""
    write_curve(tmp_path, rows)
    (tmp_path / "held_out.jsonl").write_text(log)
    check_output(writing_to(tmp_path, "."))
    (tmp_path / "curve.png").write_text("")  # cut short by a kill
    check_output(writing_to(tmp_path, "."))


def _drawn_by_others() -> bytes:
    from matplotlib.figure import Figure

    picture = BytesIO()
    Figure().savefig(picture)
    return picture.getvalue()


def test_curves_and_figures_of_somebody_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text("step,value\n")
    (tmp_path / "curve.png").write_bytes(_drawn_by_others())
    (tmp_path / "held_out.jsonl").mkdir()
    (tmp_path / "training.json").write_text("[]")  # perhaps what is learned from
    with pytest.raises(InputError, match=r"holds others: curve.csv, curve.png, held_out.jsonl, training.json$"):
        check_output(writing_to(tmp_path, "."))


@pytest.mark.parametrize("figures", [False, True])
def test_checkpoints_without_a_note_are_refused(figures: bool, tmp_path: Path) -> None:  # noqa: FBT001 - pytest's parameter
    """Neither those that look whole nor those that look half-written are known to be a run's."""
    for name, file in (("checkpoint-7", "weights.bin"), ("checkpoint-12", "trainer_state.json")):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
        (tmp_path / "checkpoints" / name / file).write_text("{}")
    if figures:
        (tmp_path / "training.json").write_text('{"settings": {}}')
    with pytest.raises(InputError, match=r"holds others: checkpoints/checkpoint-12, checkpoints/checkpoint-7$"):
        train(writing_to(tmp_path, "."))
    assert (tmp_path / "checkpoints/checkpoint-7/weights.bin").exists()


def test_a_copy_of_a_checkpoint_is_refused_where_the_trainer_would_remove_it(tmp_path: Path) -> None:
    """It takes all folders for its checkpoints whose names begin as theirs do."""
    for name in ("checkpoint-7", "checkpoint-7-copy", "checkpoint-best"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    (tmp_path / "checkpoints/begun_with.json").write_text("{}")
    with pytest.raises(InputError, match=r"holds others: checkpoints/checkpoint-7-copy$"):
        check_output(writing_to(tmp_path, "."))
