"""From judged pairs to a map, with scikit-learn's estimators."""

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from secondpass.arguments import check_choice
from secondpass.calibration.judged_pairs import JudgedPairs
from secondpass.calibration.maps import Beta, Isotonic, Method, Platt, ProbabilityMap, Temperature, beta_features
from secondpass.errors import InputError
from secondpass.extras import require

Array = NDArray[np.float64]


def fit_map(method: Method, pairs: JudgedPairs) -> ProbabilityMap:
    """The map of this method that makes the judgements most likely; of "isotonic", with the least squared error.

    The first three learn from Platt's targets instead of 1 and 0, `(n + 1) / (n + 2)` and `1 / (m + 2)` of n relevant
    and m irrelevant pairs: where the two kinds do not overlap, the steepness stays finite (Platt 1999).

    Args:
        method: Its name.
        pairs: What it is fitted to.

    Raises:
        InputError: The logits do not rise with relevance.
        MissingExtraError: scikit-learn is not installed.
    """
    check_choice("method", method, get_args(Method), optional=False)
    require("sklearn", feature="fitting a calibration", extra="calibrate")
    if np.ptp(pairs.logits) > 0:
        _check_rising(pairs)
    match method:
        case "platt":
            (slope,), intercept = _logistic(pairs.logits[:, None], pairs)
            return Platt(slope, intercept)
        case "temperature":
            return _temperature(pairs)
        case "beta":
            return _beta(pairs)
        case "isotonic":
            return _isotonic(pairs)


def _check_rising(pairs: JudgedPairs) -> None:
    """Raise InputError unless relevant pairs have the higher logits on average: just then is Platt's slope above 0."""
    relevant, others = pairs.logits[pairs.relevant].mean(), pairs.logits[~pairs.relevant].mean()
    if not relevant > others:
        raise InputError(
            f"logits must rise with relevance, but relevant pairs have {relevant:.4g} on average and the others "
            f"{others:.4g}: this model, label or judgement is the wrong way round, or does not fit the data"
        )


def _temperature(pairs: JudgedPairs) -> Temperature:
    (inverse,), _ = _logistic(pairs.logits[:, None], pairs, with_intercept=False)
    if not inverse > 0:
        raise InputError(
            'method "temperature" must have logits that are mostly above 0 for relevant pairs and below 0 for others, '
            'which these are not: take "platt", which also finds where 0.5 is'
        )
    return Temperature(1 / inverse)


def _beta(pairs: JudgedPairs) -> Beta:
    features = np.stack(beta_features(pairs.logits), axis=1)
    # Of logits far from 0 one of them hardly changes: less than single precision tells apart, in which logits are. Its
    # parameter would be astronomic, and make a cliff of the map where no pair was. It is 0 of what does not change.
    spreads = features.std(axis=0)
    features[:, spreads < np.finfo(np.float32).eps * spreads.max()] = 0.0
    (a, b), c = _logistic(features, pairs)
    # A parameter that would make the map fall somewhere is 0, and the other is fitted alone, as in Kull et al. 2017.
    if a < 0:
        (b,), c = _logistic(features[:, 1:], pairs)
        a = 0.0
    elif b < 0:
        (a,), c = _logistic(features[:, :1], pairs)
        b = 0.0
    return Beta(max(a, 0.0), max(b, 0.0), c)


def _isotonic(pairs: JudgedPairs) -> Isotonic:
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - of an extra

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit(pairs.logits, pairs.relevant.astype(np.float64))
    return Isotonic(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))


def _logistic(features: Array, pairs: JudgedPairs, *, with_intercept: bool = True) -> tuple[list[float], float]:
    """Coefficients and intercept of the logistic regression of Platt's targets, without a penalty.

    Args:
        features: Shape: (n_pairs, n_features).
        pairs: The judgements.
        with_intercept: Whether there is an intercept; else it is 0.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - of an extra

    n_relevant = pairs.n_relevant
    targets = np.where(pairs.relevant, (n_relevant + 1) / (n_relevant + 2), 1 / (len(pairs) - n_relevant + 2))
    # Without a penalty the units of the features are free: in these, one step size suits all of them.
    centre = features.mean(axis=0) if with_intercept else np.zeros(features.shape[1])
    scale = np.sqrt(np.square(features - centre).mean(axis=0))
    varies = scale > 0
    scale[~varies] = 1.0
    scaled = (features - centre) / scale
    # A target between 0 and 1 is a relevant pair and an irrelevant one, which share its weight.
    model = LogisticRegression(C=np.inf, fit_intercept=with_intercept, tol=1e-8, max_iter=1000).fit(
        np.concatenate([scaled, scaled]),
        np.repeat([1, 0], len(pairs)),
        sample_weight=np.concatenate([targets, 1 - targets]),
    )
    coefficients = np.where(varies, model.coef_[0] / scale, 0.0)
    intercept = float(model.intercept_[0] - coefficients @ centre) if with_intercept else 0.0
    return coefficients.tolist(), intercept
