"""One small file a family of checkpoints; this one knows which file reads which folder.

A new family is a module with `matches(folder, known)` and `load(folder, source)`, and its place in `_LAYOUTS`. One
that reads pairs, or finds its tokenizer, in a way of its own says that there too.
"""

from collections.abc import Callable
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.known import KnownCheckpoint
from secondpass.checkpoint.layouts import bert_cat, causal, classifier, electra_out_proj, modular
from secondpass.checkpoint.pair_reading import Reading, two_texts
from secondpass.checkpoint.ranking_model import RankingModel
from secondpass.checkpoint.score_activation import ScoreActivation
from secondpass.checkpoint.source import Source


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout of checkpoints.

    Args:
        name: How it is called in messages and `KnownCheckpoint.head`.
        matches: Whether a folder has this layout.
        load: Reads it.
        read: How its models read pairs: folder, model, tokenizer and the caller's `max_length` to tokens.
        tokenizer: Hub id of a folder's tokenizer, for folders that hold none; None where nothing says.
        activation: What its authors score with, where a folder does not say; None for sentence-transformers' rule.
    """

    name: str
    matches: Callable[[Folder, KnownCheckpoint | None], bool]
    load: Callable[[Folder, Source], RankingModel]
    read: Callable[[Folder, RankingModel, PreTrainedTokenizerBase, int | None], Reading] = two_texts
    tokenizer: Callable[[Folder], str | None] = lambda _: None
    activation: ScoreActivation | None = None


# The first that matches reads the folder; the last one matches everything.
_LAYOUTS = (
    Layout(
        "bert_cat",
        bert_cat.matches,
        bert_cat.load,
        tokenizer=bert_cat.tokenizer_base,
        activation=ScoreActivation.IDENTITY,
    ),
    Layout("electra_out_proj", electra_out_proj.matches, electra_out_proj.load),
    Layout("modular", modular.matches, modular.load),
    Layout("causal", causal.matches, causal.load, causal.read),
    Layout("classifier", classifier.matches, classifier.load),
)


def layout_of(folder: Folder, known: KnownCheckpoint | None) -> Layout:
    """The family that reads this folder."""
    return next(family for family in _LAYOUTS if family.matches(folder, known))
