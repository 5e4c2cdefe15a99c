"""Records of text files with their places, so that reading can begin at any of them: lines, and rows of CSV."""

import codecs
import csv
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import GzipFile
from pathlib import Path
from typing import IO, Final, Literal, TypeAlias

from secondpass.concurrency.per_process import PerProcess
from secondpass.errors import InputError
from secondpass.files.json_lines import json_objects
from secondpass.files.text import open_binary
from secondpass.ir_files.runs import parse_run_line

# A longer line or field is a mistake, such as a quote without its end, and would have to be held in memory as a whole:
# in bytes, and in characters, of which csv takes four bytes each.
_LINE_BYTES: Final = 2**26
_FIELD_CHARACTERS: Final = 2**24

# Of csv's own limit, which is the process's.
_LIMIT: Final = PerProcess(threading.Lock)

TextKind: TypeAlias = Literal["jsonl", "csv", "tsv", "trec"]
# A line as it is on disk, the fields of a row of CSV, or why there are none.
Raw: TypeAlias = bytes | list[str] | InputError


@dataclass(frozen=True, slots=True)
class Record:
    """A record, and where it begins.

    Args:
        offset: In bytes, of a gzipped file once it is unpacked.
        line: From 1.
        raw: What stands there, to be parsed where it is needed.
    """

    offset: int
    line: int
    raw: Raw


class RecordFile:
    """A text file of records.

    - "jsonl": a JSON object per line.
    - "csv": commas, quotes as RFC 4180 has them, and the columns' names in the first row.
    - "tsv": tabs alone, and the columns' names in the first line; a quote is a character like any other.
    - "trec": a line of a TREC run, of which the ids of query and document are taken.

    Blank lines are no records; of "csv" and "tsv", where white space may be a field, only empty ones are blank.

    Args:
        path: The file, gzipped or not.
        kind: What a record is.

    Raises:
        InputError: The file cannot be opened, or has no first row where that names the columns.
    """

    def __init__(self, path: Path, kind: TextKind) -> None:
        self._path = path
        self._kind = kind
        self._columns: list[str] = []
        if kind in ("csv", "tsv"):
            self._read_header()

    @property
    def columns(self) -> list[str]:
        """The columns' names; none where each record has its own."""
        return self._columns

    def records(self, offset: int = 0, line: int = 1) -> Iterator[Record]:
        """The records from a place on, without the one that names the columns.

        Raises:
            InputError: The file cannot be read on.
        """
        records = self._records(offset, line)
        if offset == 0 and self._columns:
            next(records, None)
        return records

    def parse(self, record: Record) -> dict[str, object]:
        """The values of a record by column.

        Raises:
            InputError: It is malformed; the message says how, and not where.
        """
        if isinstance(record.raw, InputError):
            raise record.raw
        if isinstance(record.raw, list):
            return self._row([_checked(field) for field in record.raw])
        text = _decode(record.raw, is_first=record.offset == 0)
        if self._kind == "jsonl":
            return _json_object(text)
        if self._kind == "tsv":
            return self._row(text.split("\t"))
        return _run_row(text, tabs=".tsv" in self._path.suffixes)

    def _records(self, offset: int, line: int) -> Iterator[Record]:
        with open_binary(self._path) as file:
            file.seek(offset)
            lines = _Lines(file, offset, line)
            if self._kind == "csv":
                yield from _csv_records(lines)
                return
            for raw in lines:
                if isinstance(raw, InputError) or not self._is_blank(raw, is_first=lines.offset_before == 0):
                    yield Record(lines.offset_before, lines.line - 1, raw)

    def _is_blank(self, raw: bytes, *, is_first: bool) -> bool:
        line = _without_bom(raw, is_first=is_first)
        return not (line.rstrip(b"\r\n") if self._kind == "tsv" else line.strip())

    def _read_header(self) -> None:
        first = next(self._records(0, 1), None)
        if first is None:
            raise InputError(f"{self._path} must have the columns' names in its first row, is empty")
        raw = first.raw
        if isinstance(raw, InputError):
            raise InputError(f"{self._path}:{first.line}: {raw}")
        fields = (
            _decode(raw, is_first=True).split("\t") if isinstance(raw, bytes) else [_checked(field) for field in raw]
        )
        twice = next((name for number, name in enumerate(fields) if name in fields[:number]), None)
        if twice is not None:
            raise InputError(f"{self._path}: columns must have names of their own, {twice!r} appears twice")
        self._columns = fields

    def _row(self, fields: list[str]) -> dict[str, object]:
        if len(fields) != len(self._columns):
            raise InputError(f"a row must have {len(self._columns)} fields like the first, has {len(fields)}")
        return dict(zip(self._columns, fields, strict=True))


