"""sentence-transformers' `CrossEncoder` for inference: its calls and its scores, on the engine of this package.

Code that says `from sentence_transformers import CrossEncoder` moves over by that line. sentence-transformers itself is
neither needed nor imported.
"""

from secondpass.sentence_transformers.cross_encoder import CrossEncoder

__all__ = ["CrossEncoder"]
