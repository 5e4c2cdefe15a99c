"""Cross-encoder rerankers that score every published checkpoint as its authors meant."""

from typing import TYPE_CHECKING

from secondpass.ranking import RankedDocument, Scorer, rank

if TYPE_CHECKING:
    from secondpass.bi_encoder import BiEncoder
    from secondpass.cross_encoder import CrossEncoder

__all__ = ["BiEncoder", "CrossEncoder", "RankedDocument", "Scorer", "rank"]


def __getattr__(name: str) -> object:
    """Load what needs torch and transformers (seconds) when it is first asked for (PEP 562)."""
    if name == "CrossEncoder":
        from secondpass.cross_encoder import CrossEncoder  # noqa: PLC0415 - the point of this function

        return CrossEncoder
    if name == "BiEncoder":
        from secondpass.bi_encoder import BiEncoder  # noqa: PLC0415 - likewise

        return BiEncoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
