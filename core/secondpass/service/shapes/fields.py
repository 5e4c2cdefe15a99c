"""The fields of requests: those that all APIs share, and how a rule that is broken is told."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    Tag,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from secondpass.service.problems import Problem, invalid
from secondpass.service.requests import RequestOptions, RerankRequest

FieldsT = TypeVar("FieldsT", bound=BaseModel)

# Which form of a document was tried: a part of an error's place that is ours and not the caller's.
TEXT, OBJECT, LIST = "(text)", "(object)", "(list)"
# Rules in our words, by what pydantic calls an error that breaks them.
_RULES: Mapping[str, str] = {
    **dict.fromkeys(("string_type", "string_unicode"), "a string"),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "an integer"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "an object"),
    "bool_type": "true or false",
    "finite_number": "a finite number",
    "greater_than_equal": "at least {ge}",
    "list_type": "a list",
    "literal_error": "one of {expected}",
    "too_short": "a list of at least {min_length}",
}


class Fields(BaseModel):
    """The fields of a request that are read. Clients send others, too: these are left alone, and so are nulls."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class TextObject(Fields):
    """A document as an object."""

    text: str


def form(document: object) -> str:
    """Which form a document has."""
    return OBJECT if isinstance(document, dict | TextObject) else TEXT


def form_of_some(given: object) -> str:
    """Which form one document has, or several."""
    return LIST if isinstance(given, list) else form(given)


DocumentField = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[TextObject, Tag(OBJECT)],
    Discriminator(form),
]
"""A document: its text, or an object that holds it."""
DocumentOrListField = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[TextObject, Tag(OBJECT)] | Annotated[list[DocumentField], Tag(LIST)],
    Discriminator(form_of_some),
]
"""A document, or a list of them."""


def _no_truth(value: object) -> object:
    """A value, unless it is true or false, which Python takes for 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("float_type", "a number")
    return value


def _or_as_text(number: dict[str, Any], pattern: str) -> WithJsonSchema:
    """What the OpenAPI document says of a number: it may also come as a string, as some clients send it."""
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": pattern}]})


def given(*names: str) -> dict[str, Any]:
    """What the OpenAPI document says of requests that have these fields, and not as null."""
    return {"required": list(names), "properties": {name: {"not": {"type": "null"}} for name in names}}


_WHOLE = r"^[0-9]{1,9}$"
NumberField = Annotated[
    float,
    BeforeValidator(_no_truth),
    Field(allow_inf_nan=False),
    _or_as_text({"type": "number"}, r"^-?[0-9]{1,9}(\.[0-9]{1,9})?$"),
]
CountField = Annotated[
    int,
    BeforeValidator(_no_truth),
    Field(ge=1),
    _or_as_text({"type": "integer", "minimum": 1}, r"^[1-9][0-9]{0,8}$"),
]
LimitField = Annotated[
    int, BeforeValidator(_no_truth), Field(ge=0), _or_as_text({"type": "integer", "minimum": 0}, _WHOLE)
]
"""At most so many; 0 for no limit."""
PairLimitField = Annotated[
    int, BeforeValidator(_no_truth), Field(ge=-1), _or_as_text({"type": "integer", "minimum": -1}, rf"^-1$|{_WHOLE}")
]
"""As `LimitField`; -1 for the model's own, as vLLM has it."""
SideField = Literal["Left", "Right", "left", "right"]


class OptionFields(Fields):
    """How texts are read and scored: every API has these, for clients of one send them to the place of another."""

    model: str | None = None
    raw_scores: StrictBool | None = None
    use_activation: StrictBool | None = None
    truncate: StrictBool | None = None
    truncation: StrictBool | None = None
    truncation_direction: SideField | None = None
    truncation_side: SideField | None = None
    truncate_prompt_tokens: PairLimitField | None = None
    max_tokens_per_query: LimitField | None = None
    max_tokens_per_doc: LimitField | None = None
    instruction: str | None = None

    def options(self) -> RequestOptions:
        """What they ask for; limits of 0, and one of -1 for the pair, stand for the model's own."""
        sides = {side.lower() for side in (self.truncation_direction, self.truncation_side) if side is not None}
        pair = self.truncate_prompt_tokens
        return RequestOptions(
            model=self.model,
            raw_scores=self.raw_scores is True or self.use_activation is False,
            truncate=self.truncate is not False and self.truncation is not False,
            truncation_side="left" if "left" in sides else "right" if sides else None,
            max_query_tokens=self.max_tokens_per_query or None,
            max_document_tokens=self.max_tokens_per_doc or None,
            max_pair_tokens=None if pair is None or pair < 1 else pair,
            instruction=self.instruction,
        )


class RerankFields(OptionFields):
    """What every API that ranks has beside its documents."""

    query: str
    top_n: LimitField | None = None
    top_k: LimitField | None = None
    return_documents: StrictBool | None = None
    return_text: StrictBool | None = None

    def request(self, texts: tuple[str, ...], *, shown: tuple[object, ...], shown_by_default: bool) -> RerankRequest:
        """What they ask for, of documents that the API gave in a form of its own.

        Args:
            texts: What is read of each.
            shown: What the answer repeats of each, where it does.
            shown_by_default: Whether it does where no field says so.
        """
        is_shown = self.return_text if self.return_documents is None else self.return_documents
        return RerankRequest(
            query=self.query,
            documents=texts,
            options=self.options(),
            shown=shown if (shown_by_default if is_shown is None else is_shown) else None,
            # What suits both fields; 0 and None keep all.
            top_k=min((most for most in (self.top_n, self.top_k) if most), default=None),
        )


class DocumentsFields(RerankFields):
    """What an API has whose documents are texts, or objects that hold one."""

    documents: list[DocumentField]


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


def _told(error: ErrorDetails) -> Problem:
    """A broken rule with the field that breaks it; what it holds is not repeated but for its kind."""
    place = ""
    for part in error["loc"]:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part not in (TEXT, OBJECT, LIST):
            place += f".{part}" if place else part
    if error["type"] == "missing":
        return invalid(f"{place} must be given", place)
    rule = _RULES.get(error["type"], "of another kind").format(**error.get("ctx", {}))
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
