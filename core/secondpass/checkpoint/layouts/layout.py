"""What a layout is."""

from collections.abc import Callable
from dataclasses import dataclass

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.pair_tokenizer import pair_tokenizer_of
from secondpass.checkpoint.plain.model import PlainClassifier
from secondpass.checkpoint.ranking_model import PretrainedModel, RankingModel
from secondpass.checkpoint.score_activation import ScoreActivation
from secondpass.checkpoint.tokenizer import AnyTokenizer
from secondpass.options import ModelOptions
from secondpass.tokenization.pairs import PairTokenizer


@dataclass(frozen=True, slots=True)
class Layout:
    """How one kind of checkpoint lies on disk.

    Args:
        matches: Whether a folder has this layout.
        load: Gives its networks, through transformers.
        load_plain: Gives its networks without transformers; None where that cannot be done.
        pair_tokenizer: Makes what reads pairs for its models, by the caller's options `max_length` and `instruction`.
        tokenizer_id: Hub id of a folder's tokenizer, for folders that hold none; None where nothing says.
        activation: What a folder's authors score with, where it does not say; None for sentence-transformers' rule.
    """

    matches: Callable[[Folder], bool]
    load: Callable[[Folder], PretrainedModel]
    load_plain: Callable[[Folder], PlainClassifier | None] = lambda _: None
    pair_tokenizer: Callable[[Folder, RankingModel, AnyTokenizer, ModelOptions], PairTokenizer] = pair_tokenizer_of
    tokenizer_id: Callable[[Folder], str | None] = lambda _: None
    activation: Callable[[Folder], ScoreActivation | None] = lambda _: None
