"""LlamaIndex: cross-encoder reranking as a node postprocessor."""

from secondpass.extras import optional_import

with optional_import("llama_index", "llama_index.core", feature="llama_index_secondpass", extra="llama-index"):
    import llama_index.core  # noqa: F401 - only to see whether it is there

from llama_index_secondpass.rerank import SecondPassRerank

__all__ = ["SecondPassRerank"]
