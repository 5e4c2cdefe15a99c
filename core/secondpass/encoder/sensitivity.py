"""Which parts of an encoder stay in float32: those whose rounding would change the order of documents.

What a rounding error costs is decided by what follows it: of two parts that round alike, one may be followed by a
difference of large numbers that are nearly equal, which is all error. So errors are measured where they count, in the
scores of a few queries' documents, beside the spread of these scores. What shifts all scores of a query alike does not
count, for it moves no document.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from secondpass.encoder.batch import TokenBatch
from secondpass.encoder.encoder import PackedEncoder
from secondpass.encoder.forward_context import ForwardContext
from secondpass.encoder.layer import Layer

# A layer that adds this share of it stands out, and is relieved of it even where the sum would be just bearable: what
# is just below the bound on these texts is above it on others, or with another CPU's products.
_STANDS_OUT = 2 / 3

_Part: TypeAlias = Literal["attention", "ffn"]


@dataclass(frozen=True, slots=True)
class RoundingTexts:
    """A few texts like those to come, and what orders documents among them.

    Args:
        ranges: Those on which ranges of values are measured, on the encoder's device.
        scores: What becomes of pooled states, such as logits. Shape: (n_texts, hidden) -> (n_scores, ...).
        lists: Those whose scores are looked at, the documents of one query after those of another; None for those of
            the ranges, as if they were one query's.
        n_lists: How many queries these belong to, each with the same number of scores.
    """

    ranges: TokenBatch
    scores: Callable[[Tensor], Tensor]
    lists: TokenBatch | None = None
    n_lists: int = 1

    @property
    def ranked(self) -> TokenBatch:
        """Those whose scores are looked at."""
        return self.ranges if self.lists is None else self.lists

    def error(self, rounded: Tensor, exact: Tensor) -> float:
        """How far rounding moved the scores of a query's documents: the deviation of changes, in that of the scores.

        Args:
            rounded: Pooled states of the ranked texts. Shape: (n_texts, hidden).
            exact: The same texts' in float32.
        """
        scores, changed = self.scores(exact), self.scores(rounded)
        spread = self._spread(scores)
        # Without an order there is none to lose; and numbers that overflow lose all of it.
        error = self._spread(changed - scores) / spread if spread > 0 else 0.0
        return math.inf if math.isnan(error) else error

    def _spread(self, scores: Tensor) -> float:
        """Of scores within each list. Shape: (n_scores, ...)."""
        lists = scores.unflatten(0, (self.n_lists, -1))
        return float((lists - lists.mean(dim=1, keepdim=True)).norm())


@dataclass(frozen=True, slots=True)
class InFloat32:
    """A part of a layer in float32, whatever the format of the states around it.

    Args:
        part: What computes.
    """

    part: Callable[..., Tensor]

    def __call__(self, states: Tensor, *context: ForwardContext) -> Tensor:
        """See `Attention` and `RowFunction`."""
        return self.part(states.float(), *context).to(states.dtype)


@dataclass(frozen=True, slots=True)
class _Trial:
    """A layer with some parts in float32, and the error of it and those behind it."""

    layer: Layer
    kept: tuple[_Part, ...]
    error: float


def keep_sensitive_parts(
    rounded: PackedEncoder,
    exact: PackedEncoder,
    texts: RoundingTexts,
    *,
    states_dtype: torch.dtype,
    largest_error: float,
) -> PackedEncoder:
    """The rounded encoder, with those parts in float32 that move scores too far otherwise.

    From the last layer to the first, each is rounded in turn and given the states of exact arithmetic, so that the
    error at the end is its own and that of the layers behind it, which are decided. Errors of layers add as squares.

    Args:
        rounded: In the precision asked for.
        exact: The same in float32.
        texts: What to measure on.
        states_dtype: The format of the rounded encoder's states.
        largest_error: The most that rounding may move scores; see `ErrorBounds.relieved`.
    """
    context = exact.context(texts.ranked)
    inputs = [exact.embeddings(texts.ranked, context.packing)]
    for layer in exact.layers:
        inputs.append(layer(inputs[-1], context))
    expected = exact.pooled(inputs.pop(), context)

    def error(first: int, behind: Sequence[Layer], *layers: Layer) -> float:
        """That of these layers and those behind them, given what exact arithmetic gives the first of them."""
        states = inputs[first].to(states_dtype)
        for layer in (*layers, *behind):
            states = layer(states, context)
        return texts.error(rounded.pooled(states, context), expected)

    decided: list[Layer] = []
    kept: list[str] = []
    allowance = _Allowance(largest_error)
    for i in reversed(range(len(inputs))):
        trial = _least_kept(rounded.layers[i], exact.layers[i], partial(error, i, decided), allowance)
        decided.insert(0, trial.layer)
        kept[:0] = [f"layers.{i}.{part}" for part in trial.kept]
        # The layers before may be innocent, all of them.
        if trial.kept and allowance.bears(error(0, decided, *rounded.layers[:i]), trial.error):
            decided[:0] = rounded.layers[:i]
            break
    return replace(rounded, layers=tuple(decided), float32_parts=tuple(kept))


@dataclass(slots=True)
class _Allowance:
    """What layers may add to the error, each and all together; errors add as squares.

    Args:
        bound: The most for all; see `ErrorBounds.relieved`.
        spent: The square of what those that are decided add.
    """

    bound: float
    spent: float = 0.0

    def bears(self, error: float, unavoidable: float) -> bool:
        """Whether this much may be added.

        Args:
            error: Of some layers and those behind them.
            unavoidable: What is left of it with those layers in float32.
        """
        added = _added(error, unavoidable)
        return added <= (_STANDS_OUT * self.bound) ** 2 and self.spent + added <= self.bound**2


def _least_kept(layer: Layer, exact: Layer, error: Callable[[Layer], float], allowance: _Allowance) -> _Trial:
    """The layer with as few parts in float32 as the scores bear; what it adds is taken from the allowance.

    Args:
        layer: Rounded.
        exact: In float32.
        error: Of a layer in this place, and those behind it.
        allowance: What is left.
    """

    def tried(*parts: _Part) -> _Trial:
        candidate = _with_parts_of(layer, exact, parts)
        return _Trial(candidate, parts, error(candidate))

    # What states in half precision lose by themselves no part is to blame for.
    trial, whole = tried(), tried("attention", "ffn")
    if not allowance.bears(trial.error, whole.error):
        trial = min(tried("attention"), tried("ffn"), key=lambda trial: trial.error)
        if not allowance.bears(trial.error, whole.error):
            trial = whole
    allowance.spent += _added(trial.error, whole.error)
    return trial


def _added(error: float, unavoidable: float) -> float:
    """The square of what comes on top; nothing where both overflow."""
    return max(0.0, error**2 - unavoidable**2) if math.isfinite(unavoidable) else 0.0


def _with_parts_of(layer: Layer, exact: Layer, parts: Sequence[_Part]) -> Layer:
    """The layer with these parts in float32."""
    if "attention" in parts:
        layer = replace(layer, attention=InFloat32(exact.attention))
    if "ffn" in parts:
        layer = replace(layer, ffn=InFloat32(exact.ffn))
    return layer
