"""Cross-encoder rerankers that score every published checkpoint as its authors meant.

What this module lists is public, and so is what the reference documents; everything else may change without notice.
"""

from typing import TYPE_CHECKING

from secondpass.calibration import Calibrated, Calibration
from secondpass.ranking import AsyncScorer, Passage, RankedDocument, Scorer, arank, rank

if TYPE_CHECKING:
    from secondpass.bi_encoder import BiEncoder
    from secondpass.cached_scorer import CachedScorer
    from secondpass.cascade import Cascade
    from secondpass.cross_encoder import CrossEncoder
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


if not TYPE_CHECKING:  # a type checker that saw this function would take any name for a public one

    def __getattr__(name: str) -> object:
        """Load what takes time (torch and transformers take seconds) when it is first asked for (PEP 562)."""
        if name == "CrossEncoder":
            from secondpass.cross_encoder import CrossEncoder  # noqa: PLC0415 - the point of this function

            return CrossEncoder
        if name == "BiEncoder":
            from secondpass.bi_encoder import BiEncoder  # noqa: PLC0415 - likewise

            return BiEncoder
        if name == "Cascade":
            from secondpass.cascade import Cascade  # noqa: PLC0415 - likewise

            return Cascade
        if name == "CachedScorer":
            from secondpass.cached_scorer import CachedScorer  # noqa: PLC0415 - likewise

            return CachedScorer
        if name == "RemoteScorer":
            from secondpass.remote import RemoteScorer  # noqa: PLC0415 - likewise

            return RemoteScorer
        if name == "__version__":
            from importlib.metadata import version  # noqa: PLC0415 - likewise

            return version("secondpass")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
