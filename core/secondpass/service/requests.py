"""What is asked of the service, whatever API the words came in."""

from dataclasses import dataclass
from typing import Literal

from secondpass.ranking import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """Which model reads the texts of a request, how much of them, and what its scores become.

    Args:
        model: The name of a served model; None takes the first.
        raw_scores: Answer with logits.
        truncate: Read what fits of a text that is too long; False refuses the request.
        truncation_side: The end that may go; None is the model's own.
        max_query_tokens: Read at most so many tokens of a query; None leaves it to the model.
        max_document_tokens: Read at most so many tokens of each document; None leaves it to the model.
        max_pair_tokens: Read at most so many tokens of query and document together; None leaves it to the model.
        instruction: What the model is told about the task; None leaves it to the model.
    """

    model: str | None = None
    raw_scores: bool = False
    truncate: bool = True
    truncation_side: Literal["left", "right"] | None = None
    max_query_tokens: int | None = None
    max_document_tokens: int | None = None
    max_pair_tokens: int | None = None
    instruction: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankRequest:
    """Documents to put in order for a query.

    Args:
        query: What is asked.
        documents: The candidates' texts.
        options: How they are read.
        shown: What the answer repeats of each document, in the API's own form; None: nothing.
        top_k: Keep at most so many; None keeps all.
        span_threshold: The least score of a passage that the answer names, in its unit; None: it names none.
        document_place: What the request calls a document, with `{index}` for which one.
    """

    query: str
    documents: tuple[str, ...]
    options: RequestOptions
    shown: tuple[object, ...] | None = None
    top_k: int | None = None
    span_threshold: float | None = None
    document_place: str = "documents[{index}]"

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """What is to be scored."""
        return tuple((self.query, document) for document in self.documents)

    @property
    def query_place(self) -> str:
        """What the request calls the query."""
        return "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRequest:
    """Pairs to score; the answer keeps their order.

    Args:
        pairs: (query, document) each.
        options: How they are read.
        query_place: What the request calls a query, with `{index}` for which one where there are several.
        document_place: Likewise a document.
    """

    pairs: tuple[Pair, ...]
    options: RequestOptions
    query_place: str
    document_place: str
