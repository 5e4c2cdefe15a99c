"""The layouts of checkpoints on disk: a new one is one file here, which ends in its `LAYOUT`, and a line below."""

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.layouts import bert_cat, causal, classifier, electra_out_proj, logit_score, modular
from secondpass.checkpoint.layouts.layout import Layout

# The first that matches reads the folder; the last one matches everything.
_LAYOUTS = (
    bert_cat.LAYOUT,
    electra_out_proj.LAYOUT,
    modular.LAYOUT,
    logit_score.LAYOUT,
    causal.LAYOUT,
    classifier.LAYOUT,
)


def layout_of(folder: Folder) -> Layout:
    """The layout of this folder."""
    return next(layout for layout in _LAYOUTS if layout.matches(folder))


__all__ = ["Layout", "layout_of"]
