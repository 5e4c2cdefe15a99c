"""What lies on disk becomes config, weights, head and tokenizer."""

from secondpass.checkpoint.load import Checkpoint, load_checkpoint
from secondpass.checkpoint.ranking_model import RankingModel, SplitModel, WholeModel

__all__ = ["Checkpoint", "RankingModel", "SplitModel", "WholeModel", "load_checkpoint"]
