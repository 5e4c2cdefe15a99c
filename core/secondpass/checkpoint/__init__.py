"""What lies on disk becomes config, weights, head and tokenizer."""

from secondpass.checkpoint.load import Checkpoint, load_checkpoint
from secondpass.checkpoint.ranking_model import LanguageModel, RankingModel, SplitModel, WholeModel

__all__ = ["Checkpoint", "LanguageModel", "RankingModel", "SplitModel", "WholeModel", "load_checkpoint"]
