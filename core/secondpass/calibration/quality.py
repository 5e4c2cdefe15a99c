"""How good probabilities are: calibration error, Brier score, log loss, and the bins of a reliability diagram."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

N_BINS = 10


@dataclass(frozen=True, slots=True)
class Quality:
    """How well probabilities fit judgements; of all three, less is better.

    Args:
        ece: Expected calibration error, over bins of equal mass: how far a bin's probabilities are from its share of
            relevant pairs, on average. 0 to 1.
        brier: Mean squared error of the probabilities (Brier 1950). 0 to 1.
        log_loss: Mean of minus the logarithm of the probability of what was judged, in nats. Unbounded.
    """

    ece: float
    brier: float
    log_loss: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Pairs of about the same probability.

    Args:
        probability: The mean of their probabilities.
        share: The share of them that is relevant.
        n_pairs: How many there are.
    """

    probability: float
    share: float
    n_pairs: int


def quality(probabilities: Array, relevant: NDArray[np.bool_]) -> Quality:
    """How well the probabilities fit.

    Args:
        probabilities: Shape: (n_pairs,).
        relevant: Shape: (n_pairs,).
    """
    from sklearn.metrics import brier_score_loss, log_loss  # noqa: PLC0415 - of an extra

    ece = sum(abs(b.probability - b.share) * b.n_pairs for b in reliability(probabilities, relevant)) / len(relevant)
    return Quality(
        ece,
        float(brier_score_loss(relevant, probabilities, labels=[False, True])),
        float(log_loss(relevant, probabilities, labels=[False, True])),
    )


def reliability(probabilities: Array, relevant: NDArray[np.bool_], n_bins: int = N_BINS) -> list[Bin]:
    """Bins of equal mass, by rising probability; equal probabilities share a bin, so their order changes nothing.

    Args:
        probabilities: Shape: (n_pairs,).
        relevant: Shape: (n_pairs,).
        n_bins: At most this many.
    """
    first = np.searchsorted(np.sort(probabilities), probabilities)
    numbers = first * n_bins // len(probabilities)
    bins = []
    for number in np.unique(numbers):
        inside = numbers == number
        bins.append(Bin(float(probabilities[inside].mean()), float(relevant[inside].mean()), int(inside.sum())))
    return bins
