"""What any scorer made of pairs: that one of its calls is asked that tells most."""

from collections.abc import Sequence

import numpy as np

from secondpass.errors import ScoringError
from secondpass.errors.item_numbers import caller_numbers
from secondpass.ranking.order import rank
from secondpass.ranking.pairs import places_by_query, score_pairs
from secondpass.ranking.ranked_document import RankedDocument, in_own_numbers
from secondpass.ranking.readings import Readings
from secondpass.ranking.score_checks import check_scores
from secondpass.ranking.scorers import Pair, RankingScorer, ReadingScorer, Scorer


def read_pairs(scorer: Scorer, pairs: Sequence[Pair]) -> Readings:
    """The relevance of each (query, document) pair, and whatever else the scorer says of it.

    A `ReadingScorer` reads all pairs in one call, a `RankingScorer` ranks those of each query; of any other one there
    are the scores of `score_pairs`.

    Args:
        scorer: Gives the scores; not called when there are no pairs.
        pairs: They may hold many queries; never changed.

    Returns:
        In the given order; scores are float64, in the scorer's unit.

    Raises:
        ScoringError: The scorer gave NaN, or did not answer once per pair.
    """
    if not pairs:
        return Readings.concatenate([])
    if isinstance(scorer, ReadingScorer):
        return check_readings(scorer.read(list(pairs)), len(pairs))
    if isinstance(scorer, RankingScorer):
        return Readings.of_documents(_ranked(scorer, pairs))
    return Readings.of_scores(score_pairs(scorer, pairs))


def check_readings(read: Readings, n_pairs: int) -> Readings:
    """The readings, with scores of double precision; raise ScoringError unless they are of all pairs, without NaN.

    Args:
        read: As the scorer gave them; where it is the user's own, they need not be of this class, nor have what is
            optional.
        n_pairs: How many pairs it was given.
    """
    scores, truncated, passages = check_scores(read.scores, n_pairs), np.asarray(read.truncated), list(read.passages)
    if not len(truncated) == len(passages) == n_pairs:
        raise ScoringError(
            f"a scorer's read must say truncated and passages of each of {n_pairs} pairs, got {len(truncated)} and "
            f"{len(passages)}"
        )
    passages = [None if passage is None else in_own_numbers(passage) for passage in passages]
    if truncated.dtype == np.object_:  # beside None there may be numpy's own, of which JSON has none
        truncated = np.array([None if said is None else bool(said) for said in truncated], np.object_)
    return Readings(scores, truncated, passages, getattr(read, "n_tokens", None), getattr(read, "raw_scores", None))


def _ranked(scorer: RankingScorer, pairs: Sequence[Pair]) -> list[RankedDocument]:
    """The pairs' documents in the given order, each as it was ranked among those of its query."""
    found: dict[int, RankedDocument] = {}
    for query, places in places_by_query(pairs).items():
        with caller_numbers(places):
            ranked = rank(scorer, query, [pairs[place][1] for place in places])
        found |= {places[document.index]: document for document in ranked}
    return [found[place] for place in range(len(pairs))]
