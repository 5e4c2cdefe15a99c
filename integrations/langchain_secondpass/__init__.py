"""LangChain: cross-encoder reranking as a document compressor, and the cross-encoder for `CrossEncoderReranker`."""

from typing import TYPE_CHECKING

from secondpass.errors import MissingExtraError

try:
    import langchain_core
except ModuleNotFoundError as error:
    if error.name != "langchain_core":
        raise
    raise MissingExtraError("langchain_secondpass", "langchain") from None

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
        raise ImportError(
            f"{name} needs langchain-core 1.2.19 or newer, got {langchain_core.__version__}: "
            'pip install "langchain-core>=1.2.19"'
        ) from None
    return SecondPassCrossEncoder
