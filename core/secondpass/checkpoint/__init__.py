"""What lies on disk becomes config, weights, head and tokenizer."""

from secondpass.checkpoint.load import Checkpoint, load_checkpoint
from secondpass.checkpoint.plain.model import PlainClassifier
from secondpass.checkpoint.ranking_model import LanguageModel, PretrainedModel, RankingModel, SplitModel, WholeModel

__all__ = [
    "Checkpoint",
    "LanguageModel",
    "PlainClassifier",
    "PretrainedModel",
    "RankingModel",
    "SplitModel",
    "WholeModel",
    "load_checkpoint",
]
