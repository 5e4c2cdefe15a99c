"""The checkpoints that an interrupted run continues from, and the settings and data that it was begun with."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch

from secondpass.checkpoint.checkpoint_files import CheckpointFiles
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.weights import stored_files
from secondpass.errors import InputError
from secondpass.evaluation.reranking_sets import RerankingSample
from secondpass.files.text import read_text
from secondpass.files.whole_files import remove_unfinished, write_text
from secondpass.training.config import ModelConfig, RunConfig, TrainingConfig
from secondpass.training.data import HeldOutSet
from secondpass.training.examples import Example
from secondpass.training.output_folder import NOTE

# The settings that may change when a run is continued: how long it is, how often it is evaluated, where it lies.
_MAY_CHANGE = {
    "model": {"saved_max_length"},
    "run": {"output", "steps", "epochs", "minutes", "evaluate_every", "average", "base_share"},
}

# What a note calls the base's files; notes of earlier versions lack it.
_BASE = "the base"
# Digits of a digest in a note.
_DIGITS = 16

# What a setting was for a run that was begun when it did not exist yet.
_DEFAULTS = {f"run.{setting.name}": setting.default for setting in fields(RunConfig)}

# What transformers calls weights.
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")

# The folders that the trainer makes.
_CHECKPOINT = re.compile(r"checkpoint-[0-9]+")


def complete_checkpoints(output: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    return [path for path in _checkpoints(output) if _is_complete(path)]


def _checkpoints(output: Path) -> list[Path]:
    """All checkpoints, oldest first, with those that a kill left half-written or half-removed."""
    folders = (output / "checkpoints").glob("checkpoint-*")
    return sorted((path for path in folders if _CHECKPOINT.fullmatch(path.name)), key=steps_of)


def _is_complete(checkpoint: Path) -> bool:
    """Whether the file that the trainer writes last is there, and whole, and the model as well.

    A kill while the trainer removes an old checkpoint leaves any of its files.
    """
    folder, state = Folder(str(checkpoint), checkpoint), checkpoint / "trainer_state.json"
    needed = ("config.json", "tokenizer_config.json", state.name)
    if not (any(stored_files(folder, name) for name in _WEIGHTS) and all(map(folder.has, needed))):
        return False
    try:
        return isinstance(json.loads(state.read_bytes()), dict)
    except ValueError:  # a kill cut it short
        return False


def steps_of(checkpoint: Path) -> int:
    """The number of steps after which a checkpoint was written."""
    return int(checkpoint.name.split("-")[1])


def find_checkpoint(
    config: TrainingConfig,
    examples: Sequence[Example],
    held_out: Mapping[str, HeldOutSet],
    output: Path,
    base: Folder,
) -> Path | None:
    """The checkpoint to continue from, None for a new run; what the run was begun with is noted beside the checkpoints.

    Those that a kill left half-written or half-removed are removed.

    Args:
        config: The run's settings.
        examples: What it learns from.
        held_out: What judges it, by the names of the sets.
        output: Its folder.
        base: The files of its base.

    Raises:
        InputError: The checkpoints belong to a run with other settings, another base or other data, or to none.
    """
    checkpoints = complete_checkpoints(output)
    incomplete = [path for path in _checkpoints(output) if path not in checkpoints]
    note = output / NOTE
    # Where the base is a run's result, too, its figures say when that was, and change while its weights do not.
    digest = CheckpointFiles(base, without=("training.json",)).digest()
    facts = _facts(config, examples, held_out) | {_BASE: f"sha256 {digest[:_DIGITS]}"}
    if checkpoints or incomplete:
        begun = _begun_with(note)
        if checkpoints:
            _check_same(begun, facts, output)
    for path in incomplete:
        shutil.rmtree(path)
    note.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(note.parent)
    # Whole, for checkpoints are worth nothing beside half a note.
    write_text(note, json.dumps(facts, indent=2) + "\n")
    return checkpoints[-1] if checkpoints else None


def _begun_with(note: Path) -> dict[str, object]:
    """What the checkpoints beside a note were begun with; raise InputError where it does not say that."""
    try:
        return dict(json.loads(read_text(note)))
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{note} must say what the checkpoints beside it were begun with; remove them") from error


def _check_same(begun: Mapping[str, object], facts: Mapping[str, object], output: Path) -> None:
    """Raise InputError unless a run is the one that was begun."""
    for name, value in facts.items():
        before = begun.get(name, value if name == _BASE else _DEFAULTS.get(name))
        if before != value:
            raise InputError(
                f"{output}: its checkpoints must be continued with what they were begun with, but {name} was "
                f"{before!r} and is {value!r}; choose another run.output, or remove the checkpoints"
            )


def check_groups(checkpoint: Path, groups: Sequence[Mapping[str, Any]], config: TrainingConfig) -> None:
    """Raise InputError unless a checkpoint's optimizer has the same groups of parameters as a run's.

    Args:
        checkpoint: Its folder.
        groups: The run's, each with its parameters as `params`.
        config: The run's settings, to name the one that made the difference.
    """
    file = checkpoint / "optimizer.pt"
    if not file.exists():  # removed to save room: the trainer starts its averages anew
        return
    saved = torch.load(file, map_location="meta", weights_only=True)["param_groups"]
    before, now = ([len(group["params"]) for group in part] for part in (saved, groups))
    if before == now:
        return
    way_out = "choose another run.output, or remove the checkpoints"
    if sum(before) != sum(now):  # the base's files are others, which notes of earlier versions do not tell
        raise InputError(
            f"{checkpoint}: it must be continued with the model it was begun with, but {_learning(config.model)} "
            f"leaves {sum(now)} parameters to learn, which were {sum(before)}; {way_out}"
        )
    # The same parameters in other groups: those of the head are apart, and those that do not decay.
    has_head = config.run.head_learning_rate is not None or len(before) != len(now)
    setting = "head_learning_rate" if has_head else "weight_decay"
    raise InputError(
        f"{checkpoint}: it must be continued as it was begun, but run.{setting} is for other parameters of this model "
        f"now: groups of {now} parameters were {before}; {way_out}"
    )


def _learning(model: ModelConfig) -> str:
    """The settings that decide which parameters there are to learn, as far as they are given."""
    settings = {"base": model.base, "layers": model.layers, "freeze": list(model.freeze) or None}
    return ", ".join(f"model.{name} = {value!r}" for name, value in settings.items() if value is not None)


def _facts(
    config: TrainingConfig, examples: Sequence[Example], held_out: Mapping[str, HeldOutSet]
) -> dict[str, object]:
    """Settings by name, as JSON gives them back, and hashes of the data.

    Held-out data is among them: figures on other sets could not be compared with those before.
    """
    settings = {
        f"{section}.{name}": list(value) if isinstance(value, tuple) else value
        for section, part in (("model", config.model), ("run", config.run))
        for name, value in asdict(part).items()
        if name not in _MAY_CHANGE[section]
    }
    samples = [sample for name in sorted(held_out) for sample in held_out[name]]
    return settings | {
        "the data": f"{len(examples)} examples, sha256 {_sha256(examples)}",
        "held-out data": f"{len(samples)} queries, sha256 {_sha256(samples)}",
    }


def _sha256(records: Iterable[Example | RerankingSample]) -> str:
    content = hashlib.sha256()
    for record in records:
        content.update(json.dumps(asdict(record)).encode())
    return content.hexdigest()[:_DIGITS]
