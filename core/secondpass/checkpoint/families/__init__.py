"""One small file a family of checkpoints; this one knows which file reads which folder.

A new family is a module with `matches(folder, known)` and `load(folder, source)`, and its place in `_FAMILIES`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from secondpass.checkpoint.families import bert_cat, causal, classifier, electra_out_proj, modular
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.known import KnownCheckpoint
from secondpass.checkpoint.ranking_model import RankingModel
from secondpass.checkpoint.source import Source


@dataclass(frozen=True, slots=True)
class Family:
    """A layout of checkpoints.

    Args:
        name: How it is called in messages and `KnownCheckpoint.head`.
        matches: Whether a folder has this layout.
        load: Reads it.
    """

    name: str
    matches: Callable[[Folder, KnownCheckpoint | None], bool]
    load: Callable[[Folder, Source], RankingModel]


# The first that matches reads the folder; the last one matches everything.
_FAMILIES = (
    Family("bert_cat", bert_cat.matches, bert_cat.load),
    Family("electra_out_proj", electra_out_proj.matches, electra_out_proj.load),
    Family("modular", modular.matches, modular.load),
    Family("causal", causal.matches, causal.load),
    Family("classifier", classifier.matches, classifier.load),
)


def family_of(folder: Folder, known: KnownCheckpoint | None) -> Family:
    """The family that reads this folder."""
    return next(family for family in _FAMILIES if family.matches(folder, known))
