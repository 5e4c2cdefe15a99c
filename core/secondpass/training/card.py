"""The model card of a training run."""

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import torch

from secondpass.training.config import TrainingConfig
from secondpass.training.result import TrainingResult
from secondpass.training.words import counted, duration

# Packages whose versions are recorded.
_PACKAGES = ("sentence-transformers", "transformers", "torch")


def write_card(
    folder: Path,
    config: TrainingConfig,
    result: TrainingResult,
    *,
    n_examples: int,
    losses: tuple[float, float] | None,
) -> None:
    """Write `README.md` and, for programs, `training.json` into the checkpoint's folder.

    Args:
        folder: The checkpoint.
        config: The run's settings.
        result: The run's result.
        n_examples: Number of queries with documents that were learned from.
        losses: First and last training loss logged; None: none was.
    """
    settings = {"model": asdict(config.model), "data": asdict(config.data), "run": asdict(config.run)}
    facts = {
        "settings": settings,
        "n_examples": n_examples,
        "steps": result.steps,
        "minutes": round(result.minutes, 1),
        "chosen": result.chosen,
        "base_held_out": {name: round(value, 4) for name, value in result.base_held_out.items()},
        "held_out": {name: round(value, 4) for name, value in result.held_out.items()},
        "loss": None if losses is None else {"first": losses[0], "last": losses[1]},
        "versions": {name: version(name) for name in _PACKAGES},
    }
    (folder / "training.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(
        _card(config, result, n_examples, losses), encoding="utf-8", errors="backslashreplace"
    )  # names come from folders, whose bytes may be no text


def _card(config: TrainingConfig, result: TrainingResult, n_examples: int, losses: tuple[float, float] | None) -> str:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or platform.machine()
    rows = [f"| {name} | {result.base_held_out[name]:.4f} | {value:.4f} |" for name, value in result.held_out.items()]
    held_out = ["| held-out set | base | trained |", "|---|---|---|", *rows] if rows else ["No held-out set was given."]
    n_queries = counted(n_examples, "query", "queries")
    trained = (
        f"Recipe `{config.run.loss}` on {n_queries} with documents; {counted(result.steps, 'step')} of "
        f"{config.run.batch_size}, learning rate {config.run.learning_rate:g}, at most "
        f"{config.model.max_length} tokens per pair, seed {config.run.seed}; {duration(result.minutes)} on {device}."
    )
    loss = "" if losses is None else f" The training loss went from {losses[0]:.4f} to {losses[1]:.4f}."
    return "\n".join(
        [
            "---",
            "library_name: sentence-transformers",
            "pipeline_tag: text-ranking",
            "tags: [cross-encoder, reranker, secondpass]",
            "---",
            f"# {result.folder.name}",
            "",
            "A cross-encoder: one logit per (query, document) pair, higher is more relevant.",
            f"Trained from `{config.model.base}`.",
            "",
            "## Training",
            "",
            trained + loss,
            f"Saved: {result.chosen}.",
            "",
            "## Held-out evaluation",
            "",
            *held_out,
            "",
            "All settings and versions: `training.json`.",
            "",
        ]
    )
