"""Cross-encoder rerankers that score every published checkpoint as its authors meant."""

from secondpass.ranking import RankedDocument, Scorer, rank

__all__ = ["RankedDocument", "Scorer", "rank"]