class _Lines:
    """The lines of a file, and how far it has been read.

    Args:
        file: Read from here on.
        offset: Of what is read next, in bytes.
        line: Of what is read next, from 1.
    """

    def __init__(self, file: IO[bytes] | GzipFile, offset: int, line: int) -> None:
        self._file = file
        self._again: deque[bytes] = deque()
        self.offset = self.offset_before = offset
        self.line = line

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> bytes | InputError:
        """The next line, or why it is none."""
        raw = self._again.popleft() if self._again else self._file.readline(_LINE_BYTES + 1)
        if not raw:
            raise StopIteration
        self.offset_before = self.offset
        self.offset += len(raw)
        self.line += 1
        if len(raw) <= _LINE_BYTES:
            return raw
        while not raw.endswith(b"\n") and (raw := self._file.readline(_LINE_BYTES)):
            self.offset += len(raw)
        return InputError(f"a line must have at most {_LINE_BYTES:,} bytes, has more")

    def give_back(self, lines: Sequence[bytes]) -> None:
        """Read these again next: the last ones that were read."""
        self._again.extendleft(reversed(lines))
        self.offset -= sum(map(len, lines))
        self.line -= len(lines)


def _csv_records(lines: _Lines) -> Iterator[Record]:
    """Rows of CSV. Where a quote does not end as it should, its first line is no row, and the next line is read again.

    So what follows a quote that never ends is not lost with it.
    """
    is_first = lines.offset == 0
    of_record: list[bytes] = []

    def texts() -> Iterator[str]:
        nonlocal is_first
        for raw in lines:
            if isinstance(raw, InputError):
                raise raw
            of_record.append(raw)
            # What is no UTF-8 is found by `_checked`, in the row that it belongs to.
            text = _without_bom(raw, is_first=is_first).decode(errors="surrogateescape")
            is_first = False
            yield text

    reader = csv.reader(texts(), strict=True)
    while True:
        offset, line = lines.offset, lines.line
        of_record.clear()
        try:
            with _long_fields():
                fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.give_back(of_record[1:])
            yield Record(offset, line, InputError(f"must be a row of CSV; {_words(error)}"))
        except InputError as error:
            yield Record(offset, line, error)
        else:
            if fields:
                yield Record(offset, line, fields)
            continue
        reader = csv.reader(texts(), strict=True)  # which waits for no end of a quote


def _words(error: csv.Error) -> str:
    said = str(error)
    if said.startswith("new-line character"):  # which goes on with how a Python program opens files
        return "a carriage return must stand in quotes or before a line feed"
    return said


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let csv read long documents: its limit is the process's, so it is set for the moment alone, by one at a time."""
    with _LIMIT.get():
        limit = csv.field_size_limit(_FIELD_CHARACTERS)
        try:
            yield
        finally:
            csv.field_size_limit(limit)


def _without_bom(raw: bytes, *, is_first: bool) -> bytes:
    """A line of a file; before the first one there may be a byte order mark."""
    return raw.removeprefix(codecs.BOM_UTF8) if is_first else raw


def _decode(raw: bytes, *, is_first: bool) -> str:
    try:
        text = _without_bom(raw, is_first=is_first).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"must be UTF-8 text; invalid byte at offset {error.start}") from error
    return text.rstrip("\r\n")


def _checked(field: str) -> str:
    """The field; raise InputError where a byte of it was no UTF-8."""
    try:
        field.encode()
    except UnicodeEncodeError as error:
        raise InputError("must be UTF-8 text") from error
    return field


def _json_object(text: str) -> dict[str, object]:
    with _without_place():
        ((_, value),) = json_objects([("", text)])
    return value


def _run_row(text: str, *, tabs: bool) -> dict[str, object]:
    with _without_place():
        line = parse_run_line(text, "", tabs=tabs)
    return {"query_id": line.query, "document_id": line.document}


@contextmanager
def _without_place() -> Iterator[None]:
    """Errors that begin with an empty place, begin with what is wrong: whoever reads them has the place beside them."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).removeprefix(": ")) from error
