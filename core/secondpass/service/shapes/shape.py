"""What an API's shape is, and the parts of answers that several of them share."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar
from uuid import uuid4

from pydantic import BaseModel

from secondpass.service.problems import Problem
from secondpass.service.requests import RerankRequest
from secondpass.service.results import Ranking


class Shape(ABC):
    """One API: how it asks for a ranking, how it answers, and how it says that something is wrong."""

    fields: ClassVar[type[BaseModel]]
    """The fields of a request that are read."""

    @abstractmethod
    def read(self, body: Mapping[str, object]) -> RerankRequest:
        """The request.

        Raises:
            Problem: A field breaks a rule.
        """

    @abstractmethod
    def answer(self, request: RerankRequest, ranking: Ranking) -> object:
        """The answer, ready for JSON."""

    @abstractmethod
    def error(self, problem: Problem) -> object:
        """The body of an answer that says what is wrong, ready for JSON."""

    def status(self, problem: Problem) -> int:
        """The HTTP status that goes with it."""
        return problem.kind.status


def text_objects(texts: Sequence[str]) -> tuple[object, ...]:
    """Documents as an answer repeats them where it does so as objects."""
    return tuple({"text": text} for text in texts)


def results(
    request: RerankRequest, ranking: Ranking, *, score: str = "relevance_score", document: str = "document"
) -> list[dict[str, object]]:
    """The documents of an answer, best first.

    Args:
        request: What was asked.
        ranking: What was found.
        score: What the API calls a score; most have Cohere's word.
        document: What it calls a document that the answer repeats; likewise.
    """
    answered: list[dict[str, object]] = []
    for ranked in ranking.ranked:
        result: dict[str, object] = {"index": ranked.index, score: ranked.score}
        if request.shown is not None:
            result[document] = request.shown[ranked.index]
        answered.append(result)
    return answered


def rerank_object(request: RerankRequest, ranking: Ranking) -> dict[str, object]:
    """An answer as infinity and vLLM give it."""
    return {
        "id": new_id(),
        "object": "rerank",
        "model": ranking.model,
        "usage": usage(ranking.n_tokens),
        "results": results(request, ranking),
    }


def error_object(problem: Problem, type_: str) -> dict[str, object]:
    """What is wrong, in the form that OpenAI gave it.

    Args:
        problem: What it is.
        type_: The API's own word for its kind.
    """
    error = {"message": problem.message, "type": type_, "param": problem.parameter, "code": problem.kind.status}
    return {"error": error}


def usage(n_tokens: int) -> dict[str, int]:
    """How much was read, in the form that OpenAI gave the field."""
    return {"prompt_tokens": n_tokens, "total_tokens": n_tokens}


def new_id(prefix: str = "rerank-") -> str:
    """A name for an answer that no other has."""
    return f"{prefix}{uuid4().hex}"
