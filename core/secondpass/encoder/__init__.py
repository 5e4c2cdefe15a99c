"""The transformer itself, over packed (padding-free) tokens."""

from secondpass.encoder.arithmetic.precision import Precision, check_precision
from secondpass.encoder.batch import TokenBatch
from secondpass.encoder.build import packed
from secondpass.encoder.encoder import PackedEncoder, Pooling
from secondpass.encoder.transfer import moved

__all__ = ["PackedEncoder", "Pooling", "Precision", "TokenBatch", "check_precision", "moved", "packed"]
