"""All settings of a training run, with their rules, which are checked before anything is loaded."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from secondpass.arguments import check_count, describe
from secondpass.errors import InputError, InputTypeError
from secondpass.ir_files.qrels import DuplicateJudgements
from secondpass.training.setting_types import check_section

Loss: TypeAlias = Literal["bce", "lambdaloss", "ranknet", "margin-mse", "listwise", "kl"]
Decay: TypeAlias = Literal["linear", "cosine", "constant"]

# numpy's seeds lie below this.
_SEEDS = 2**32


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The model to train.

    Args:
        base: A folder or hub id: an encoder (it gets a fresh head) or a cross-encoder with one label.
        max_length: Tokens per pair in training, special tokens included; longer pairs are truncated.
        saved_max_length: The limit written into the checkpoint; None: `max_length`.
        layers: How many layers of the base to keep, the first ones; None: all.
        dropout: At least 0.0 and below 1.0, everywhere in the model.
        freeze: Parameters whose name holds one of these strings keep their values.

    Raises:
        InputError: A setting is of another type, or breaks its rule.
    """

    base: str
    max_length: int = 256
    saved_max_length: int | None = None
    layers: int | None = None
    dropout: float = 0.1
    freeze: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_section("model", self)
        check_count("model.max_length", self.max_length)
        check_count("model.saved_max_length", self.saved_max_length)
        check_count("model.layers", self.layers)
        if not 0 <= self.dropout < 1:
            raise InputError(f"model.dropout must be at least 0 and below 1, got {self.dropout}")


