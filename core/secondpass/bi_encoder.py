"""Re-ranking by embeddings: the bi-encoder rows of the model cards' tables, with the calls of a cross-encoder."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from secondpass.checkpoint.bi_encoder import DOCUMENT_PROMPTS, QUERY_PROMPTS, EmbeddingModel, load_embedding
from secondpass.checkpoint.source import check_name
from secondpass.checkpoint.stored_formats import is_stored_in_float16
from secondpass.concurrency.forked import call_safely
from secondpass.encoder.rounding_texts import RANGE_PAIRS
from secondpass.errors import CheckpointError, InputError
from secondpass.execution.aggregation import aggregate
from secondpass.execution.ambient import plain_torch
from secondpass.execution.build_networks import float32_parts_of, networks_on
from secondpass.execution.devices import Placement, device_names, placement_for
from secondpass.execution.network import Network
from secondpass.execution.pipeline import Outputs, Pipeline
from secondpass.fingerprints import Fingerprint
from secondpass.local.local_scorer import LocalScorer
from secondpass.local.read_block import ReadBlock
from secondpass.model_names import portable_name
from secondpass.options import DType, LongDocuments, ModelOptions, WindowAggregation
from secondpass.ranking import Pair
from secondpass.tokenization.long_documents import TruncatingReader, reader_for
from secondpass.tokenization.pairs import OneTextTokenizer
from secondpass.tokenization.passages import passage_spans
from secondpass.tokenization.windows import Span

# A bi-encoder has neither labels nor a logit (`Calibrated` calibrates its similarities), a prompt for each side, and
# remote code could compare vectors in any way.
_MEANINGLESS = ("activation", "calibration", "instruction", "label", "trust_remote_code")


class BiEncoder(LocalScorer):
    """A bi-encoder as a scorer: the similarity of a query's embedding and each document's.

    Scores are cosines, -1 to 1, or dot products where the checkpoint says so. Any number of threads and tasks may
    share one.

    Args:
        model: Hub id, local folder, or the name of a bundled model.
        document_model: What embeds documents, where that is another checkpoint, as in DPR; None takes `model`.
        revision: Branch, tag or commit of `model` on the hub.
        token: Hub token, for private checkpoints; False sends none, not even one that huggingface_hub finds.
        cache_dir: Where downloads are kept.
        local_files_only: Never ask the network.
        device: As in `CrossEncoder`.
        dtype: As in `CrossEncoder`.
        max_length: Tokens of a text, special tokens included; None takes the checkpoint's own limit.
        batch_tokens: Tokens per forward pass; None chooses for the device.
        long_documents: How a document that does not fit is handled: "truncate" reads what fits,
            "windows" reads all of it, in overlapping windows that are scored one by one.
        window_overlap: Tokens that neighbouring windows share at most, and never more than half of a window; None takes
            a quarter of a window.
        window_aggregation: What a document is scored by: the similarity of its best window ("max"), or the mean of
            those of the three best ("mean-top-3").

    Raises:
        CheckpointError: The checkpoint is not a bi-encoder, or cannot be read the way its authors meant.
        InputError: An argument breaks a rule.
    """

    def __init__(  # noqa: PLR0913 - one argument per choice, all but the model by keyword
        self,
        model: str | Path,
        *,
        document_model: str | Path | None = None,
        revision: str | None = None,
        token: str | Literal[False] | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        device: str | torch.device | Sequence[str | torch.device] | None = None,
        dtype: DType | None = None,
        max_length: int | None = None,
        batch_tokens: int | None = None,
        long_documents: LongDocuments = "truncate",
        window_overlap: int | None = None,
        window_aggregation: WindowAggregation = "max",
    ) -> None:
        options = ModelOptions(
            revision=revision,
            token=token,
            cache_dir=None if cache_dir is None else str(cache_dir),
            local_files_only=local_files_only,
            device=device_names(device),
            dtype=dtype,
            max_length=max_length,
            batch_tokens=batch_tokens,
            long_documents=long_documents,
            window_overlap=window_overlap,
            window_aggregation=window_aggregation,
        )
        self._load(
            check_name(model), options, None if document_model is None else check_name(document_model, "document_model")
        )

    @classmethod
    def from_options(cls, model: str, options: ModelOptions, document_model: str | None = None) -> Self:
        """A model loaded with options that are one value; copies and pickles are made so, without `__init__`.

        Raises:
            InputError: An option means nothing to a bi-encoder.
        """
        meaningless = [name for name in options.given() if name in _MEANINGLESS]
        if meaningless:
            raise InputError(f"{', '.join(meaningless)} must be left out: a bi-encoder has no use for it")
        loaded = cls.__new__(cls)
        loaded._load(model, options, document_model)  # noqa: SLF001 - its own
        return loaded

    def _load(self, name: str, options: ModelOptions, document_model: str | None) -> None:
        placement, queries, documents = call_safely(partial(_load_sides, name, options, document_model))
        super().__init__(
            name,
            options,
            max_length=queries.embedding.max_length,
            placement=placement,
            float32_parts=_parts_by_side(queries.networks, documents.networks),
        )
        self._document_model = None if document_model is None else portable_name(document_model)
        self._reader = reader_for(documents.tokenize, options.long_documents, options.window_overlap)
        self._queries = Pipeline(TruncatingReader(queries.tokenize), queries.networks, placement.batch_tokens)
        self._documents = Pipeline(self._reader, documents.networks, placement.batch_tokens)
        sides = (queries,) if document_model is None else (queries, documents)
        self._files = [side.embedding.files for side in sides]
        self._cosine = queries.embedding.cosine

    def fingerprint(self) -> str:
        """What the scores depend on, in one string: the checkpoints' files, precision and limit.

        And the windows of long documents, where they are read so. Kept beside scores, it says later whether they are
        still this model's. Devices are no part of it. Reads all of the checkpoints' files, the first time.

        Raises:
            CheckpointError: Files were changed after the model was loaded, and before they were first read for this.
        """
        fingerprint = Fingerprint(
            files=tuple(files.digest() for files in self._files),
            precision=self._placement.precision.identity,
            float32_parts=self.float32_parts,
            max_length=self.max_length,
            label=None,
            unit="cosine" if self._cosine else "dot",
            windows=self._options.window_settings(),
        )
        return str(fingerprint)

    def _read_blocks(self, blocks: Iterable[Sequence[Pair]]) -> Iterator[ReadBlock]:
        for_queries, for_documents = itertools.tee(blocks)
        queries = self._queries.run([query for query, _ in block] for block in for_queries)
        documents = self._documents.run([document for _, document in block] for block in for_documents)
        for of_queries, of_documents in zip(queries, documents, strict=True):
            yield call_safely(partial(self._read_block, of_queries, of_documents))

    def _read_block(self, queries: Outputs, documents: Outputs) -> ReadBlock:
        windows = documents.windows
        # A query that does not fit is, to the model that embeds it, a text that does not.
        truncated = queries.windows.document_truncated
        similarities = self._similarities(
            torch.from_numpy(queries.values.repeat(windows.counts, axis=0)), torch.from_numpy(documents.values)
        )
        best = aggregate(similarities, windows.counts, self._options.window_aggregation)
        return ReadBlock.of(
            best.relevance,
            similarities[best.best],
            replace(windows, query_truncated=truncated),
            best.best,
            queries.n_tokens + documents.n_tokens,
        )

    def _read_span(self, pair: Pair, window: Span) -> Span:
        return self._reader.read_span(pair[1], window)

    def _passage_spans(self, pair: Pair, max_tokens: int) -> list[Span]:
        return passage_spans(self._reader.tokenize, pair[1], max_tokens)

    @plain_torch()
    def _similarities(self, queries: torch.Tensor, documents: torch.Tensor) -> NDArray[np.float32]:
        """The similarity of each row of `queries` to the same row of `documents`."""
        if self._cosine:
            queries, documents = functional.normalize(queries), functional.normalize(documents)
        similarities: NDArray[np.float32] = torch.linalg.vecdot(documents, queries).numpy()
        return similarities

    def __reduce__(
        self,
    ) -> tuple[Callable[[str, ModelOptions, str | None], Self], tuple[str, ModelOptions, str | None]]:
        """Pickle by name: unpickling loads the checkpoints again, and no weights travel."""
        return type(self).from_options, (self._portable_name, self._options.portable(), self._document_model)


@dataclass(frozen=True, slots=True)
class _Side:
    """What embeds the queries, or the documents.

    Args:
        embedding: The checkpoint. Its model is not to be used, for its parameters are the networks'.
        tokenize: Texts of this side to tokens.
        networks: One for each device.
    """

    embedding: EmbeddingModel
    tokenize: OneTextTokenizer
    networks: list[Network]


@plain_torch()
def _load_sides(name: str, options: ModelOptions, document_model: str | None) -> tuple[Placement, _Side, _Side]:
    """Where and how they run, and what embeds queries and documents: of one checkpoint, with the same networks."""
    placement = placement_for(options.device, options.dtype, options.batch_tokens)
    queries = documents = load_embedding(name, options, options.max_length)
    if document_model is not None:
        # A revision is the first checkpoint's.
        documents = load_embedding(document_model, replace(options, revision=None), options.max_length)
    if queries.cosine != documents.cosine:
        raise CheckpointError(f"{name} and {document_model} compare vectors in different ways")
    if options.dtype is None:
        models = (queries, documents)
        placement = placement.for_weights(lambda: all(is_stored_in_float16(model.folder) for model in models))
    of_queries = _side(placement, queries, QUERY_PROMPTS)
    if documents is queries:
        return placement, of_queries, replace(of_queries, tokenize=queries.text_tokenizer(DOCUMENT_PROMPTS))
    return placement, of_queries, _side(placement, documents, DOCUMENT_PROMPTS)


def _side(placement: Placement, embedding: EmbeddingModel, prompt_names: Sequence[str]) -> _Side:
    tokenize = embedding.text_tokenizer(prompt_names)
    networks = networks_on(
        placement,
        embedding.model,
        lambda: tokenize([text for pair in RANGE_PAIRS for text in pair]),
        scores=partial(_similarities_of_all, cosine=embedding.cosine),
    )
    return _Side(embedding, tokenize, networks)


def _parts_by_side(of_queries: Sequence[Network], of_documents: Sequence[Network]) -> tuple[str, ...]:
    """The parts in float32, with the side that they belong to where the sides are two models."""
    if of_documents is of_queries:
        return float32_parts_of(of_queries)
    sides = {"query": of_queries, "document": of_documents}
    return tuple(f"{side}.{part}" for side, networks in sides.items() for part in float32_parts_of(networks))


def _similarities_of_all(embeddings: torch.Tensor, *, cosine: bool) -> torch.Tensor:
    """That of every document to every query, from the embeddings of queries and documents in turn.

    Shape: (2 n, n_dimensions) -> (n, n), documents by queries.
    """
    if cosine:
        embeddings = functional.normalize(embeddings)
    return embeddings[1::2] @ embeddings[::2].T
