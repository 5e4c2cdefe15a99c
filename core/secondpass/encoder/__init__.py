"""The transformer itself, over packed (padding-free) tokens."""

from secondpass.encoder.batch import TokenBatch
from secondpass.encoder.precision import Precision

__all__ = ["Precision", "TokenBatch"]
