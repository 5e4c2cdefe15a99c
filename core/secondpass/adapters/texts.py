"""What a model reads of a document that has metadata."""

from collections.abc import Iterable, Mapping

from secondpass.arguments import describe
from secondpass.errors import InputTypeError


def text_with_metadata(text: object, metadata: object, names: Iterable[str], *, separator: str = "\n") -> str:
    """The metadata of these names, where the document has it, and then the text.

    Args:
        text: The document's own text.
        metadata: All of its metadata; None counts as absent, 0, False and "" are values.
        names: Which metadata, in this order.
        separator: Between values, and between the last value and the text.

    Raises:
        InputTypeError: The text is not a string, or the metadata is not a dict: frameworks do not check all they hold.
    """
    if not isinstance(text, str):
        raise InputTypeError(f"a document's text must be a string, got {describe(text)}")
    if not isinstance(metadata, Mapping):
        raise InputTypeError(f"a document's metadata must be a dict, got {describe(metadata)}")
    values = (metadata.get(name) for name in names)
    return separator.join([*(str(value) for value in values if value is not None), text])
