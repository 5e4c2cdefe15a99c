"""What LlamaIndex's other rerankers call our parameters, and the order in which they take them."""

from collections.abc import Iterator
from typing import Final

from secondpass.adapters.foreign_arguments import (
    SENTENCE_TRANSFORMERS,
    Meaning,
    Readers,
    inside,
    read_as,
    refuse,
)
from secondpass.adapters.migration import BATCH_SIZE, MODEL_NAMES, SERVICES
from secondpass.arguments import check_flag, describe
from secondpass.errors import InputTypeError

# SentenceTransformerRerank of the plugin, and all other rerankers: those begin with how many nodes are kept.
_MODEL_FIRST: Final = ("model", "device", "cache_folder", "top_n", "keep_retrieval_score", "cross_encoder_kwargs")
_COUNT_FIRST: Final = ("top_n", "model")


def by_name(name: str, arguments: tuple[object, ...]) -> dict[str, object]:
    """What arguments by position are called.

    Args:
        name: The reranker's.
        arguments: Those of the call.

    Raises:
        InputTypeError: They are in the order of no reranker, or beyond the two that all rerankers share.
    """
    if not arguments:
        return {}
    first = arguments[0]
    if isinstance(first, str):
        names: tuple[str, ...] = _MODEL_FIRST
    elif isinstance(first, int) and not isinstance(first, bool):
        names = _COUNT_FIRST
    else:
        raise InputTypeError(f"model must be a name, got {describe(first)}: write {name}(model=..., top_n=...)")
    if len(arguments) > len(names):
        given = describe(arguments[len(names)])
        raise InputTypeError(f"{name} takes {', '.join(names)} by position, got {given} too: write its name")
    return dict(zip(names, arguments, strict=False))


def _read_use_fp16(source: str, value: object) -> Iterator[Meaning]:
    check_flag(source, value)
    yield Meaning("dtype", "float16" if value else "float32", source)


OTHER_NAMES: Final[Readers] = {
    **SERVICES,
    **MODEL_NAMES,
    # SentenceTransformerRerank
    "cache_folder": read_as("cache_dir"),
    "cross_encoder_kwargs": inside(SENTENCE_TRANSFORMERS),
    # FlagEmbeddingReranker
    "use_fp16": _read_use_fp16,
    # VoyageAIRerank
    "top_k": read_as("top_n", none_counts=True),
    "batch_size": BATCH_SIZE,
    "model_kwargs": refuse("write what it holds by name, such as dtype=..., device=..., revision=..."),
    # LLMRerank and RankGPTRerank
    "choice_batch_size": refuse("remove it, a cross-encoder asks no LLM"),
    "llm": refuse("remove it, a cross-encoder asks no LLM; name the checkpoint by model=..."),
}
