"""What a map is worth on queries that it was not fitted to."""

import numpy as np
from numpy.typing import NDArray

from secondpass.calibration.fitting import fit_map
from secondpass.calibration.judged_pairs import JudgedPairs
from secondpass.calibration.maps import Method
from secondpass.errors import InputError
from secondpass.extras import require

Array = NDArray[np.float64]

_N_FOLDS = 5


def folds(pairs: JudgedPairs) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Pairs to fit to and pairs to look at, five times or once per query: no query is on both sides.

    Raises:
        InputError: There is one query alone.
        MissingExtraError: scikit-learn is not installed.
    """
    require("sklearn", feature="validating a calibration", extra="calibrate")
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415 - of an extra

    if pairs.n_queries == 1:
        raise InputError("queries must be at least 2 to hold one out, got 1")
    split = GroupKFold(n_splits=min(_N_FOLDS, pairs.n_queries)).split(pairs.logits, groups=pairs.queries)
    return [(fitted, held_out) for fitted, held_out in split]


def held_out_probabilities(method: Method, pairs: JudgedPairs) -> Array:
    """Each pair's probability by a map that was fitted to other queries. Shape: (n_pairs,).

    Raises:
        InputError: The queries without those of a fold are too few to fit a map to.
        MissingExtraError: scikit-learn is not installed.
    """
    probabilities = np.empty(len(pairs))
    for fitted, held_out in folds(pairs):
        rest = pairs[fitted]
        if rest.n_relevant in (0, len(rest)):
            raise InputError("relevant must hold relevant and irrelevant pairs of several queries")
        probabilities[held_out] = fit_map(method, rest)(pairs.logits[held_out])
    return probabilities
