"""LlamaIndex: cross-encoder reranking as a node postprocessor."""

from secondpass.errors import MissingExtraError

try:
    import llama_index.core  # noqa: F401 - only to see whether it is there
except ModuleNotFoundError as error:
    if error.name not in {"llama_index", "llama_index.core"}:
        raise
    raise MissingExtraError("llama_index_secondpass", "llama-index") from None

from llama_index_secondpass.rerank import SecondPassRerank

__all__ = ["SecondPassRerank"]
