"""What lies on disk becomes config, weights, head and tokenizer."""

from secondpass.checkpoint.load import Checkpoint, load_checkpoint
from secondpass.checkpoint.ranking_model import Pooling, RankingModel

__all__ = ["Checkpoint", "Pooling", "RankingModel", "load_checkpoint"]
