"""One small file a family of checkpoints; this one knows which file reads which folder.

A new family is a module with `matches(folder, known)` and `load(folder, source)`, and its place in `_FAMILIES`. One
that reads pairs, or finds its tokenizer, in a way of its own says that there too.
"""

from collections.abc import Callable
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from secondpass.checkpoint.activation import Activation
from secondpass.checkpoint.families import bert_cat, causal, classifier, electra_out_proj, modular
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.known import KnownCheckpoint
from secondpass.checkpoint.ranking_model import RankingModel
from secondpass.checkpoint.reading import Reading, two_texts
from secondpass.checkpoint.source import Source


@dataclass(frozen=True, slots=True)
class Family:
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
    activation: Activation | None = None


# The first that matches reads the folder; the last one matches everything.
_FAMILIES = (
    Family(
        "bert_cat",
        bert_cat.matches,
        bert_cat.load,
        tokenizer=bert_cat.tokenizer_base,
        activation=Activation.IDENTITY,
    ),
    Family("electra_out_proj", electra_out_proj.matches, electra_out_proj.load),
    Family("modular", modular.matches, modular.load),
    Family("causal", causal.matches, causal.load, causal.read),
    Family("classifier", classifier.matches, classifier.load),
)


def family_of(folder: Folder, known: KnownCheckpoint | None) -> Family:
    """The family that reads this folder."""
    return next(family for family in _FAMILIES if family.matches(folder, known))
