"""What a training run is: one TOML file, checked before anything is loaded."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_type_hints

from secondpass.errors import InputError
from secondpass.files import read_text

Loss = Literal["bce", "lambdaloss", "ranknet", "margin-mse", "listwise"]
Decay = Literal["linear", "cosine", "constant"]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What is trained, and how it is built.

    Args:
        base: A folder or hub id: an encoder (it gets a fresh head) or a cross-encoder with one label.
        max_length: Tokens of a pair in training, special tokens included.
        saved_max_length: The limit written into the checkpoint; None: `max_length`.
        layers: Keep the first so many layers of the base; None: all.
        dropout: From 0.0 to 1.0, everywhere in the model.
        freeze: Parameters whose name holds one of these strings keep their values.
    """

    base: str
    max_length: int = 256
    saved_max_length: int | None = None
    layers: int | None = None
    dropout: float = 0.1
    freeze: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DataConfig:
    """What is learned from. Paths may hold `*` and are relative to the TOML file.

    Args:
        train: JSONL files of teacher-scored lists (`query`, `documents`, `scores`) or of labelled examples (`query`,
            `positive`, and `negative` unless negatives are mined).
        held_out: Re-ranking sets, JSONL; their mean NDCG@10 chooses the checkpoint.
        held_out_queries: How many of each set are evaluated while training, the first ones; None: all.
        corpus: BEIR-style corpus to mine BM25 negatives from, for examples that bring none.
        queries: BEIR-style queries; with `qrels` and `corpus` they are training data too.
        qrels: TREC qrels of these queries.
        negatives: How many are mined for a query, at least 1.
        mine_from: Ranks of BM25's list that negatives are drawn from, first and last, 1 the best.
    """

    train: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    held_out_queries: int | None = None
    corpus: str | None = None
    queries: str | None = None
    qrels: str | None = None
    negatives: int = 7
    mine_from: tuple[int, int] = (3, 50)


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How it is learned.

    Args:
        loss: The recipe; see `secondpass.training.recipes`.
        output: The folder of the result, relative to the TOML file; checkpoints go into `output/checkpoints`.
        pos_weight: Weight of positives in `bce`; None: negatives over positives, counted.
        batch_size: Queries (lists) in one step, or pairs for `bce`.
        steps: Optimiser steps; None: `epochs` decide.
        epochs: Passes over the data, where `steps` is not given.
        minutes: Stop, keeping what is best, after this much time; None: never.
        learning_rate: Of the encoder.
        head_learning_rate: Of pooler and classifier; None: the encoder's.
        warmup_steps: Steps in which the rates grow from 0.
        decay: What the rates do then.
        weight_decay: AdamW's.
        evaluate_every: Steps between evaluations, which are also the checkpoints.
        average: Besides the best checkpoint, try the mean of this many last ones; 1: do not.
        base_share: Try both also with this share of the base's weights mixed in, which often keeps more of what it
            knew about other texts (Wortsman et al., 2022); 0: do not. For bases that are rerankers already.
        seed: Of everything random.
        bf16: bfloat16 autocast, on CPUs too.
    """

    loss: Loss
    output: str
    pos_weight: float | None = None
    batch_size: int = 16
    steps: int | None = None
    epochs: float = 1.0
    minutes: float | None = None
    learning_rate: float = 2e-5
    head_learning_rate: float | None = None
    warmup_steps: int = 0
    decay: Decay = "linear"
    weight_decay: float = 0.01
    evaluate_every: int = 500
    average: int = 1
    base_share: float = 0.0
    seed: int = 13
    bf16: bool = False


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """A whole run; `folder` is what its relative paths start from."""

    model: ModelConfig
    data: DataConfig
    run: RunConfig
    folder: Path = field(default_factory=Path)

    def __post_init__(self) -> None:
        """Check what can be checked without data."""
        run = self.run
        if run.loss not in get_args(Loss):
            raise InputError(f"run.loss must be one of {', '.join(get_args(Loss))}, got {run.loss!r}")
        if run.decay not in get_args(Decay):
            raise InputError(f"run.decay must be one of {', '.join(get_args(Decay))}, got {run.decay!r}")
        at_least_one = {
            "model.max_length": self.model.max_length,
            "model.saved_max_length": 1 if self.model.saved_max_length is None else self.model.saved_max_length,
            "model.layers": 1 if self.model.layers is None else self.model.layers,
            "data.held_out_queries": 1 if self.data.held_out_queries is None else self.data.held_out_queries,
            "data.negatives": self.data.negatives,
            "data.mine_from": self.data.mine_from[0],
            "run.batch_size": run.batch_size,
            "run.steps": 1 if run.steps is None else run.steps,
            "run.evaluate_every": run.evaluate_every,
            "run.average": run.average,
        }
        for name, value in at_least_one.items():
            if value < 1:
                raise InputError(f"{name} must be at least 1, got {value}")
        _check_ranges(self.model, self.data, run)
        _check_company(self.data, run)


def _check_company(data: DataConfig, run: RunConfig) -> None:
    """Check what must come together."""
    if not data.train and data.qrels is None:
        raise InputError("data must have train files, or corpus, queries and qrels; got neither")
    if data.qrels is not None and (data.corpus is None or data.queries is None):
        raise InputError("data.qrels must come with data.corpus and data.queries")
    if data.queries is not None and data.qrels is None:
        raise InputError("data.queries must come with data.qrels")
    if run.average > 1 and not data.held_out:
        raise InputError(f"run.average above 1 must come with data.held_out to judge by, got {run.average}")
    if run.base_share > 0 and not data.held_out:
        raise InputError(f"run.base_share above 0 must come with data.held_out to judge by, got {run.base_share}")
    if run.pos_weight is not None and run.loss != "bce":
        raise InputError(f"run.pos_weight must come with run.loss = 'bce', got {run.loss!r}")


def _check_ranges(model: ModelConfig, data: DataConfig, run: RunConfig) -> None:
    above_zero = {
        "run.learning_rate": run.learning_rate,
        "run.head_learning_rate": run.head_learning_rate,
        "run.epochs": run.epochs,
        "run.minutes": run.minutes,
        "run.pos_weight": run.pos_weight,
    }
    for name, value in above_zero.items():
        if value is not None and not value > 0:
            raise InputError(f"{name} must be above 0, got {value}")
    for name, value in {"run.warmup_steps": run.warmup_steps, "run.weight_decay": run.weight_decay}.items():
        if not value >= 0:
            raise InputError(f"{name} must be at least 0, got {value}")
    if not 0 <= model.dropout <= 1:
        raise InputError(f"model.dropout must be from 0 to 1, got {model.dropout}")
    if not 0 <= run.base_share < 1:
        raise InputError(f"run.base_share must be at least 0 and below 1, got {run.base_share}")
    first, last = data.mine_from
    if last < first:
        raise InputError(f"data.mine_from must go from a better rank to a worse one, got {first} to {last}")


def read_config(path: Path) -> TrainingConfig:
    """The run a TOML file describes, in sections `[model]`, `[data]` and `[run]`.

    Raises:
        InputError: The file is missing or no TOML, or a setting is unknown, missing or breaks a rule.
    """
    try:
        sections = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: must be TOML; {error}") from error
    unknown = sorted(set(sections) - {"model", "data", "run"})
    if unknown:
        raise InputError(f"{path}: sections must be model, data and run, got {', '.join(unknown)}")
    return TrainingConfig(
        model=_section(ModelConfig, sections, "model", path),
        data=_section(DataConfig, sections, "data", path),
        run=_section(RunConfig, sections, "run", path),
        folder=path.parent,
    )


def _section(kind: type[Any], sections: Mapping[str, Any], name: str, path: Path) -> Any:  # noqa: ANN401 - `kind` decides
    given = sections.get(name, {})
    if not isinstance(given, dict):
        raise InputError(f"{path}: {name} must be a section, got {given!r}")
    types = get_type_hints(kind)
    unknown = sorted(set(given) - set(types))
    if unknown:
        raise InputError(f"{path}: [{name}] must have only {', '.join(types)}, got {', '.join(unknown)}")
    for key, value in given.items():
        words, fits = _KINDS[_without_none(types[key])]
        if not fits(value):
            raise InputError(f"{path}: {name}.{key} must be {words}, got {value!r}")
    try:
        return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in given.items()})
    except TypeError as error:
        raise InputError(f"{path}: [{name}] {error}") from error


def _is(*kinds: type) -> Callable[[object], bool]:
    """Whether a value is of these kinds; true and false are no numbers."""
    return lambda value: isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def _is_list(kind: type, length: int | None = None) -> Callable[[object], bool]:
    """Whether a value is a list of this kind."""
    fits = _is(kind)
    return lambda value: isinstance(value, list) and (length is None or len(value) == length) and all(map(fits, value))


def _without_none(hint: object) -> object:
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    return kinds[0] if isinstance(hint, UnionType) else hint


_KINDS: Mapping[object, tuple[str, Callable[[object], bool]]] = {
    str: ("a string", _is(str)),
    Loss: ("a string", _is(str)),
    Decay: ("a string", _is(str)),
    bool: ("true or false", _is(bool)),
    int: ("an integer", _is(int)),
    float: ("a number", _is(int, float)),
    tuple[str, ...]: ("a list of strings", _is_list(str)),
    tuple[int, int]: ("a list of two integers", _is_list(int, 2)),
}
"""A setting's type, and what TOML must hold for it: in words, and as a check."""
