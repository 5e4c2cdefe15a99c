"""Queries and documents by their ids, from JSON lines."""

from collections.abc import Callable
from pathlib import Path

from secondpass.errors import InputError
from secondpass.files.json_fields import Record, id_field, text_field, title_field
from secondpass.files.json_lines import json_lines


def read_queries(path: Path) -> dict[str, str]:
    """Query texts by `_id`, from JSON lines: a collection's own queries, or others.

    Raises:
        InputError: A line is malformed, or an id appears again; file and line are named.
    """
    return _texts(path, lambda record, where: text_field(record, "text", where))


def read_documents(path: Path) -> dict[str, str]:
    """Document texts by `_id`, from JSON lines; a `title` goes before the text."""
    return _texts(path, _title_and_text)


def with_title(title: str, text: str) -> str:
    """A document as a model reads it: its title, if it has one, then its text."""
    return f"{title} {text}" if title else text


def _texts(path: Path, read: Callable[[Record, str], str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for where, record in json_lines(path):
        key = id_field(record, "_id", where)
        if key in texts:
            raise InputError(f"{where}: _id must be unique, {key!r} appears again")
        texts[key] = read(record, where)
    return texts


def _title_and_text(record: Record, where: str) -> str:
    return with_title(title_field(record, where), text_field(record, "text", where)).strip()
