"""The folder of a run's result: what it may write over is a run's own."""

import re
from pathlib import Path

from secondpass.errors import InputError
from secondpass.files.output_folder import check_output_folder
from secondpass.model_names import bundled_folder
from secondpass.training.base_model import folder_of
from secondpass.training.config import TrainingConfig

# A run's note on what it was begun with, from before its first checkpoint on: without it, checkpoints are not ours.
NOTE = "checkpoints/begun_with.json"
# A run's figures, once it is over.
_FIGURES = "training.json"
# What a run writes when it is over, and what tells nothing about its origin.
_WRITTEN = (
    "README.md", "config.json", "config_sentence_transformers.json", "model.safetensors", "modules.json",
    "sentence_bert_config.json", "tokenizer.json", "tokenizer_config.json",
)  # fmt: skip
# How the files begin that are known by their content: the figures, and what is still there where the checkpoints of a
# run that did not end were removed. Empty ones were cut short by a kill.
_BEGINNINGS = {
    _FIGURES: re.compile(rb'\{\s*"settings": '),
    "held_out.jsonl": re.compile(rb'\{"step": '),
    "curve.csv": re.compile(rb"epoch,step\b"),
    "curve.png": re.compile(rb"\x89PNG.*tEXtSoftware\0secondpass", re.DOTALL),
}
# Bytes of a file that are enough to know it by.
_N_BYTES = 200
# What the trainer takes for one of its checkpoints, the oldest of which it removes: their copies, too.
_LIKE_CHECKPOINT = re.compile(r"checkpoint-[0-9]+")


def check_output(config: TrainingConfig) -> None:
    """Raise InputError where a run cannot write, or would write over its base, or over files of somebody else."""
    check_output_folder(config.folder / config.run.output, "run.output")
    output = (config.folder / config.run.output).resolve()
    base = folder_of(config.model.base, config.folder) or bundled_folder(config.model.base)
    if base is not None:
        place = base.resolve()
        # A run also removes its older checkpoints.
        if place == output or place.is_relative_to(output / "checkpoints"):
            raise InputError(f"run.output must be another folder than that of model.base, got {output}")
    found = _of_others(output)
    if found:
        raise InputError(
            f"run.output must be a new folder, or that of an earlier run, whose files may be written over; {output} "
            f"holds others: {', '.join(found)}"
        )


def _of_others(output: Path) -> list[str]:
    """What a run would write over, or remove, though no run has made it."""
    foreign = {name for name, beginning in _BEGINNINGS.items() if not _is_ours(output / name, beginning)}
    has_note = (output / NOTE).exists()
    folders = [path for path in (output / "checkpoints").glob("checkpoint-*") if _LIKE_CHECKPOINT.match(path.name)]
    copies = [path for path in folders if not _LIKE_CHECKPOINT.fullmatch(path.name)]
    found = [str(path.relative_to(output)) for path in sorted(copies if has_note else folders)]
    if has_note or ((output / _FIGURES).exists() and _FIGURES not in foreign):
        return found
    return sorted(foreign.union(name for name in _WRITTEN if (output / name).exists())) + found


def _is_ours(file: Path, beginning: re.Pattern[bytes]) -> bool:
    """Whether a run may write the file: there is none, or it begins as a run's."""
    if not file.exists():
        return True
    if not file.is_file():
        return False
    with file.open("rb") as content:
        head = content.read(_N_BYTES)
    return not head or beginning.match(head) is not None
