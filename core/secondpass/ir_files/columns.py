"""The columns of TREC files: where one ends, and how numbers are written in them."""

import re
from pathlib import Path

from secondpass.errors import InputError

# Grades lie between this and its negative. trec_eval makes room for every grade up to the highest one, and counts
# those that are too large for it as not relevant.
MAX_GRADE = 1_000_000

# trec_eval's white space is ASCII's, so ids may hold any other character.
_SPACES = " \r\f\v"
_COLUMN = re.compile(rf"[^\t{_SPACES}]+")
# Plain digits: Python's own `int` and `float` also take 1_0, +1 and the digits of every script.
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|inf)")


def is_tab_separated(path: Path) -> bool:
    """Whether a file's name says that tabs separate its columns."""
    return ".tsv" in path.suffixes


def split_columns(line: str, where: str, *, tabs: bool) -> list[str]:
    """The columns of a line.

    Args:
        line: Without its line end.
        where: The line as errors call it, `file:line`.
        tabs: Whether tabs alone separate the columns of a line that has any; everything between two is an id then.

    Raises:
        InputError: A column is empty, or tabs and spaces would make different columns of the line.
    """
    by_tabs = line.split("\t")
    if tabs and len(by_tabs) > 1:
        if "" in by_tabs:
            raise InputError(f"{where}: columns must not be empty, got {line[:60]!r}")
        return by_tabs
    columns = _COLUMN.findall(line)
    if len(by_tabs) > 1 and columns != [column for text in by_tabs if (column := text.strip(_SPACES))]:
        raise InputError(
            f"{where}: columns must be separated by tabs or by spaces, not both, got {line[:60]!r}; "
            "where tabs separate ids with spaces in them, the file's name must end in .tsv"
        )
    return columns


def parse_grade(text: str, where: str) -> int:
    """A grade as it is written in a column.

    Raises:
        InputError: It is not an integer in plain digits, or beyond `MAX_GRADE`.
    """
    if _INTEGER.fullmatch(text.strip(_SPACES)) is None:
        raise wrong_grade(text, where)
    return check_grade(int(text), where)


def check_grade(grade: int, where: str) -> int:
    """The grade, if it is not beyond `MAX_GRADE`.

    Raises:
        InputError: It is.
    """
    if abs(grade) > MAX_GRADE:
        raise wrong_grade(grade, where)
    return grade


def wrong_grade(value: object, where: str) -> InputError:
    """The error for what is not a grade."""
    shown = repr(value)[:60] if isinstance(value, str) else value
    return InputError(f"{where}: a grade must be an integer from -{MAX_GRADE} to {MAX_GRADE}, got {shown}")


def parse_score(text: str, where: str) -> float:
    """A score as it is written in a column; what is beyond double precision is infinite, as for trec_eval.

    Raises:
        InputError: It is not a number in plain digits.
    """
    if _NUMBER.fullmatch(text.strip(_SPACES)) is None:
        raise InputError(f"{where}: a score must be a number, got {repr(text)[:60]}")
    return float(text)
