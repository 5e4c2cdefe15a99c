"""What scores become: the `Scorer` seam, an order with threshold and top_k, and the checks before and after."""

from secondpass.ranking.order import RankedDocument, arank, rank
from secondpass.ranking.scorers import AsyncScorer, Pair, Scorer

__all__ = ["AsyncScorer", "Pair", "RankedDocument", "Scorer", "arank", "rank"]
