"""A calibration: the map, the model it belongs to, and what it was worth on queries that it had not seen."""

import datetime as dt
import hashlib
import json
import os
import warnings
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondpass.arguments import describe
from secondpass.calibration.fitting import fit_map
from secondpass.calibration.judged_pairs import JudgedPairs
from secondpass.calibration.maps import Method, ProbabilityMap, map_of, parameters_of, sigmoid
from secondpass.calibration.quality import Quality, quality
from secondpass.calibration.validation import held_out_probabilities
from secondpass.errors import InputError, InputTypeError
from secondpass.files.json_fields import Record, integer_field, number_field, object_field, text_field
from secondpass.files.json_lines import json_objects
from secondpass.files.text import read_text
from secondpass.files.whole_files import write_text
from secondpass.fingerprints import check_fingerprint, difference, same_but_for_rounding

# Of a file: its only version, and its fields.
_VERSION = 1
_FIELDS = (
    "version", "method", "parameters", "fingerprint", "base_rate", "n_pairs", "n_queries", "held_out", "date",
)  # fmt: skip

# How the system says that a path leads to no place for a file; its other errors are no mistakes of the caller.
_NO_PLACE = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)

# Below these, figures and thresholds are mostly chance.
_FEW_QUERIES, _FEW_RELEVANT, _FEW_FOR_ISOTONIC = 20, 50, 1000


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How good probabilities are on queries that they were not fitted to.

    Args:
        before: Of `sigmoid(logit)`, which is fitted to nothing.
        after: Of the calibration's method, fitted to the queries of the other folds.
    """

    before: Quality
    after: Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What makes probabilities of one model's logits, fitted to judged pairs of a collection.

    A `ScoreMap`: `calibration(logit)` is the probability that a document of such a logit is relevant, among candidates
    like those it was fitted to. Made by `fit` or `load`; equal ones have equal hashes, and it may be pickled.

    Args:
        score_map: From logit to probability.
        fingerprint: What the scores it was fitted to say they depend on; None where that is not known.
        base_rate: Share of the relevant ones among the pairs.
        n_pairs: Number of judged pairs.
        n_queries: Number of their queries.
        held_out: What it was worth on queries that it had not seen; None where there were too few to see.
        date: The day it was fitted.
    """

    score_map: ProbabilityMap
    fingerprint: str | None
    base_rate: float
    n_pairs: int
    n_queries: int
    held_out: HeldOut | None
    date: dt.date

    @classmethod
    def fit(
        cls,
        logits: ArrayLike,
        relevant: ArrayLike,
        queries: Iterable[Hashable],
        *,
        method: Method = "platt",
        fingerprint: str | None = None,
    ) -> Self:
        """Fit a calibration to judged pairs, and validate it by folds over queries.

        The logits are scores before any activation: `CrossEncoder(model, activation="identity").predict(pairs)`. Any
        other scorer's scores do as well, if it is that scorer which the calibration is for.

        Args:
            logits: One finite number per pair.
            relevant: Whether each pair is relevant: True and False, or 1 and 0.
            queries: What tells each pair's query from the others: its id, number or text.
            method: "platt", "temperature" and "beta" keep the order strictly; "isotonic" makes ties, and needs about
                1,000 pairs.
            fingerprint: The scorer's `fingerprint()`, by which another model is refused.

        Raises:
            InputError: The pairs are not of one length, a logit is not finite, all pairs are of one kind, or relevant
                ones do not have the higher logits.
            MissingExtraError: scikit-learn is not installed.

        Warns:
            UserWarning: There are too few queries or relevant pairs to rely on, or all logits are the same.
        """
        pairs = JudgedPairs.check(logits, relevant, queries)
        if fingerprint is not None:
            check_fingerprint(fingerprint)
        score_map = fit_map(method, pairs)
        for message in _doubts(method, pairs):
            warnings.warn(message, UserWarning, stacklevel=2)
        held_out: HeldOut | None = None
        try:
            after = held_out_probabilities(method, pairs)
        except InputError as error:
            message = f"no query can be held out, so that nothing says what the calibration is worth: {error}"
            warnings.warn(message, UserWarning, stacklevel=2)
        else:
            before = quality(sigmoid(pairs.logits), pairs.relevant)
            held_out = HeldOut(before, quality(after, pairs.relevant))
        return cls(
            score_map=score_map,
            fingerprint=fingerprint,
            base_rate=pairs.base_rate,
            n_pairs=len(pairs),
            n_queries=pairs.n_queries,
            held_out=held_out,
            date=dt.datetime.now(tz=dt.UTC).date(),
        )

    @property
    def method(self) -> Method:
        """Its name: "platt", "temperature", "beta" or "isotonic"."""
        return self.score_map.method

    def probabilities(self, logits: ArrayLike) -> NDArray[np.float64]:
        """The probability of relevance for each logit: from 0 to 1, never falling, NaN for NaN. In the same shape."""
        try:
            numbers = np.asarray(logits, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputTypeError(f"logits must be numbers, got {describe(logits)}") from error
        return self.score_map(numbers)

    def __call__(self, score: float) -> float:
        """The probability of relevance for one logit."""
        return float(self.probabilities(score))

    def check_model(self, fingerprint: str) -> None:
        """Raise InputError unless this is the fingerprint that it was fitted for.

        float32, bfloat16 and float16 of one model are one model here: their scores differ by rounding alone.

        Args:
            fingerprint: That of the scorer whose scores it is to map.
        """
        check_fingerprint(fingerprint)
        if self.fingerprint is None:
            raise InputError(
                "calibration must say which model it was fitted for: Calibration.fit(..., fingerprint="
                'CrossEncoder(model, activation="identity").fingerprint())'
            )
        if not same_but_for_rounding(self.fingerprint, fingerprint):
            raise InputError(
                f"calibration must be of this model and these settings: {difference(self.fingerprint, fingerprint)}"
            )

    def digest(self) -> str:
        """What the probabilities depend on beside the logits, in 16 characters."""
        text = json.dumps([self.method, parameters_of(self.score_map)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def as_json(self) -> dict[str, object]:
        """The calibration as JSON holds it; `from_json` reads it."""
        return {
            "version": _VERSION,
            "method": self.method,
            "parameters": parameters_of(self.score_map),
            "fingerprint": self.fingerprint,
            "base_rate": self.base_rate,
            "n_pairs": self.n_pairs,
            "n_queries": self.n_queries,
            "held_out": None if self.held_out is None else asdict(self.held_out),
            "date": self.date.isoformat(),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, object], *, where: str = "calibration") -> Self:
        """The calibration that `as_json` gave.

        Args:
            record: The JSON object.
            where: What errors call it, such as its file.

        Raises:
            InputError: It is not a calibration of this version.
        """
        if record.get("version") != _VERSION or set(record) != set(_FIELDS):
            raise InputError(f"{where}: a calibration must have version {_VERSION} and {', '.join(_FIELDS[1:])}")
        try:
            date = dt.date.fromisoformat(text_field(record, "date", where))
        except ValueError as error:
            raise InputError(f"{where}: date must be a day such as 2026-01-31, got {record['date']!r}") from error
        return cls(
            score_map=map_of(text_field(record, "method", where), object_field(record, "parameters", where), where),
            fingerprint=None if record["fingerprint"] is None else text_field(record, "fingerprint", where),
            base_rate=number_field(record, "base_rate", where),
            n_pairs=integer_field(record, "n_pairs", where),
            n_queries=integer_field(record, "n_queries", where),
            held_out=None if record["held_out"] is None else _held_out(object_field(record, "held_out", where), where),
            date=date,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a JSON file, in a folder that is there.

        Raises:
            InputError: No file can be written there.
            OSError: The disk is full, or fails.
        """
        text = json.dumps(self.as_json(), indent=2, allow_nan=False) + "\n"
        try:
            write_text(Path(path), text)
        except _NO_PLACE as error:
            raise InputError(f"path must be a file that can be written, got {str(path)!r}: {error.strerror}") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The calibration of a JSON file.

        Raises:
            InputError: The file cannot be read, or is not a calibration.
        """
        ((where, record),) = json_objects([(str(path), read_text(Path(path)))])
        return cls.from_json(record, where=where)


def as_calibration(value: object) -> Calibration | None:
    """What a caller may give as a calibration: itself, its file, its JSON object, or None.

    Raises:
        InputError: It is none of these, or the file cannot be read.
    """
    if value is None or isinstance(value, Calibration):
        return value
    if isinstance(value, str | os.PathLike):
        return Calibration.load(value)
    if isinstance(value, Mapping):
        return Calibration.from_json(value)
    raise InputTypeError(f"calibration must be a Calibration, the file of one or None, got {type(value).__name__}")


def _doubts(method: Method, pairs: JudgedPairs) -> list[str]:
    doubts = []
    if np.ptp(pairs.logits) == 0:
        doubts.append("all logits are the same: every probability is the share of the relevant pairs, or 0.5")
    if pairs.n_queries < _FEW_QUERIES:
        doubts.append(
            f"{pairs.n_queries} queries are few, at least {_FEW_QUERIES} make figures and thresholds hold for others: "
            "a few other queries would give other probabilities"
        )
    if pairs.n_relevant < _FEW_RELEVANT:
        doubts.append(
            f"{pairs.n_relevant} relevant pairs are few, at least {_FEW_RELEVANT} make probabilities hold: "
            "each of them moves every threshold"
        )
    if method == "isotonic" and len(pairs) < _FEW_FOR_ISOTONIC:
        doubts.append(
            f"{len(pairs)} pairs are few for isotonic, which learns its steps by heart below about "
            f"{_FEW_FOR_ISOTONIC}: platt and beta need fewer"
        )
    return doubts


def _held_out(record: Record, where: str) -> HeldOut:
    before, after = (object_field(record, name, where) for name in ("before", "after"))
    names = ("ece", "brier", "log_loss")
    return HeldOut(
        Quality(*(number_field(before, name, where) for name in names)),
        Quality(*(number_field(after, name, where) for name in names)),
    )
