"""What scores become: the `Scorer` seam, an order with threshold and top_k, and the checks before and after."""

from secondpass.ranking.order import RankedDocument, arank, rank
from secondpass.ranking.pairs import score_pairs
from secondpass.ranking.score_maps import ScoreMap, Sigmoid
from secondpass.ranking.scorers import AsyncScorer, Loadable, Pair, PairScorer, Scorer

__all__ = [
    "AsyncScorer",
    "Loadable",
    "Pair",
    "PairScorer",
    "RankedDocument",
    "ScoreMap",
    "Scorer",
    "Sigmoid",
    "arank",
    "rank",
    "score_pairs",
]
