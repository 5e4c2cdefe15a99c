"""Documents out of files: lines, JSONL, TREC collections, or whole texts."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from secondpass.errors import InputError
from secondpass.files import decode, json_objects, read_text, with_title

# What stands for standard input among paths.
STDIN = Path("-")
# Where JSON objects hold a text and an id; the first that is there counts.
_TEXT_FIELDS = ("text", "contents", "content", "body", "passage", "document")
_ID_FIELDS = ("_id", "id", "docid", "doc_id", "pid")


class Format(StrEnum):
    """How a file holds documents."""

    AUTO = "auto"
    """By the file's name: .jsonl and .ndjson, .trec and .sgml, else text; standard input holds JSONL or lines."""
    LINES = "lines"
    """One document per line; blank lines are left out."""
    JSONL = "jsonl"
    """One JSON object per line, its text under "text" (or contents, content, body, ...), with an optional title."""
    TREC = "trec"
    """<DOC> elements with <DOCNO> and text, as in TREC collections."""
    TEXT = "text"
    """The whole file is one document: Markdown, plain text."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document and what it is called.

    Args:
        id: Its own id, or else its file and line.
        text: What is ranked.
    """

    id: str
    text: str


def read_documents(files: Sequence[Path], format_: Format = Format.AUTO) -> list[Document]:
    """All documents of the files, in order.

    Args:
        files: Paths, also gzipped ones; "-" is standard input.
        format_: How all of them are read.

    Raises:
        InputError: A file cannot be read or one of its lines is malformed; the message names them.
    """
    return [document for file in files for document in _read(file, format_)]


def _read(file: Path, format_: Format) -> Iterator[Document]:
    text = decode(sys.stdin.buffer.read(), "standard input") if file == STDIN else read_text(file)
    match _guess_format(file, text) if format_ is Format.AUTO else format_:
        case Format.JSONL:
            return _jsonl(_lines(file, text))
        case Format.TREC:
            return _trec(file, text)
        case Format.LINES:
            return (Document(where, line) for where, line in _lines(file, text))
    return iter([Document(str(file), text)])


def _lines(file: Path, text: str) -> Iterator[tuple[str, str]]:
    """Each line that is not blank, as ("file:line", text); split at line feeds alone, for JSON may hold U+2028."""
    return ((f"{file}:{number}", line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _guess_format(file: Path, text: str) -> Format:
    if file == STDIN:
        return Format.JSONL if text.lstrip().startswith("{") else Format.LINES
    suffix = Path(file.stem).suffix if file.suffix == ".gz" else file.suffix
    return {".jsonl": Format.JSONL, ".ndjson": Format.JSONL, ".trec": Format.TREC, ".sgml": Format.TREC}.get(
        suffix.lower(), Format.TEXT
    )


def _jsonl(numbered: Iterable[tuple[str, str]]) -> Iterator[Document]:
    for where, row in json_objects(numbered):
        body = next((row[name] for name in _TEXT_FIELDS if name in row), None)
        if not isinstance(body, str):
            raise InputError(f"{where}: must be a JSON object with its text under one of {_TEXT_FIELDS}")
        title = row.get("title")
        name = next((str(row[field]) for field in _ID_FIELDS if field in row), where)
        yield Document(name, with_title(title if isinstance(title, str) else "", body))


def _trec(file: Path, text: str) -> Iterator[Document]:
    blocks = re.findall(r"<DOC>(.*?)</DOC>", text, flags=re.DOTALL | re.IGNORECASE)
    if not blocks:
        raise InputError(f"{file} must hold <DOC> elements, got none")
    for number, block in enumerate(blocks, 1):
        name = re.search(r"<DOCNO>\s*(.*?)\s*</DOCNO>", block, flags=re.DOTALL | re.IGNORECASE)
        if name is None:
            raise InputError(f"{file}: <DOC> number {number} has no <DOCNO>")
        rest = block.replace(name.group(0), " ")
        yield Document(name.group(1), " ".join(re.sub(r"<[^>]+>", " ", rest).split()))
