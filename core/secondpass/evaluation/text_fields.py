"""The fields of JSON lines that hold texts: a query, or a list of documents."""

from secondpass.errors import InputError


def text_field(record: dict[str, object], name: str, where: str) -> str:
    """A field that holds a string.

    Args:
        record: The JSON object of a line.
        name: Of the field.
        where: The line as errors call it, `file:line`.

    Raises:
        InputError: It holds something else, or is missing.
    """
    value = record.get(name)
    if not isinstance(value, str):
        raise InputError(f"{where}: {name} must be a string, got {repr(value)[:60]}")
    return value


def texts_field(record: dict[str, object], name: str, where: str) -> tuple[str, ...]:
    """A field that holds one string or a list of strings.

    Args:
        record: The JSON object of a line.
        name: Of the field.
        where: The line as errors call it, `file:line`.

    Raises:
        InputError: It holds something else, or is missing.
    """
    value = record.get(name)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{where}: {name} must be a string or a list of strings, got {repr(value)[:60]}")
    return tuple(texts)
