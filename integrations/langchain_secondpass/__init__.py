"""LangChain: cross-encoder reranking as a document compressor, and the cross-encoder for `CrossEncoderReranker`."""

from importlib.metadata import version
from typing import TYPE_CHECKING

from secondpass.errors import MissingExtraError
from secondpass.extras import optional_import

with optional_import("langchain_core", feature="langchain_secondpass", extra="langchain"):
    import langchain_core  # noqa: F401 - only to see whether it is there

from langchain_secondpass.rerank import SecondPassRerank

if TYPE_CHECKING:
    from langchain_secondpass.cross_encoder import SecondPassCrossEncoder

__all__ = ["SecondPassCrossEncoder", "SecondPassRerank"]


def __getattr__(name: str) -> object:
    """Import on demand what a supported langchain-core may be too old for."""
    if name != "SecondPassCrossEncoder":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from langchain_secondpass.cross_encoder import SecondPassCrossEncoder  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        if error.name != "langchain_core.cross_encoders":
            raise
        raise MissingExtraError(
            name,
            "langchain",
            needs=f"langchain-core 1.2.19 or newer, got {version('langchain-core')}",
            install="langchain-core>=1.2.19",
        ) from None
    return SecondPassCrossEncoder
