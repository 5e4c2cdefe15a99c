"""Cross-encoder rerankers that score every published checkpoint as its authors meant.

What this module lists is public, and so is what the reference documents; everything else may change without notice.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secondpass.bi_encoder import BiEncoder
    from secondpass.cached_scorer import CachedScorer
    from secondpass.calibration import Calibrated, Calibration
    from secondpass.cascade import Cascade
    from secondpass.cross_encoder import CrossEncoder
    from secondpass.ranking import AsyncScorer, Passage, RankedDocument, Scorer, arank, rank
    from secondpass.remote import RemoteScorer

    __version__: str

__all__ = [
    "AsyncScorer",
    "BiEncoder",
    "CachedScorer",
    "Calibrated",
    "Calibration",
    "Cascade",
    "CrossEncoder",
    "Passage",
    "RankedDocument",
    "RemoteScorer",
    "Scorer",
    "__version__",
    "arank",
    "rank",
]


# Where each of them is.
_HOMES = {
    "AsyncScorer": "ranking",
    "BiEncoder": "bi_encoder",
    "CachedScorer": "cached_scorer",
    "Calibrated": "calibration",
    "Calibration": "calibration",
    "Cascade": "cascade",
    "CrossEncoder": "cross_encoder",
    "Passage": "ranking",
    "RankedDocument": "ranking",
    "RemoteScorer": "remote",
    "Scorer": "ranking",
    "arank": "ranking",
    "rank": "ranking",
}

if not TYPE_CHECKING:  # a type checker that saw this function would take any name for a public one

    def __getattr__(name: str) -> object:
        """Load what takes time (torch takes seconds, numpy tenths) when it is first asked for (PEP 562)."""
        if name == "__version__":
            from importlib.metadata import version  # noqa: PLC0415 - the point of this function

            return version("secondpass")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - likewise

        return getattr(import_module(f"secondpass.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
