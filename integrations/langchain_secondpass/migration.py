"""What LangChain's other rerankers call our parameters."""

from typing import Final

from secondpass.adapters.foreign_arguments import SENTENCE_TRANSFORMERS, Readers, inside, read_as, refuse
from secondpass.adapters.migration import BATCH_SIZE, MODEL_NAMES, SERVICES

# HuggingFaceCrossEncoder, which gives its `model_kwargs` to sentence-transformers.
CROSS_ENCODERS: Final[Readers] = {
    **SERVICES,
    **MODEL_NAMES,
    "model_kwargs": inside(SENTENCE_TRANSFORMERS),
    "cache_folder": read_as("cache_dir"),
    "batch_size": BATCH_SIZE,
}
# FlashrankRerank, CohereRerank, VoyageAIRerank and others, and the above.
RERANKERS: Final[Readers] = {
    **CROSS_ENCODERS,
    "top_k": read_as("top_n", none_counts=True),
    "prefix_metadata": refuse('write score_key="PREFIX_relevance_score" for the score; no id is written'),
    "rank_fields": refuse("write metadata_fields=..., the names of metadata to read in front of the text"),
}
