"""Re-ranking by embeddings: the bi-encoder rows of the model cards' tables, with the same calls as a cross-encoder."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from secondpass.checkpoint import Source
from secondpass.checkpoint.bi_encoder import DOCUMENT_PROMPTS, QUERY_PROMPTS, load_embedding
from secondpass.encoder.arithmetic.range_texts import RANGE_PAIRS
from secondpass.errors import CheckpointError, ScoringError
from secondpass.execution.devices import device_names, placement_for
from secondpass.execution.network import networks_on
from secondpass.execution.pipeline import Pipeline
from secondpass.options import DType, ModelOptions
from secondpass.ranking import RankedDocument, rank
from secondpass.ranking.checks import check_documents, check_query


class BiEncoder:
    """A bi-encoder as a scorer: the similarity of a query's embedding and each document's.

    Any number of threads and tasks may share one.

    Args:
        model: Hub id, local folder, or the name of a bundled model.
        document_model: What embeds documents, where that is another checkpoint, as in DPR; None takes `model`.
        revision: Branch, tag or commit of `model` on the hub.
        token: Hub token, for private checkpoints.
        cache_dir: Where downloads are kept.
        local_files_only: Never ask the network.
        device: As in `CrossEncoder`.
        dtype: As in `CrossEncoder`.
        max_length: Tokens of a text, special tokens included; None takes the checkpoint's own limit.
        batch_tokens: Tokens of one forward pass; None chooses for the device.

    Raises:
        CheckpointError: The checkpoint is no bi-encoder, or cannot be read the way its authors meant.
        InputError: An argument breaks a rule.
    """

    def __init__(  # noqa: PLR0913 - one argument a choice, all but the model by keyword
        self,
        model: str | Path,
        *,
        document_model: str | Path | None = None,
        revision: str | None = None,
        token: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        device: str | torch.device | None = None,
        dtype: DType | None = None,
        max_length: int | None = None,
        batch_tokens: int | None = None,
    ) -> None:
        # Checks what both scorers take, with the same words.
        ModelOptions(device=device_names(device), dtype=dtype, max_length=max_length, batch_tokens=batch_tokens)
        placement = placement_for(device, dtype, batch_tokens)
        source = Source(str(model), revision, token, cache_dir, local_files_only)
        queries = load_embedding(source, max_length)
        documents = queries if document_model is None else load_embedding(source.base(str(document_model)), max_length)
        if queries.cosine != documents.cosine:
            raise CheckpointError(f"{model} and {document_model} compare vectors in different ways")
        read_query, read_document = queries.encoder(QUERY_PROMPTS), documents.encoder(DOCUMENT_PROMPTS)
        texts = [text for pair in RANGE_PAIRS for text in pair]
        networks = networks_on(placement, queries.model, lambda: read_query(texts))
        self._queries = Pipeline(read_query, networks, placement.batch_tokens)
        if documents is not queries:
            networks = networks_on(placement, documents.model, lambda: read_document(texts))
        self._documents = Pipeline(read_document, networks, placement.batch_tokens)
        self._cosine = queries.cosine
        self.name = str(model)
        """What it was loaded as."""
        self.max_length = queries.max_length
        """Tokens of a text, special tokens included."""

    def score(self, query: str, documents: Iterable[str]) -> NDArray[np.float32]:
        """The similarity of each document's embedding to the query's.

        Args:
            query: What is asked.
            documents: Texts; never changed.

        Returns:
            Cosine, -1 to 1 (a dot product where the checkpoint says so), in the given order. Shape: (n_documents,).

        Raises:
            InputTypeError: The query is no string, or the documents are no list of strings.
            ScoringError: The model gave NaN.
        """
        check_query(query)
        texts = check_documents(documents)
        if not texts:
            return np.empty(0, np.float32)
        of_query = _vectors(self._queries, [query])
        of_documents = _vectors(self._documents, texts)
        if self._cosine:
            of_query, of_documents = functional.normalize(of_query), functional.normalize(of_documents)
        scores: NDArray[np.float32] = (of_documents @ of_query[0]).numpy()
        if np.isnan(scores).any():
            raise ScoringError(f"the model gave NaN for document {int(np.isnan(scores).argmax())}")
        return scores

    def rank(
        self, query: str, documents: Iterable[str], top_k: int | None = None, score_threshold: float | None = None
    ) -> list[RankedDocument]:
        """The documents, best first; see `CrossEncoder.rank`."""
        return rank(self, query, documents, top_k=top_k, score_threshold=score_threshold)

    async def ascore(self, query: str, documents: Iterable[str]) -> NDArray[np.float32]:
        """As `score`, in a thread: the event loop goes on meanwhile."""
        return await asyncio.to_thread(self.score, query, documents)

    async def arank(
        self, query: str, documents: Iterable[str], top_k: int | None = None, score_threshold: float | None = None
    ) -> list[RankedDocument]:
        """As `rank`, in a thread: the event loop goes on meanwhile."""
        return await asyncio.to_thread(self.rank, query, documents, top_k, score_threshold)


def _vectors(pipeline: Pipeline[str], texts: list[str]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate(list(pipeline.run(texts))))
