"""The APIs that rerank clients speak, and which of them a request speaks.

A new one is a file here, its places in `SHAPES_AT`, and its sign in `spoken`.
"""

from collections.abc import Mapping

from secondpass.service.problems import invalid
from secondpass.service.shapes.cohere_v1 import CohereV1
from secondpass.service.shapes.cohere_v2 import CohereV2
from secondpass.service.shapes.infinity import Infinity
from secondpass.service.shapes.jina import Jina
from secondpass.service.shapes.litellm import LiteLlm
from secondpass.service.shapes.shape import Shape
from secondpass.service.shapes.tei import TEI_BACKEND_FAILED, Tei
from secondpass.service.shapes.vllm import Vllm, VllmScoreFields
from secondpass.service.shapes.voyage import Voyage

__all__ = [
    "DOCUMENTS_FIELDS",
    "FIELD_PLACES",
    "PLACES",
    "SCORE_PLACES",
    "SHAPES",
    "SHAPES_AT",
    "TEI_BACKEND_FAILED",
    "VLLM",
    "Shape",
    "VllmScoreFields",
    "at",
    "check_fields",
    "check_one_documents_field",
    "spoken",
]

TEI, VLLM, INFINITY, VOYAGE, JINA = Tei(), Vllm(), Infinity(), Voyage(), Jina()
COHERE_V1, COHERE_V2, LITELLM = CohereV1(), CohereV2(), LiteLlm()
SHAPES_AT: Mapping[str, tuple[Shape, ...]] = {
    "/rerank": (TEI, VLLM, INFINITY, LITELLM, VOYAGE),
    "/v1/rerank": (TEI, JINA, COHERE_V1, VLLM, VOYAGE),
    "/v2/rerank": (TEI, COHERE_V2),
}
"""The APIs that are spoken at each place of rankings."""
SCORE_PLACES = ("/score", "/v1/score")
"""Where pairs are scored, in vLLM's API."""
PLACES = (*SHAPES_AT, *SCORE_PLACES)
"""All places that answer with scores."""
SHAPES: tuple[Shape, ...] = tuple(dict.fromkeys(shape for shapes in SHAPES_AT.values() for shape in shapes))

# Fields by which a request of one API differs from those that others send to the same place.
_COHERE_V1_FIELDS = {"rank_fields", "max_chunks_per_doc"}
_VLLM_FIELDS = {"truncate_prompt_tokens", "truncation_side", "use_activation"}
_INFINITY_FIELDS = {"raw_scores"}
# By these, of all that LiteLLM sends, its `hosted_vllm` differs from its `infinity`.
_HOSTED_VLLM_FIELDS = {"instruction", "max_tokens_per_doc", "max_tokens_per_query"}
# Fields that one API alone has an answer to, and its place. All others that change scores are fields of every API.
FIELD_PLACES = {"rank_fields": "/v1/rerank", "relevant_spans": "/v2/rerank"}
# The fields for documents, of which a request for a ranking has one.
DOCUMENTS_FIELDS = ("texts", "documents")


def at(path: str) -> Shape:
    """The API of a place, for errors that are found before a request is read."""
    if path.startswith("/v2/"):
        return COHERE_V2
    if path in SCORE_PLACES:
        return VLLM
    return JINA if path.startswith("/v1/") else TEI


def spoken(path: str, body: Mapping[str, object], user_agent: str = "") -> Shape:
    """The API that a request speaks, by what came and where.

    Args:
        path: Where it came.
        body: Its fields.
        user_agent: The client's own name for itself: Cohere's sends nothing else that Jina's would not, and LiteLLM the
            same for infinity as for vLLM.
    """
    if body.get("texts") is not None or ("texts" in body and body.get("documents") is None):
        return TEI
    return COHERE_V2 if path == "/v2/rerank" else _spoken(path, body, user_agent)


def _spoken(path: str, body: Mapping[str, object], user_agent: str) -> Shape:
    """The API of a request with documents, at a place that several have."""
    given = {name for name, value in body.items() if value is not None}
    if path == "/v1/rerank" and (given & _COHERE_V1_FIELDS or user_agent.startswith("cohere/")):
        return COHERE_V1
    if given & _VLLM_FIELDS:
        return VLLM
    if _is_voyages(path, body):
        return VOYAGE
    if path == "/v1/rerank":
        return JINA
    is_either = user_agent.startswith("litellm/") and not given & _HOSTED_VLLM_FIELDS
    return LITELLM if is_either else INFINITY if given & _INFINITY_FIELDS else VLLM


def _is_voyages(path: str, body: Mapping[str, object]) -> bool:
    """Whether a request limits its answer as Voyage's do: by `top_k`, which its own client sends as null to say no."""
    if body.get("top_k") is not None:
        return body.get("top_n") is None
    return path == "/v1/rerank" and "top_k" in body and "top_n" not in body


def check_one_documents_field(body: Mapping[str, object]) -> None:
    """Raise Problem unless a request for a ranking has its documents in one field."""
    n_given = sum(body.get(name) is not None for name in DOCUMENTS_FIELDS)
    if n_given > 1:
        raise invalid("texts and documents must not both be given", "documents")
    if not n_given:
        raise invalid("documents (or texts) must be given", "documents")


def check_fields(shape: Shape, body: Mapping[str, object]) -> None:
    """Raise Problem where a request has a field that only another API could answer."""
    for name, place in FIELD_PLACES.items():
        if body.get(name) not in (None, []) and name not in shape.fields.model_fields:
            raise invalid(f"{name} must be sent to {place}, with documents", name)
