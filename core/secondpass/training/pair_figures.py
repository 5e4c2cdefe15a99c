"""How well single pairs are told apart: what cards of models trained with `bce` report of each evaluation."""

import numpy as np
from numpy.typing import ArrayLike


def pair_figures(relevant: ArrayLike, logits: ArrayLike, pos_weight: float) -> dict[str, float]:
    """Loss, accuracy and F1 of labelled pairs, relevant meaning a logit above 0.

    Args:
        relevant: Whether each pair is a positive. Shape: (n_pairs,).
        logits: Unbounded. Shape: (n_pairs,).
        pos_weight: The weight of positives in the loss, as in torch's `BCEWithLogitsLoss`.
    """
    positive, scores = np.asarray(relevant, dtype=bool), np.asarray(logits, dtype=np.float64)
    # log(1 + exp(-x)) for positives, log(1 + exp(x)) for the rest, without overflow.
    losses = np.logaddexp(0.0, np.where(positive, -scores, scores)) * np.where(positive, pos_weight, 1.0)
    predicted = scores > 0
    hits = int(np.sum(predicted & positive))
    n_called = int(predicted.sum()) + int(positive.sum())
    return {
        "loss": float(losses.mean()),
        "accuracy": float(np.mean(predicted == positive)),
        "f1": 2 * hits / n_called if n_called else 0.0,
    }