@dataclass(frozen=True, slots=True)
class DataConfig:
    """The data to learn from, and to judge by. Paths are relative to the TOML file.

    Args:
        train: JSONL files of teacher-scored lists (`query`, `documents`, `scores`) or of labelled examples (`query`,
            `positive`, and `negative` unless negatives are mined: from `corpus`, or else from the positives of all such
            examples, and none that holds one of an example's `answers`). Names may hold `*`.
        held_out: Re-ranking sets, or lists that a teacher scored, JSONL; their mean NDCG@10 chooses the checkpoint.
            Names may hold `*`.
        held_out_queries: How many of each set are evaluated while training, the first ones; None: all.
        corpus: BEIR-style corpus to mine BM25 negatives from, for examples that have none.
        queries: BEIR-style queries; with `qrels` and `corpus` they are training data too.
        qrels: TREC qrels of these queries.
        negatives: How many negatives are mined per query, at least 1.
        names: Names of the data sets trained on, or their hub ids: for the model card alone.
        mine_from: Ranks of BM25's list that negatives are drawn from, first and last, 1 the best.
        duplicate_judgements: What a document counts as that `qrels` judges twice for a query, with two grades: its
            "highest" grade or its "first" one; "error" refuses it.

    Raises:
        InputError: A setting is of another type, or breaks its rule.
    """

    train: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    held_out_queries: int | None = None
    corpus: str | None = None
    queries: str | None = None
    qrels: str | None = None
    negatives: int = 7
    names: tuple[str, ...] = ()
    mine_from: tuple[int, int] = (3, 50)
    duplicate_judgements: DuplicateJudgements = "error"

    def __post_init__(self) -> None:
        check_section("data", self)
        first, last = self.mine_from
        check_count("data.held_out_queries", self.held_out_queries)
        check_count("data.negatives", self.negatives)
        check_count("data.mine_from", first)
        _check_one_of("data.duplicate_judgements", self.duplicate_judgements, get_args(DuplicateJudgements))
        if last < first:
            raise InputError(f"data.mine_from must go from a better rank to a worse one, got {first} to {last}")
        if not self.train and self.qrels is None:
            raise InputError("data must have train files, or corpus, queries and qrels; got neither")
        if self.qrels is not None and (self.corpus is None or self.queries is None):
            raise InputError("data.qrels must come with data.corpus and data.queries")
        if self.queries is not None and self.qrels is None:
            raise InputError("data.queries must come with data.qrels")
        if self.duplicate_judgements != "error" and self.qrels is None:
            raise InputError(f"data.duplicate_judgements must come with data.qrels, got {self.duplicate_judgements!r}")
        if self.held_out_queries is not None and not self.held_out:
            raise InputError(f"data.held_out_queries must come with data.held_out, got {self.held_out_queries}")


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How to train.

    Args:
        loss: The recipe; see `secondpass.training.recipes`.
        output: The folder of the result, relative to the TOML file; checkpoints go into `output/checkpoints`.
        pos_weight: Weight of positives in `bce`; None: the number of negatives over that of positives.
        temperature: What `kl` divides both sides' scores by: below 1 the top of a list counts more, above 1 its rest.
        scale_teacher: Whether `kl` brings each list's teacher scores to a standard deviation of 1 first.
        batch_size: Queries (lists) per step, or pairs for `bce`.
        steps: Optimizer steps; None: `epochs` decide.
        epochs: Passes over the data, where `steps` is not given.
        minutes: Stop after this much time and keep the best checkpoint; None: never.
        learning_rate: The encoder's learning rate.
        head_learning_rate: The learning rate of pooler and classifier; None: the encoder's.
        warmup_steps: Steps in which the rates grow from 0.
        warmup_share: The same as a share of all steps, below 1; only one of the two can be given.
        decay: How the rates fall after that.
        weight_decay: AdamW's weight decay.
        evaluate_every: Steps between evaluations, each of which also writes a checkpoint; None: a tenth of the run, at
            most 500.
        average: Besides the best checkpoint, try the mean of this many last ones; 1: do not.
        base_share: Try both also with this share of the base's weights mixed in, which often keeps more of what it
            knew about other texts (Wortsman et al., 2022); 0: do not. For bases that are rerankers already.
        seed: The seed of everything random, from 0 to 2 ** 32 - 1.
        bf16: Whether to use bfloat16 autocast, on CPUs too; a UserWarning says where it is slower than without.

    Raises:
        InputError: A setting is of another type, or breaks its rule.
    """

    loss: Loss
    output: str
    pos_weight: float | None = None
    temperature: float = 1.0
    scale_teacher: bool = False
    batch_size: int = 16
    steps: int | None = None
    epochs: float = 1.0
    minutes: float | None = None
    learning_rate: float = 2e-5
    head_learning_rate: float | None = None
    warmup_steps: int = 0
    warmup_share: float = 0.0
    decay: Decay = "linear"
    weight_decay: float = 0.01
    evaluate_every: int | None = None
    average: int = 1
    base_share: float = 0.0
    seed: int = 13
    bf16: bool = False

    def __post_init__(self) -> None:
        check_section("run", self)
        _check_one_of("run.loss", self.loss, get_args(Loss))
        _check_one_of("run.decay", self.decay, get_args(Decay))
        check_count("run.batch_size", self.batch_size)
        check_count("run.steps", self.steps)
        check_count("run.evaluate_every", self.evaluate_every)
        check_count("run.average", self.average)
        _check_above_0("run.learning_rate", self.learning_rate)
        _check_above_0("run.head_learning_rate", self.head_learning_rate)
        _check_above_0("run.epochs", self.epochs)
        _check_above_0("run.minutes", self.minutes)
        _check_above_0("run.pos_weight", self.pos_weight)
        _check_above_0("run.temperature", self.temperature)
        _check_at_least_0("run.warmup_steps", self.warmup_steps)
        _check_at_least_0("run.weight_decay", self.weight_decay)
        if not 0 <= self.seed < _SEEDS:
            raise InputError(f"run.seed must be at least 0 and below 2 ** 32, got {self.seed}")
        if not 0 <= self.base_share < 1:
            raise InputError(f"run.base_share must be at least 0 and below 1, got {self.base_share}")
        if not 0 <= self.warmup_share < 1:
            raise InputError(f"run.warmup_share must be at least 0 and below 1, got {self.warmup_share}")
        if self.warmup_share and self.warmup_steps:
            raise InputError(f"run.warmup_share must come without run.warmup_steps, got {self.warmup_steps} steps too")
        if self.pos_weight is not None and self.loss != "bce":
            raise InputError(f"run.pos_weight must come with run.loss = 'bce', got {self.loss!r}")
        if self.loss != "kl" and (self.temperature != 1 or self.scale_teacher):
            raise InputError(f"run.temperature and run.scale_teacher must come with run.loss = 'kl', got {self.loss!r}")


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """A whole run.

    Args:
        model: The model to train.
        data: The data to learn from, and to judge by.
        run: How to train.
        folder: Relative paths start from here.

    Raises:
        InputError: A part is of another type, or settings do not go together.
    """

    model: ModelConfig
    data: DataConfig
    run: RunConfig
    folder: Path = field(default_factory=Path)

    def __post_init__(self) -> None:
        parts = {"model": ModelConfig, "data": DataConfig, "run": RunConfig, "folder": Path}
        for name, kind in parts.items():
            if not isinstance(value := getattr(self, name), kind):
                raise InputTypeError(f"{name} must be a {kind.__name__}, got {describe(value)}")
        run, held_out = self.run, self.data.held_out
        if run.average > 1 and not held_out:
            raise InputError(f"run.average above 1 must come with data.held_out to judge by, got {run.average}")
        if run.base_share > 0 and not held_out:
            raise InputError(f"run.base_share above 0 must come with data.held_out to judge by, got {run.base_share}")


def _check_one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


# Both also refuse NaN, which compares as false.
def _check_above_0(name: str, value: float | None) -> None:
    if value is None:
        return
    if not value > 0:
        raise InputError(f"{name} must be above 0, got {value}")
    _check_finite(name, value)


def _check_at_least_0(name: str, value: float) -> None:
    if not value >= 0:
        raise InputError(f"{name} must be at least 0, got {value}")
    _check_finite(name, value)


def _check_finite(name: str, value: float) -> None:
    # Not `math.isfinite`, which overflows on the integers that are infinite as floats.
    if value > sys.float_info.max:
        raise InputError(f"{name} must be finite, got {value}")
