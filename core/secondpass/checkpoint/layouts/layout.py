"""What a layout is."""

from collections.abc import Callable
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.pair_reading import PairReading, read_two_texts
from secondpass.checkpoint.ranking_model import RankingModel
from secondpass.checkpoint.score_activation import ScoreActivation


@dataclass(frozen=True, slots=True)
class Layout:
    """How one kind of checkpoint lies on disk.

    Args:
        matches: Whether a folder has this layout.
        load: Gives its networks.
        read: How its models read pairs: folder, model, tokenizer and the caller's `max_length` to tokens.
        tokenizer_id: Hub id of a folder's tokenizer, for folders that hold none; None where nothing says.
        activation: What its authors score with, where a folder does not say; None for sentence-transformers' rule.
    """

    matches: Callable[[Folder], bool]
    load: Callable[[Folder], RankingModel]
    read: Callable[[Folder, RankingModel, PreTrainedTokenizerBase, int | None], PairReading] = read_two_texts
    tokenizer_id: Callable[[Folder], str | None] = lambda _: None
    activation: ScoreActivation | None = None
