"""What a model reads of a document that has metadata."""

from collections.abc import Iterable, Mapping


def text_with_metadata(
    text: str, metadata: Mapping[str, object], names: Iterable[str], *, separator: str = "\n"
) -> str:
    """The metadata of these names, where the document has it, and then the text.

    Args:
        text: The document's own text.
        metadata: All of its metadata; None counts as absent, 0, False and "" are values.
        names: Which metadata, in this order.
        separator: Between values, and between the last value and the text.
    """
    values = (metadata.get(name) for name in names)
    return separator.join([*(str(value) for value in values if value is not None), text])
