"""What a model's scores depend on, in one string."""

import copy
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import checkpoints
import peft_adapters
import pytest
from folders import FolderOf
from judgements import platt
from safetensors.torch import load_file, save_file

from secondpass import BiEncoder, Calibrated, CrossEncoder
from secondpass.checkpoint import checkpoint_files
from secondpass.checkpoint.checkpoint_files import CheckpointFiles
from secondpass.checkpoint.file_stamp import FileStamp, stamp_of
from secondpass.checkpoint.folder import Folder
from secondpass.errors import CheckpointError
from secondpass.jobs.scoring.model_identity import identity_of
from secondpass.local.local_scorer import LocalScorer
from secondpass.options import ModelOptions
from secondpass.service.served_model import ServedModel


@pytest.mark.filterwarnings("ignore:.*is slow on this CPU")
def test_a_fingerprint_changes_with_what_changes_scores_and_with_nothing_else(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path / "m")
    first = CrossEncoder(folder).fingerprint()
    (folder / "README.md").write_text("# notes\n")
    moved = folder.rename(tmp_path / "moved")
    assert CrossEncoder(moved, batch_tokens=64).fingerprint() == first
    changes = [ModelOptions(max_length=64), ModelOptions(dtype="bfloat16"), ModelOptions(activation="identity")]
    others = {CrossEncoder.from_options(str(moved), change).fingerprint() for change in changes}
    assert len(others - {first}) == 3
    checkpoints.edit_json(moved / "config.json", layer_norm_eps=0.1)
    assert CrossEncoder(moved).fingerprint() not in {first, *others}


def negate(folder: Path) -> None:
    """Save the checkpoint with all its weights negated over the one that lies there, as a training run does."""
    file = folder / "model.safetensors"
    save_file({name: -tensor for name, tensor in load_file(file).items()}, file, {"format": "pt"})


def put_in_place(folder: Path) -> None:
    """Another checkpoint of the same size, moved to where the file lies."""
    shutil.copytree(folder, folder.parent / "other")
    negate(folder.parent / "other")
    (folder.parent / "other" / "model.safetensors").replace(folder / "model.safetensors")


def rewrite_config(folder: Path) -> None:
    checkpoints.edit_json(folder / "config.json", layer_norm_eps=0.1)


def remove(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize("change", [negate, put_in_place, rewrite_config, remove])
@pytest.mark.parametrize(("load", "layout"), [(CrossEncoder, "bert"), (BiEncoder, "base_transformer")])
def test_files_that_lie_there_later_are_not_those_that_were_loaded(
    load: Callable[..., LocalScorer], layout: str, change: Callable[[Path], None], tmp_path: Path, folder_of: FolderOf
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(folder_of(layout), folder)
    before, early = load(folder), load(folder)
    known = early.fingerprint()
    change(folder)
    with pytest.raises(CheckpointError, match=r"\.(safetensors|json) was changed, moved or removed"):
        before.fingerprint()
    assert early.fingerprint() == known, "it has read the files that it was loaded from"
    if change is not remove:
        assert load(folder).fingerprint() == copy.copy(before).fingerprint() != known, "a copy is loaded now"


def test_nothing_is_said_of_a_model_by_files_that_came_later(tmp_path: Path, folder_of: FolderOf) -> None:
    folder = tmp_path / "model"
    shutil.copytree(folder_of("bert"), folder)
    model = CrossEncoder(folder, activation="identity")
    negate(folder)
    calibration = platt(fingerprint=CrossEncoder(folder, activation="identity").fingerprint())
    for use in (lambda: Calibrated(model, calibration), lambda: identity_of(model, ModelOptions())):
        with pytest.raises(CheckpointError, match="load the model again"):
            use()
    assert ServedModel(name="m", scorer=model).fingerprints() == {"raw": None, "served": None}


def test_a_relative_folder_is_the_one_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder_of: FolderOf
) -> None:
    monkeypatch.chdir(folder_of("bert"))
    model = CrossEncoder(".")
    monkeypatch.chdir(tmp_path)
    assert model.fingerprint() == CrossEncoder(folder_of("bert")).fingerprint()


def test_links_of_a_snapshot_are_the_files_they_lead_to(tmp_path: Path, folder_of: FolderOf) -> None:
    snapshot, blobs = tmp_path / "snapshot", tmp_path / "blobs"
    shutil.copytree(folder_of("bert"), blobs)
    snapshot.mkdir()
    for file in blobs.iterdir():
        (snapshot / file.name).symlink_to(os.path.relpath(file, snapshot))
    model, other = CrossEncoder(snapshot), CrossEncoder(snapshot)
    assert model.fingerprint() == CrossEncoder(folder_of("bert")).fingerprint()
    negate(blobs)
    with pytest.raises(CheckpointError, match=r"model.safetensors was changed"):
        other.fingerprint()


def test_the_base_of_an_adapter_is_among_its_files(tmp_path: Path) -> None:
    base = checkpoints.bert(tmp_path / "base")
    model = CrossEncoder(peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora()))
    negate(base)
    with pytest.raises(CheckpointError, match=r"base/model.safetensors was changed"):
        model.fingerprint()


def test_a_file_that_is_written_over_while_the_others_are_read_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoints.bert(tmp_path)
    files = CheckpointFiles(Folder(str(folder), folder))
    last = files._files[-1].path

    def look(path: Path) -> FileStamp | None:
        stamp = stamp_of(path)
        if path == last:  # the last look: from here on, files are read
            last.write_bytes(last.read_bytes() + b" ")
        return stamp

    monkeypatch.setattr(checkpoint_files, "stamp_of", look)
    with pytest.raises(CheckpointError, match="was changed, moved or removed after the model was loaded"):
        files.digest()
