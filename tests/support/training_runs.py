"""Small training runs about animals."""

import dataclasses
import json
from pathlib import Path

from checkpoints import bert, words

from secondpass.training import DataConfig, ModelConfig, RunConfig, TrainingConfig
from secondpass.training.config import Loss

ANIMALS = ("cat", "dog", "horse", "bird")


def data(folder: Path, *, scored: bool) -> None:
    """Queries about animals; the document that names the animal is the right one."""
    rows: list[dict[str, object]] = []
    for animal in ANIMALS:
        others = [f"the {other} sleeps" for other in ANIMALS if other != animal]
        row: dict[str, object] = {"query": f"a {animal}"}
        if scored:
            row |= {"documents": [f"the {animal} sleeps", *others], "scores": [4.0, 1.0, 0.5, 0.0]}
        else:
            row |= {"positive": f"the {animal} sleeps", "negative": others}
        rows.append(row)
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    held_out = [{"query": "the cat", "positive": ["the cat sleeps"], "negative": ["the dog sleeps"]}]
    (folder / "held.jsonl").write_text("".join(json.dumps(row) + "\n" for row in held_out))


def held_out_lists(file: Path, to: Path) -> None:
    """The scored lists of a file under other queries about the same animals."""
    to.write_text(file.read_text().replace('"a ', '"the '))


def sure_base(folder: Path) -> Path:
    """A base that starts from the same numbers in every run: what training does to it does not depend on luck."""
    return bert(folder, tokenizer=words(["a", "the", "sleeps", *ANIMALS]))


def config(folder: Path, base: Path, loss: Loss, **run: object) -> TrainingConfig:
    settings = RunConfig(
        loss, "out", batch_size=4, steps=6, learning_rate=5e-3, evaluate_every=3, decay="constant", seed=1
    )
    return TrainingConfig(
        ModelConfig(str(base), max_length=32, dropout=0.0),
        DataConfig(("train.jsonl",), ("held.jsonl",)),
        dataclasses.replace(settings, **run),  # type: ignore[arg-type] # fields of RunConfig
        folder,
    )
