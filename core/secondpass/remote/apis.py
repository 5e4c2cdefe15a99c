"""The APIs that rerank services speak, as a client needs to know them: a new one is a line in `APIS`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

from secondpass.arguments import check_unicode
from secondpass.errors import InputError

ApiName: TypeAlias = Literal["secondpass", "tei", "cohere", "cohere-v1", "jina", "vllm", "infinity", "voyage"]

# Below every score there is in single precision: whatever a passage scores, it is named.
_NO_THRESHOLD: Final = -3.4e38


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """How one API is asked for scores, and where it answers them.

    Args:
        name: What `RemoteScorer` calls it.
        path: Where requests go, behind the address of the server.
        is_only_there: Whether no other path will do, such as one of another API that the same server speaks.
        documents: The field for the documents.
        score: The field of a result that holds its score.
        fixed: Fields that every request has: read what fits of long texts, and do not send the texts back.
        count: The field that says how many results to send; None where all of them come anyway.
        raw: Fields that ask for the model's own numbers; None where the API has no such field.
        most_documents: How many documents a request may have unless the server says otherwise; None: no known limit.
        has_spans: Whether it names passages where it is asked for them.
    """

    name: ApiName
    path: str
    is_only_there: bool = False
    documents: str = "documents"
    score: str = "relevance_score"
    fixed: Mapping[str, object] = field(default_factory=dict)
    count: str | None = "top_n"
    raw: Mapping[str, object] | None = None
    most_documents: int | None = None
    has_spans: bool = False

    def body(self, query: str, documents: Sequence[str], *, model: str | None, raw: bool, spans: bool) -> bytes:
        """A request as it is sent.

        Args:
            query: What is asked.
            documents: The candidates.
            model: The name of a model; None leaves it to the server.
            raw: Ask for raw scores.
            spans: Ask for passages.

        Raises:
            InputError: A text is no Unicode text.
        """
        fields: dict[str, object] = {"query": query, self.documents: documents, **self.fixed}
        if model is not None:
            fields["model"] = model
        if self.count is not None:
            fields[self.count] = len(documents)
        if raw and self.raw is not None:
            fields.update(self.raw)
        if spans and self.has_spans:
            fields["relevant_spans"] = {"threshold": _NO_THRESHOLD, "max_spans": 1}
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        try:
            return text.encode()
        except UnicodeEncodeError:
            check_unicode(query, "query")
            for index, document in enumerate(documents):
                check_unicode(document, "documents[", index, "]")
            raise


_RAW_SCORES: Final = MappingProxyType({"raw_scores": True})
_NO_DOCUMENTS: Final = MappingProxyType({"return_documents": False})

# Sources of the limits: TEI's --max-client-batch-size, infinity's ITEMS_LIMIT, and the references of Cohere's and
# Voyage's APIs.
_ALL: Final = (
    Api(
        name="secondpass",
        path="/v2/rerank",
        is_only_there=True,
        fixed=_NO_DOCUMENTS,
        raw=_RAW_SCORES,
        has_spans=True,
    ),
    Api(
        name="tei",
        path="/rerank",
        documents="texts",
        score="score",
        fixed=MappingProxyType({"truncate": True}),
        count=None,
        raw=_RAW_SCORES,
        most_documents=32,
    ),
    Api(name="cohere", path="/v2/rerank", most_documents=1000),
    Api(name="cohere-v1", path="/v1/rerank", fixed=_NO_DOCUMENTS, most_documents=1000),
    Api(name="jina", path="/v1/rerank", fixed=_NO_DOCUMENTS),
    Api(
        name="vllm",
        path="/rerank",
        fixed=MappingProxyType({"truncate_prompt_tokens": -1}),  # the model's own limit
        raw=MappingProxyType({"use_activation": False}),
    ),
    Api(name="infinity", path="/rerank", fixed=_NO_DOCUMENTS, raw=_RAW_SCORES, most_documents=2048),
    Api(
        name="voyage",
        path="/v1/rerank",
        fixed=MappingProxyType({"return_documents": False, "truncation": True}),
        count="top_k",
        most_documents=1000,
    ),
)
APIS: Final[Mapping[str, Api]] = MappingProxyType({api.name: api for api in _ALL})
API_NAMES: Final[tuple[str, ...]] = get_args(ApiName)


def check_raw(api: Api, *, raw: bool) -> None:
    """Raise InputError where raw scores are wanted of an API that has none."""
    if raw and api.raw is None:
        having = ", ".join(other.name for other in _ALL if other.raw is not None)
        raise InputError(f'raw_scores must be False with the API "{api.name}", which has none: {having} have them')
