"""The folder of a run's result: what it may write over is a run's own."""

from secondpass.errors import InputError
from secondpass.files import check_output_folder
from secondpass.model_names import bundled_folder
from secondpass.training.base_model import folder_of
from secondpass.training.config import TrainingConfig

# What tells that a run has been here: its figures once it is over, its note before its first checkpoint.
_OF_RUNS = ("training.json", "checkpoints/begun_with.json")
# What a run writes when it is over.
_WRITTEN = (
    "README.md", "config.json", "config_sentence_transformers.json", "model.safetensors", "modules.json",
    "sentence_bert_config.json", "tokenizer.json", "tokenizer_config.json",
)  # fmt: skip
# What it writes from its first evaluation on, so that it is still there where the checkpoints of a run that did not end
# were removed; and what every line of it begins with.
_LOG, _LINE = "held_out.jsonl", b'{"step": '


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
    if any((output / name).exists() for name in _OF_RUNS):
        return
    found = [name for name in _WRITTEN if (output / name).exists()]
    log = output / _LOG
    if log.exists() and (content := log.read_bytes()) and not content.startswith(_LINE):
        found.append(_LOG)
    if found:
        raise InputError(
            f"run.output must be a new folder, or that of an earlier run, whose files may be written over; {output} "
            f"holds others: {', '.join(found)}"
        )
