"""The transformer itself, over packed (padding-free) tokens."""

from secondpass.encoder.arithmetic.precision import Precision, check_precision
from secondpass.encoder.batch import TokenBatch
from secondpass.encoder.build import packed_encoder
from secondpass.encoder.capabilities import Capabilities
from secondpass.encoder.encoder import PackedEncoder
from secondpass.encoder.pooling import Pooling
from secondpass.encoder.sensitivity import RoundingTexts
from secondpass.encoder.transfer import to_device

__all__ = [
    "Capabilities",
    "PackedEncoder",
    "Pooling",
    "Precision",
    "RoundingTexts",
    "TokenBatch",
    "check_precision",
    "packed_encoder",
    "to_device",
]
