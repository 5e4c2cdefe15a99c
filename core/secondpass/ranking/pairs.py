"""Scores of pairs from any scorer, whether it takes pairs or one query at a time."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from secondpass.ranking.checks import check_scores
from secondpass.ranking.scorers import Pair, PairScorer, Scorer


def score_pairs(scorer: Scorer, pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """The relevance of each (query, document) pair.

    A `PairScorer` gets all pairs in one call; any other scorer is called once per run of pairs with the same query.

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
    scores = []
    for query, same_query in groupby(pairs, key=itemgetter(0)):
        documents = [document for _, document in same_query]
        scores.append(check_scores(scorer.score(query, list(documents)), len(documents)))
    return np.concatenate(scores)
