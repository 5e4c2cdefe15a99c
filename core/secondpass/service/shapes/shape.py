"""What every API's shape is made of: the fields they share, and how a rule that is broken is told."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError
from pydantic_core import ErrorDetails

from secondpass.service.problems import Problem, invalid
from secondpass.service.rerank_request import Ranking, RerankRequest

FieldsT = TypeVar("FieldsT", bound=BaseModel)

# Which form of a document was tried: a part of an error's place that is ours and not the caller's.
TEXT, OBJECT = "(text)", "(object)"


class Fields(BaseModel):
    """The fields of a request that are read. Clients send others, too: these are left alone, and so are nulls."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class TextObject(Fields):
    """A document as an object."""

    text: str


def form(document: object) -> str:
    """Which form a document has."""
    return OBJECT if isinstance(document, dict | TextObject) else TEXT


DocumentField = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[TextObject, Tag(OBJECT)],
    Discriminator(form),
]
"""A document: its text, or an object that holds it."""

CountField = Annotated[int, Field(ge=1)]


class Shape(ABC):
    """One API: how it asks for a ranking, how it answers, and how it says that something is wrong."""

    name: ClassVar[str]
    """The API, as its users know it."""
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
        return problem.kind.value


def parse(fields: type[FieldsT], body: Mapping[str, object]) -> FieldsT:
    """The fields of a request.

    Raises:
        Problem: A field breaks a rule; the first one is told.
    """
    try:
        return fields.model_validate(body)
    except ValidationError as error:
        raise _told(error.errors(include_url=False)[0]) from None


def text_of(document: str | TextObject) -> str:
    """The text of a document in either form."""
    return document if isinstance(document, str) else document.text


def texts_of(documents: Sequence[str | TextObject]) -> tuple[str, ...]:
    """The texts of documents in either form."""
    return tuple(map(text_of, documents))


def text_objects(texts: Sequence[str], *, are_shown: bool) -> tuple[object, ...] | None:
    """Documents as an answer repeats them where it does so as objects; None where they are not shown."""
    return tuple({"text": text} for text in texts) if are_shown else None


def results(request: RerankRequest, ranking: Ranking) -> list[dict[str, object]]:
    """The documents of an answer, best first, in the form that Cohere gave the field."""
    answered: list[dict[str, object]] = []
    for document in ranking.ranked:
        result: dict[str, object] = {"index": document.index, "relevance_score": document.score}
        if request.shown is not None:
            result["document"] = request.shown[document.index]
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
    error = {"message": problem.message, "type": type_, "param": problem.parameter, "code": problem.kind.value}
    return {"error": error}


def usage(n_tokens: int) -> dict[str, int]:
    """How much was read, in the form that OpenAI gave the field."""
    return {"prompt_tokens": n_tokens, "total_tokens": n_tokens}


def new_id(prefix: str = "rerank-") -> str:
    """A name for an answer that no other has."""
    return f"{prefix}{uuid4().hex}"


def _told(error: ErrorDetails) -> Problem:
    """A broken rule with the field that breaks it; what it holds is not repeated but for its kind."""
    place = ""
    for part in error["loc"]:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part not in (TEXT, OBJECT):
            place += f".{part}" if place else part
    if error["type"] == "missing":
        return invalid(f"{place} must be given", place)
    rule = error["msg"].removeprefix("Input should be ").removeprefix("Value should be ")
    return invalid(f"{place} must be {rule}, got {_kind(error['input'])}", place)


def _kind(value: object) -> str:
    """What a value is, in the words of JSON; a number is short enough to be shown."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)[:40]
        case str():
            return "a string"
        case Mapping():
            return "an object"
        case _:
            return "an array"
