"""What of a row is read, and how: two texts, the key of its query, and the columns that go on to the output."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from secondpass.errors import InputError
from secondpass.ir_files.runs import check_ids
from secondpass.jobs.inputs.run_texts import RunTexts
from secondpass.jobs.rows import ReadRow, is_missing, text_of_cell
from secondpass.jobs.settings import JobSettings

# The settings that name the columns of texts, and of the ids that a run needs.
_TEXTS: Final = ("query_column", "document_column")
_IDS: Final = ("query_id_column", "document_id_column")
# Columns that an error names: it may be said of each row.
_MOST_NAMES: Final = 10


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads rows as a job's settings say.

    Args:
        settings: The job's, with its output format.
        written: The columns that the job adds.
        texts: Those of a TREC run; None where rows hold their texts.
    """

    settings: JobSettings
    written: frozenset[str]
    texts: RunTexts | None = None

    def read(self, number: int, values: Mapping[str, object]) -> ReadRow:
        """The row of these values.

        Args:
            number: Where it stands in its file, from 1.
            values: Its own by column; an InputError stands for one that cannot be read.

        Raises:
            InputError: It cannot be scored, or not be written.
        """
        settings = self.settings
        if self.texts is None:
            query, document = (self._text(parameter, values) for parameter in _TEXTS)
        else:
            query = _look_up(self.texts.queries, values["query_id"], "query", "queries")
            document = _look_up(self.texts.documents, values["document_id"], "document", "corpus")
        taken = self.written.intersection(values)
        if taken:
            raise _taken_columns(taken)
        if settings.output_format == "trec":
            for parameter in _IDS:
                self._check_id(parameter, values)
        return ReadRow(number, query, document, _key(self._id_of(values), query))

    def _text(self, parameter: str, values: Mapping[str, object]) -> str:
        column = self._column(parameter, values)
        return text_of_cell(values[column], column)

    def _column(self, parameter: str, values: Mapping[str, object]) -> str:
        """The column that a parameter names; raise InputError where the row has none of that name."""
        column: str = getattr(self.settings, parameter)
        if column not in values:
            raise InputError(_lacking(parameter, column, values))
        return column

    def key_of(self, values: Mapping[str, object]) -> str | None:
        """The key of a row that may be unusable; None where it says nothing of its query, or nothing that is readable.

        Args:
            values: Its own; an InputError stands for one that cannot be read.
        """
        query_id, query = self._id_of(values), values.get(self.settings.query_column)
        said = query if query_id is None else query_id
        return None if is_missing(said) or isinstance(said, InputError) else _key(query_id, query)

    def _id_of(self, values: Mapping[str, object]) -> object:
        query_id = values.get(self.settings.query_id_column)
        return None if is_missing(query_id) or query_id == "" else query_id  # so CSV writes that there is none

    def _check_id(self, parameter: str, values: Mapping[str, object]) -> None:
        column = self._column(parameter, values)
        value = values[column]
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise InputError(f"a TREC run needs an id in the column {column!r}, got {value!r}")
        check_ids([str(value)])


def _key(query_id: object, query: object) -> str:
    """What rows of one query have in common: its id where the row has one, else its text, which is nobody's id."""
    return f"text:{query}" if query_id is None else f"id:{query_id}"


def check_columns(path: Path, columns: Sequence[str], reader: RowReader) -> None:
    """Raise InputError unless a file has columns of different names, those that are read, and none that is written.

    Args:
        path: The file.
        columns: Its own, and those that the names of its folders say.
        reader: Reads its rows.
    """
    twice = next((name for number, name in enumerate(columns) if name in columns[:number]), None)
    if twice is not None:
        raise InputError(f"{path}: columns must have names of their own, {twice!r} appears twice")
    for parameter in (*_TEXTS, *(_IDS if reader.settings.output_format == "trec" else ())):
        column = getattr(reader.settings, parameter)
        if column not in columns:
            raise InputError(f"{path} {_lacking(parameter, column, columns)}")
    taken = reader.written.intersection(columns)
    if taken:
        raise _taken_columns(taken)


def _lacking(parameter: str, column: str, columns: Iterable[str]) -> str:
    """What a file or a row must have, what it has instead, and how the caller says what is read."""
    names = list(columns)
    more = ", ..." if len(names) > _MOST_NAMES else ""
    has = ", ".join(names[:_MOST_NAMES]) + more if names else "none"
    return f"must have the column {column!r}, has {has}: {parameter} says which one is read"


def _taken_columns(names: frozenset[str] | set[str]) -> InputError:
    """The error for input that has columns which the job would write."""
    return InputError(
        f"the columns of the results must be new ones, the input has {', '.join(sorted(names))}: give the results "
        "a prefix (result_prefix)"
    )


def _look_up(texts: Mapping[str, str], key: object, what: str, where: str) -> str:
    text = texts.get(str(key))
    if text is None:
        raise InputError(f"{where} must hold every {what} of the run, {key!r} is not in it")
    return text
