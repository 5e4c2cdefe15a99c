"""What scores become: the `Scorer` seam, an order with threshold and top_k, and the checks before and after."""

from secondpass.ranking.order import arank, best_first, rank
from secondpass.ranking.pairs import score_pairs
from secondpass.ranking.ranked_document import Passage, RankedDocument
from secondpass.ranking.read_pairs import read_pairs
from secondpass.ranking.readings import Readings
from secondpass.ranking.score_maps import ScoreMap, Sigmoid
from secondpass.ranking.scorers import (
    AsyncRankingScorer,
    AsyncScorer,
    Fingerprinted,
    Loadable,
    Pair,
    PairScorer,
    PassageScorer,
    RankingScorer,
    ReadingScorer,
    Scorer,
    StreamReadingScorer,
    is_pointwise,
    known_fingerprint,
    sources,
    unwrapped,
)

__all__ = [
    "AsyncRankingScorer",
    "AsyncScorer",
    "Fingerprinted",
    "Loadable",
    "Pair",
    "PairScorer",
    "Passage",
    "PassageScorer",
    "RankedDocument",
    "RankingScorer",
    "ReadingScorer",
    "Readings",
    "ScoreMap",
    "Scorer",
    "Sigmoid",
    "StreamReadingScorer",
    "arank",
    "best_first",
    "is_pointwise",
    "known_fingerprint",
    "rank",
    "read_pairs",
    "score_pairs",
    "sources",
    "unwrapped",
]
