"""Whether what an adapter is asked to rank are its framework's own documents."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TypeVar

from secondpass.arguments import describe_apart, items_of
from secondpass.errors import InputTypeError

_Document = TypeVar("_Document")


def check_framework_documents(documents: object, kind: type[_Document], *, name: str, instead: str) -> list[_Document]:
    """The documents as a new list.

    Args:
        documents: What the caller gave.
        kind: The framework's class for them.
        name: What the caller calls them.
        instead: How something else becomes one of them, for the message.

    Raises:
        InputTypeError: They are not an ordered collection of `kind`.
    """
    expected = f"{kind.__module__.partition('.')[0]} {kind.__name__}"
    # A pydantic model is an iterable, of its fields.
    single = isinstance(documents, kind | str | bytes | Mapping | AbstractSet) or hasattr(documents, "model_fields_set")
    given = None if single else items_of(documents)
    if given is None:
        raise InputTypeError(f"{name} must be a list of {expected}, got {describe_apart(documents, kind.__name__)}")
    items: list[_Document] = []
    for index, item in enumerate(given):
        if not isinstance(item, kind):
            raise InputTypeError(
                f"{name}[{index}] must be a {expected}, got {describe_apart(item, kind.__name__)}: {instead}"
            )
        items.append(item)
    return items
