"""From a relevance logit to the probability of relevance: functions that never fall, computed by numpy alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError
from secondpass.files.json_fields import Record, number_field, numbers_field

Method: TypeAlias = Literal["platt", "temperature", "beta", "isotonic"]
Array: TypeAlias = NDArray[np.float64]

# The largest finite number: an infinite logit stands for it, so that 0 times infinity never comes up.
_LARGEST = np.finfo(np.float64).max
# What a parameter may be, for that is what a file may hold: whatever is saved can be loaded.
_LARGEST_SINGLE = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Platt:
    """`sigmoid(slope * logit + intercept)` (Platt 1999): a steepness and a base rate of its own.

    Args:
        slope: At least 0; 0 only where all logits were the same.
        intercept: Any number.

    Raises:
        InputError: A parameter breaks its rule.
    """

    slope: float
    intercept: float

    method: ClassVar[Method] = "platt"

    def __post_init__(self) -> None:
        _check_finite(self)
        _check_at_least_0("slope", self.slope)

    def __call__(self, logits: Array) -> Array:
        """Probabilities, in the shape of the logits."""
        return sigmoid(_scaled(self.slope, logits) + self.intercept)


@dataclass(frozen=True, slots=True)
class Temperature:
    """`sigmoid(logit / temperature)` (Guo et al. 2017): a steepness, with 0.5 where the logit is 0.

    Args:
        temperature: Greater than 0.

    Raises:
        InputError: It is not.
    """

    temperature: float

    method: ClassVar[Method] = "temperature"

    def __post_init__(self) -> None:
        _check_finite(self)
        if not self.temperature > 0:
            raise InputError(f"temperature must be greater than 0, got {self.temperature}")

    def __call__(self, logits: Array) -> Array:
        """Probabilities, in the shape of the logits."""
        with np.errstate(over="ignore"):
            return sigmoid(_finite(logits) / self.temperature)


@dataclass(frozen=True, slots=True)
class Beta:
    """`sigmoid(a * ln(s) - b * ln(1 - s) + c)` of `s = sigmoid(logit)` (Kull et al. 2017): the ends differ.

    Args:
        a: How steep it is at low logits, at least 0.
        b: How steep it is at high logits, at least 0.
        c: Any number.

    Raises:
        InputError: A parameter breaks its rule.
    """

    a: float
    b: float
    c: float

    method: ClassVar[Method] = "beta"

    def __post_init__(self) -> None:
        _check_finite(self)
        _check_at_least_0("a", self.a)
        _check_at_least_0("b", self.b)

    def __call__(self, logits: Array) -> Array:
        """Probabilities, in the shape of the logits."""
        log_s, minus_log_rest = beta_features(logits)
        return sigmoid(_scaled(self.a, log_s) + _scaled(self.b, minus_log_rest) + self.c)


@dataclass(frozen=True, slots=True)
class Isotonic:
    """Straight lines between knots, level outside of them: the best fit of all that never falls, and it makes ties.

    Args:
        logits: Of the knots, rising.
        probabilities: At the knots, from 0 to 1 and never falling.

    Raises:
        InputError: They break their rules.
    """

    logits: tuple[float, ...]
    probabilities: tuple[float, ...]
    # The same as arrays: numpy would make them anew of the tuples in each call, which takes longer than the rest of it.
    _knots: tuple[Array, Array] = field(init=False, repr=False, compare=False)

    method: ClassVar[Method] = "isotonic"

    def __post_init__(self) -> None:
        if not self.logits or len(self.logits) != len(self.probabilities):
            raise InputError(
                "logits and probabilities must hold a number for each knot, of which there is at least one, got "
                f"{len(self.logits)} and {len(self.probabilities)}"
            )
        if not all(abs(logit) <= _LARGEST_SINGLE for logit in self.logits) or not (np.diff(self.logits) > 0).all():
            raise InputError("logits must be finite in single precision, and rise from knot to knot")
        if not all(0 <= p <= 1 for p in self.probabilities) or not (np.diff(self.probabilities) >= 0).all():
            raise InputError("probabilities must be from 0 to 1 and never fall from knot to knot")
        object.__setattr__(self, "_knots", (np.array(self.logits), np.array(self.probabilities)))

    def __call__(self, logits: Array) -> Array:
        """Probabilities, in the shape of the logits."""
        return np.interp(logits, *self._knots)


ProbabilityMap: TypeAlias = Platt | Temperature | Beta | Isotonic


def parameters_of(score_map: ProbabilityMap) -> dict[str, float | list[float]]:
    """The map's parameters by name, as JSON holds them."""
    values = {name: getattr(score_map, name) for name in _names(type(score_map))}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def map_of(method: str, parameters: Record, where: str) -> ProbabilityMap:
    """The map of a method with these parameters.

    Args:
        method: Its name.
        parameters: By name, as JSON holds them.
        where: What errors call the place they come from.

    Raises:
        InputError: There is no such method, or the parameters are not its own or break a rule.
    """
    kind = _METHODS.get(method)
    if kind is None:
        raise InputError(f"{where}: method must be one of {', '.join(_METHODS)}, got {method!r}")
    names = _names(kind)
    if set(parameters) != set(names):
        raise InputError(f"{where}: parameters of {method} must be {', '.join(names)}, got {sorted(parameters)}")
    read = numbers_field if kind is Isotonic else number_field
    values: Any = [read(parameters, name, where) for name in names]
    try:
        return kind(*values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _names(kind: type[ProbabilityMap]) -> list[str]:
    """What a map's parameters are called."""
    return [parameter.name for parameter in fields(kind) if parameter.init]


def sigmoid(logits: Array) -> Array:
    """`1 / (1 + exp(-logit))`, for logits of any size."""
    probabilities: Array = np.exp(-_softplus(-logits))
    return probabilities


def beta_features(logits: Array) -> tuple[Array, Array]:
    """`ln(s)` and `-ln(1 - s)` of `s = sigmoid(logit)`, which rise with the logit."""
    finite = _finite(logits)
    return -_softplus(-finite), _softplus(finite)


def _softplus(values: Array) -> Array:
    """`ln(1 + exp(value))`; NaN stays."""
    with np.errstate(invalid="ignore"):
        softplus: Array = np.logaddexp(0.0, values)
    return softplus


def _scaled(factor: float, values: Array) -> Array:
    with np.errstate(over="ignore"):
        return factor * _finite(values)


def _finite(logits: Array) -> Array:
    """The logits with the largest finite numbers for infinite ones; NaN stays."""
    return np.clip(logits, -_LARGEST, _LARGEST)


def _check_finite(score_map: "Platt | Temperature | Beta") -> None:
    for parameter in fields(score_map):
        value = getattr(score_map, parameter.name)
        if not abs(value) <= _LARGEST_SINGLE:
            raise InputError(f"{parameter.name} must be a finite number in single precision, got {value}")


def _check_at_least_0(name: str, value: float) -> None:
    if value < 0:
        raise InputError(f"{name} must be at least 0, so that probabilities never fall, got {value}")


_METHODS: Mapping[str, type[ProbabilityMap]] = {kind.method: kind for kind in (Platt, Temperature, Beta, Isotonic)}
