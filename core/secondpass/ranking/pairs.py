"""Scores of pairs from any scorer, whether it takes pairs or one query at a time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from secondpass.errors.item_numbers import caller_numbers
from secondpass.ranking.score_checks import check_scores
from secondpass.ranking.scorers import Pair, PairScorer, Scorer


def score_pairs(scorer: Scorer, pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """The relevance of each (query, document) pair.

    A `PairScorer` gets all pairs in one call; any other scorer is called once per query, wherever its pairs stand.

    Args:
        scorer: Gives the scores; not called when there are no pairs.
        pairs: They may hold many queries; never changed.

    Returns:
        In the scorer's unit, in the given order. Shape: (n_pairs,).

    Raises:
        ScoringError: The scorer gave NaN or not one score per pair.
    """
    if not pairs:
        return np.empty(0)
    if isinstance(scorer, PairScorer):
        return check_scores(scorer.predict(list(pairs)), len(pairs))
    scores = np.empty(len(pairs))
    for query, places in places_by_query(pairs).items():
        documents = [pairs[place][1] for place in places]
        with caller_numbers(places):
            scores[places] = check_scores(scorer.score(query, documents), len(places))
    return scores


def places_by_query(pairs: Sequence[Pair]) -> dict[str, list[int]]:
    """Where the pairs of each query stand; queries in the order of their first pairs."""
    places: dict[str, list[int]] = {}
    for place, (query, _) in enumerate(pairs):
        places.setdefault(query, []).append(place)
    return places
