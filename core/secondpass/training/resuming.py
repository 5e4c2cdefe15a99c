"""The checkpoints of a run, whether or not it was interrupted, and what it was begun with."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from secondpass.errors import InputError
from secondpass.evaluation.reranking_sets import RerankingSample
from secondpass.training.config import TrainingConfig
from secondpass.training.examples import Example

_MAY_CHANGE = {
    "model": {"saved_max_length"},
    "run": {"output", "steps", "epochs", "minutes", "evaluate_every", "average", "base_share"},
}
"""What a continued run may be told anew: how long it is, how often it is judged, where it lies."""


def complete(output: Path) -> list[Path]:
    """Complete checkpoints, oldest first; what a kill left half-written is removed."""
    found = sorted((output / "checkpoints").glob("checkpoint-*"), key=steps_of)
    for path in found:
        if not (path / "trainer_state.json").exists():
            shutil.rmtree(path)
    return [path for path in found if path.exists()]


def steps_of(checkpoint: Path) -> int:
    """After how many steps a checkpoint was written."""
    return int(checkpoint.name.split("-")[1])


def to_continue(
    config: TrainingConfig,
    examples: Sequence[Example],
    held_out: Mapping[str, Sequence[RerankingSample]],
    output: Path,
) -> Path | None:
    """The checkpoint that a run goes on from, None for a new one; what it was begun with is noted beside them.

    Raises:
        InputError: The checkpoints belong to a run with other settings or other data.
    """
    found = complete(output)
    note = output / "checkpoints" / "begun_with.json"
    facts = _facts(config, examples, held_out)
    if found and note.exists():
        begun = json.loads(note.read_text(encoding="utf-8"))
        for name, value in facts.items():
            if begun.get(name) != value:
                raise InputError(
                    f"{output}: its checkpoints must be continued with what they were begun with, but {name} was "
                    f"{begun.get(name)!r} and is {value!r}; choose another run.output, or remove the checkpoints"
                )
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return found[-1] if found else None


def _facts(
    config: TrainingConfig, examples: Sequence[Example], held_out: Mapping[str, Sequence[RerankingSample]]
) -> dict[str, object]:
    """By setting, as JSON gives it back; as hashes what is learned from, and what judges: its figures are compared."""
    settings = {
        f"{section}.{name}": list(value) if isinstance(value, tuple) else value
        for section, kept in (("model", config.model), ("run", config.run))
        for name, value in asdict(kept).items()
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
    return content.hexdigest()[:16]
