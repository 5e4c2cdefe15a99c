"""What a map is fitted to: logits of pairs, whether each is relevant, and the query it belongs to."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondpass.arguments import items_of
from secondpass.errors import InputError, InputTypeError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class JudgedPairs:
    """Judged pairs of several queries. Made by `check`.

    Args:
        logits: Shape: (n_pairs,).
        relevant: Shape: (n_pairs,).
        queries: Numbers of the queries, from 0 in order of first appearance. Shape: (n_pairs,).
        n_queries: How many there are.
    """

    logits: Array = field(repr=False)
    relevant: NDArray[np.bool_] = field(repr=False)
    queries: NDArray[np.intp] = field(repr=False)
    n_queries: int

    @classmethod
    def check(cls, logits: ArrayLike, relevant: ArrayLike, queries: Iterable[Hashable]) -> Self:
        """The pairs, copied.

        Args:
            logits: One finite number per pair.
            relevant: Whether each pair is relevant: True and False, or 1 and 0.
            queries: What tells each pair's query from the others: its id, number or text.

        Raises:
            InputError: They are not of one length, a logit is not a finite number, or all pairs are of one kind.
        """
        numbers = _numbers("logits", logits)
        if not np.isfinite(numbers).all():
            place = int((~np.isfinite(numbers)).argmax())
            raise InputError(f"logits must be finite numbers, got {numbers[place]} for pair {place}")
        grades = _numbers("relevant", relevant)
        if not np.isin(grades, (0.0, 1.0)).all():
            place = int((~np.isin(grades, (0.0, 1.0))).argmax())
            raise InputError(f"relevant must hold True and False, or 1 and 0, got {grades[place]:g} for pair {place}")
        numbered, n_queries = _numbered(queries)
        if not len(numbers) == len(grades) == len(numbered):
            raise InputError(
                "logits, relevant and queries must be of one length, got "
                f"{len(numbers)}, {len(grades)} and {len(numbered)}"
            )
        n_relevant = int(grades.sum())
        if n_relevant in (0, len(grades)):
            raise InputError(
                f"relevant must hold relevant and irrelevant pairs, got {n_relevant} relevant ones of {len(grades)}"
            )
        return cls(numbers, grades.astype(np.bool_), numbered, n_queries)

    @property
    def n_relevant(self) -> int:
        """Number of relevant pairs."""
        return int(self.relevant.sum())

    @property
    def base_rate(self) -> float:
        """Share of the relevant pairs."""
        return float(self.relevant.mean())

    def __len__(self) -> int:
        return len(self.logits)

    def __getitem__(self, rows: NDArray[np.intp]) -> "JudgedPairs":
        """Some of the pairs; their queries keep their numbers."""
        queries = self.queries[rows]
        return JudgedPairs(self.logits[rows], self.relevant[rows], queries, len(np.unique(queries)))


def _numbers(name: str, values: ArrayLike) -> Array:
    """The values in double precision, a copy. Shape: (n_pairs,)."""
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"{name} must be one number per pair: {error}") from error
    if array.ndim != 1:
        hint = '; take the scores of a model with activation="identity"' if name == "logits" else ""
        raise InputError(f"{name} must be one number per pair, got the shape {array.shape}{hint}")
    return array


def _numbered(queries: Iterable[Hashable]) -> tuple[NDArray[np.intp], int]:
    items = None if isinstance(queries, str | bytes) else items_of(queries)
    if items is None:
        raise InputTypeError(f"queries must hold the query of each pair, got {type(queries).__name__}")
    numbers: dict[object, int] = {}
    listed = queries.tolist() if isinstance(queries, np.ndarray) else list(items)
    numbered = [numbers.setdefault(query, len(numbers)) for query in listed]
    return np.array(numbered, dtype=np.intp), len(numbers)
