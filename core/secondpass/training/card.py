"""The model card of a training run: the tables that cards of cross-encoders have, with a header that a hub reads."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import torch
from huggingface_hub import EvalResult, ModelCardData

from secondpass.files.markdown import escaped, table_row
from secondpass.files.printable import printable
from secondpass.files.whole_files import write_text
from secondpass.model_names import bundled_folder, local_folder
from secondpass.quantities import count, duration
from secondpass.training.config import TrainingConfig
from secondpass.training.curve import Row, names_of
from secondpass.training.held_out import METRIC
from secondpass.training.result import TrainingResult

# Packages whose versions are recorded.
_PACKAGES = ("secondpass", "sentence-transformers", "transformers", "torch", "accelerate", "datasets", "tokenizers")
# How the log's columns are called on cards.
_TITLES = {"epoch": "Epoch", "step": "Step", "loss": "Training Loss"}
_WHAT = "A cross-encoder: one logit per (query, document) pair, higher is more relevant."
# What hubs call the task.
_TASK, _TASK_NAME = "cross-encoder-reranking", "Cross Encoder Reranking"


def write_card(
    folder: Path,
    config: TrainingConfig,
    result: TrainingResult,
    *,
    n_examples: int,
    rows: Sequence[Row],
    given: Mapping[str, float],
) -> None:
    """Write `README.md` and, for programs, `training.json` into the checkpoint's folder.

    Args:
        folder: The checkpoint.
        config: The run's settings.
        result: The run's result.
        n_examples: Number of queries with documents that were learned from.
        rows: The run's course.
        given: Figures of the held-out sets' given orders, by the names of `result.held_out`.
    """
    settings = {"model": asdict(config.model), "data": asdict(config.data), "run": asdict(config.run)}
    all_settings = {name: value for part in settings.values() for name, value in part.items()}
    losses = [row["loss"] for row in rows if "loss" in row]
    facts = {
        "settings": settings,
        "n_examples": n_examples,
        "steps": result.steps,
        "n_steps_before": result.n_steps_before,
        "minutes": round(result.minutes, 1),
        "chosen": result.chosen,
        "base_held_out": _rounded(result.base_held_out),
        "held_out": _rounded(result.held_out),
        "given_order": _rounded(given),
        "loss": {"first": losses[0], "last": losses[-1]} if losses else None,
        "course": list(rows),
        "versions": {name: version(name) for name in _PACKAGES},
    }
    write_text(folder / "training.json", json.dumps(facts, indent=2) + "\n")
    parts = [
        f"---\n{_header(config, result)}\n---",
        f"# {result.folder.name}",
        f"{_WHAT}\nTrained from `{config.model.base}`.",
        "## Training",
        _summary(config, result, n_examples, losses),
        *_log(rows),
        "### Training hyperparameters",
        "\n".join(f"- `{name}`: {escaped(printable(str(value)))}" for name, value in all_settings.items()),
        "## Held-out evaluation",
        _held_out(result, given),
        "### Framework versions",
        "\n".join([f"- Python: {platform.python_version()}", *(f"- {name}: {version(name)}" for name in _PACKAGES)]),
        "All settings and figures: `training.json`.",
    ]
    write_text(folder / "README.md", "\n\n".join(parts) + "\n")


def _header(config: TrainingConfig, result: TrainingResult) -> str:
    """The card's YAML."""
    results = [
        EvalResult(
            task_type=_TASK,
            task_name=_TASK_NAME,
            dataset_type=printable(name.rpartition("_")[0]),
            dataset_name=printable(name.rpartition("_")[0]),
            metric_type=name.rpartition("_")[2],
            metric_value=round(value, 4),
        )
        for name, value in result.held_out.items()
        if name != METRIC
    ]
    base = config.model.base
    is_folder = bundled_folder(base) is not None or local_folder(base, config.folder) is not None
    data = ModelCardData(
        library_name="sentence-transformers",
        pipeline_tag="text-ranking",
        tags=["cross-encoder", "reranker", "secondpass", f"loss:{config.run.loss}"],
        base_model=None if is_folder else base,
        datasets=list(config.data.names) or None,
        metrics=list(dict.fromkeys(entry.metric_type for entry in results)) or None,
        model_name=printable(result.folder.name) if results else None,
        eval_results=results or None,
    )
    return str(data.to_yaml())


def _summary(config: TrainingConfig, result: TrainingResult, n_examples: int, losses: Sequence[float]) -> str:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or platform.machine()
    n_queries = count(n_examples, "query", "queries")
    loss = f" The training loss went from {losses[0]:.4f} to {losses[-1]:.4f}." if losses else ""
    since = f" since step {result.n_steps_before}" if result.n_steps_before else ""
    time = f"{duration(result.minutes)}{since} on {device}"
    return (
        f"Recipe `{config.run.loss}` on {n_queries} with documents; {count(result.steps, 'step')} of "
        f"{config.run.batch_size}, learning rate {config.run.learning_rate:g}, at most "
        f"{config.model.max_length} tokens per pair, seed {config.run.seed}; {time}."
        f"{loss}\nSaved: {result.chosen}."
    )


def _log(rows: Sequence[Row]) -> list[str]:
    """The training log, with its picture."""
    if not rows:
        return []
    names = names_of(rows)
    lines = [[_cell(row, name) for name in names] for row in rows]
    return ["### Training logs", _table([_TITLES.get(name, name) for name in names], lines), "![curve](curve.png)"]


def _held_out(result: TrainingResult, given: Mapping[str, float]) -> str:
    """Before and after, and the difference to the given order where there is one."""
    if not result.held_out:
        return "No held-out set was given."
    lines = []
    for name, value in result.held_out.items():
        difference = f" ({value - given[name]:+.4f})" if name in given else ""
        lines.append([name, f"{result.base_held_out[name]:.4f}", f"{value:.4f}{difference}"])
    note = "\n\nIn brackets: the difference to the order the documents came in." if given else ""
    return _table(["held-out set", "base", "trained"], lines) + note


def _cell(row: Row, name: str) -> str:
    if name not in row:
        return "-"
    return f"{row[name]:.0f}" if name == "step" else f"{row[name]:.4f}"


def _table(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    first, *rest = ([escaped(printable(cell)) for cell in row] for row in (titles, *lines))
    return "\n".join(map(table_row, (first, ["---"] * len(titles), *rest)))


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}
