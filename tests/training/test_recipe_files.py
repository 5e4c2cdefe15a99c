"""The recipes in examples/ run as they stand, for a few steps of a small model on small data."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from training_runs import ANIMALS, data, held_out_lists, sure_base

from secondpass import CrossEncoder
from secondpass.training import read_config, train

EXAMPLES = Path(__file__).parents[2] / "examples"


def files(folder: Path) -> None:
    """Every file that the recipes name."""
    data(folder, scored=True)
    (folder / "train.jsonl").rename(folder / "teacher.jsonl")
    held_out_lists(folder / "teacher.jsonl", folder / "held-out-teacher.jsonl")
    data(folder, scored=False)
    (folder / "train.jsonl").rename(folder / "labelled.jsonl")
    (folder / "held.jsonl").rename(folder / "held-out.jsonl")
    texts = {
        "corpus.jsonl": {animal: f"the {animal} sleeps {animal}" for animal in (*ANIMALS, "a", "the")},
        "queries.jsonl": {f"q-{animal}": f"the {animal} sleeps" for animal in ANIMALS},
    }
    for name, lines in texts.items():
        rows = [json.dumps({"_id": key, "text": text}) + "\n" for key, text in lines.items()]
        (folder / name).write_text("".join(rows))
    (folder / "qrels.trec").write_text("".join(f"q-{animal} 0 {animal} 2\n" for animal in ANIMALS))


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("train_*.toml")))
def test_a_recipe_runs_and_saves_a_model(name: str, tmp_path: Path) -> None:
    files(tmp_path)
    shutil.copy(EXAMPLES / name, tmp_path)
    config = read_config(tmp_path / name)
    model = dataclasses.replace(config.model, base=str(sure_base(tmp_path / "base")), max_length=32)
    run = dataclasses.replace(config.run, steps=3)
    result = train(dataclasses.replace(config, model=model, run=run))
    assert result.steps == 3
    assert result.folder == tmp_path / config.run.output
    assert CrossEncoder(result.folder).score("a cat", ["the cat sleeps", "a dog"]).shape == (2,)
    assert result.held_out["held-out_ndcg@10"] <= 1
