"""What lies on disk becomes config, weights, head and tokenizer."""

from secondpass.checkpoint.load import Checkpoint, load_checkpoint
from secondpass.checkpoint.ranking_model import Pooling, RankingModel
from secondpass.checkpoint.source import Source

__all__ = ["Checkpoint", "Pooling", "RankingModel", "Source", "load_checkpoint"]
