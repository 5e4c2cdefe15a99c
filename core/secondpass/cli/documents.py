"""Documents out of files: lines, JSONL, TREC collections, or whole texts."""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path

from secondpass.errors import InputError
from secondpass.files.json_fields import id_field, text_field, title_field
from secondpass.files.json_lines import json_objects
from secondpass.files.text import decode, read_text
from secondpass.ir_files.texts import with_title

# What stands for standard input among paths.
STDIN = Path("-")
# Where JSON objects hold a text and an id; the first that is there counts.
_TEXT_FIELDS = ("text", "contents", "content", "body", "passage", "document")
_ID_FIELDS = ("_id", "id", "docid", "doc_id", "pid")


class Format(StrEnum):
    """How a file holds documents."""

    AUTO = "auto"
    """By the file's name: JSONL, TREC, lines for .txt and for standard input, else one document."""
    LINES = "lines"
    """One document per line; blank lines are left out."""
    DOCUMENT = "document"
    """The whole file is one document: Markdown, HTML."""
    JSONL = "jsonl"
    """One JSON object per line, its text under "text" (or contents, content, body, ...), with an optional title."""
    TREC = "trec"
    """<DOC> elements with <DOCNO> and text, as in TREC collections."""


# The formats that names stand for; any other name is that of one document. A .trec file holds documents here; in a
# job's input it is a run (jobs/inputs/find_inputs.py): jobs are given pairs, and commands what is to be ranked.
_BY_SUFFIX = {
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".trec": Format.TREC,
    ".sgml": Format.TREC,
    ".txt": Format.LINES,
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document and what it is called.

    Args:
        id: Its own id, or else its file and line.
        text: What is ranked.
        line: The line of the file on which it begins, from 1.
        is_verbatim: Whether its lines are those of the file.
    """

    id: str
    text: str
    line: int = 1
    is_verbatim: bool = False

    def line_of(self, character: int) -> int:
        """The line of the file on which a character of the text stands, or else on which the document begins."""
        return self.line + (self.text.count("\n", 0, character) if self.is_verbatim else 0)


def read_documents(files: Sequence[Path], format_: Format = Format.AUTO) -> list[Document]:
    """All documents of the files, in order.

    Args:
        files: Paths, also gzipped ones; "-" is standard input, which may be empty where a file may not.
        format_: How all of them are read.

    Raises:
        InputError: A file cannot be read, holds no document, or one of its lines is malformed; the message names them.
    """
    return [document for file in files for document in _read(file, format_)]


def _read(file: Path, format_: Format) -> list[Document]:
    if file != STDIN and file.is_dir():
        raise InputError(f"{file} is a folder, not a file: name its files, such as {_files_in(file)}")
    text = _standard_input() if file == STDIN else read_text(file)
    if not text.strip():
        if file == STDIN:
            return []
        raise InputError(f"{file} must hold a document, is empty")
    match _guess_format(file, text) if format_ is Format.AUTO else format_:
        case Format.JSONL:
            return list(_jsonl(_lines(file, text)))
        case Format.TREC:
            return list(_trec(file, text))
        case Format.LINES:
            return [Document(where, line, _line(where)) for where, line in _lines(file, text)]
    return [Document(str(file), text, 1, is_verbatim=True)]


def _standard_input() -> str:
    if sys.stdin is None:
        raise InputError("standard input is closed: name files to read")
    if sys.stdin.isatty():
        end = "Ctrl-Z and Enter" if os.name == "nt" else "Ctrl-D"
        sys.stderr.write(f"Type or paste documents, one per line; {end} on a line of its own ends them.\n")
        sys.stderr.flush()
    return decode(sys.stdin.buffer.read(), "standard input")


def _files_in(folder: Path) -> str:
    """A pattern for the files that most of a folder's are like."""
    suffixes = Counter(path.suffix for path in folder.iterdir() if path.suffix and path.is_file())
    return str(folder / f"*{suffixes.most_common(1)[0][0] if suffixes else ''}")


def _lines(file: Path, text: str) -> Iterator[tuple[str, str]]:
    """Each line that is not blank, as ("file:line", text); split at line feeds alone, for JSON may hold U+2028."""
    return ((f"{file}:{number}", line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def format_by_name(file: Path) -> Format:
    """How a file of this name holds documents; standard input, which has none, reads like a .txt."""
    if file == STDIN:
        return Format.LINES
    suffix = Path(file.stem).suffix if file.suffix.lower() == ".gz" else file.suffix
    return _BY_SUFFIX.get(suffix.lower(), Format.DOCUMENT)


def _guess_format(file: Path, text: str) -> Format:
    if file == STDIN and text.lstrip().startswith("{"):
        return Format.JSONL
    return format_by_name(file)


def _jsonl(numbered: Iterable[tuple[str, str]]) -> Iterator[Document]:
    for where, row in json_objects(numbered):
        text = next((name for name in _TEXT_FIELDS if name in row), None)
        if text is None:
            raise InputError(
                f"{where}: must be a JSON object with its text under {', '.join(_TEXT_FIELDS[:-1])} or "
                f"{_TEXT_FIELDS[-1]}, got {', '.join(map(repr, row)) or 'an empty one'}"
            )
        key = next((name for name in _ID_FIELDS if name in row), None)
        yield Document(
            where if key is None else id_field(row, key, where),
            with_title(title_field(row, where), text_field(row, text, where)),
            _line(where),
        )


def _trec(file: Path, text: str) -> Iterator[Document]:
    tags = list(re.finditer(r"<(/?)DOC>", text, flags=re.IGNORECASE))
    if not tags:
        raise InputError(f"{file} must hold <DOC> elements, got none")
    for start, end in zip_longest(tags[::2], tags[1::2]):
        if start[1] or end is None or not end[1]:
            raise InputError(f"{_place(file, start)}: every <DOC> must have its </DOC>, this {start[0]} has none")
    for number, (start, end) in enumerate(zip(tags[::2], tags[1::2], strict=True), 1):
        block = text[start.end() : end.start()]
        name = re.search(r"<DOCNO>\s*(.*?)\s*</DOCNO>", block, flags=re.DOTALL | re.IGNORECASE)
        if name is None or not name[1]:
            raise InputError(f"{_place(file, start)}: <DOC> number {number} has no <DOCNO>")
        rest = block.replace(name[0], " ")
        text_alone = " ".join(re.sub(r"<[^>]+>", " ", rest).split())
        yield Document(name[1], text_alone, _line(_place(file, start)))


def _place(file: Path, found: re.Match[str]) -> str:
    line = found.string.count("\n", 0, found.start()) + 1
    return f"{file}:{line}"


def _line(place: str) -> int:
    """The line of "file:line"."""
    return int(place.rpartition(":")[2])
