"""Judgements: read from files, and made into grades by query and document; what several of one document count as."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from secondpass.arguments import check_choice
from secondpass.errors import InputError
from secondpass.files.json_fields import id_field, integer_field
from secondpass.files.json_lines import json_lines
from secondpass.files.text import lines
from secondpass.ir_files.columns import check_grade, is_tab_separated, parse_grade, split_columns

# Grades by query id and document id; 0 and below are not relevant.
Qrels: TypeAlias = Mapping[str, Mapping[str, int]]

# Of several grades of a document for one query: the highest, the first, or none of them.
DuplicateJudgements: TypeAlias = Literal["highest", "first", "error"]

# Columns of judgements: TREC's query, 0, document, grade; BEIR leaves out the 0.
_N_TREC_COLUMNS, _N_BEIR_COLUMNS = 4, 3
# BEIR's first line, and the keys of judgements in JSON.
_BEIR_HEADER = ("query-id", "corpus-id", "score")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What somebody said of a document.

    Args:
        where: What errors call the place where it stands, such as `file:line`.
        query: The query's id.
        document: The document's id.
        grade: How relevant it is; 0 and below are not relevant.
    """

    where: str
    query: str
    document: str
    grade: int


def read_qrels(path: Path, duplicate_judgements: DuplicateJudgements = "error") -> dict[str, dict[str, int]]:
    """Judgements: TREC's four columns (query, 0, document, grade), BEIR's three, or JSON lines with BEIR's names.

    White space separates the columns; in a `.tsv` (`.tsv.gz`), and below BEIR's header where that has tabs, it is tabs
    alone, so that ids may hold spaces.

    Args:
        path: The file, gzipped or not.
        duplicate_judgements: What a document that has several grades for one query counts as.

    Raises:
        InputError: A line is malformed, or contradicts an earlier one; file and line are named.
    """
    judgements = _json_judgements(path) if ".jsonl" in path.suffixes else _judgements(path)
    return collect_judgements(judgements, duplicate_judgements)


def collect_judgements(
    judgements: Iterable[Judgement], duplicates: DuplicateJudgements = "error"
) -> dict[str, dict[str, int]]:
    """Grades by query and document.

    Args:
        judgements: In order.
        duplicates: What a document that has several grades for one query counts as; one grade twice is no duplicate.

    Raises:
        InputError: A document has several grades for one query, and `duplicates` is "error".
    """
    check_choice("duplicate_judgements", duplicates, get_args(DuplicateJudgements))
    qrels: dict[str, dict[str, int]] = {}
    for judgement in judgements:
        query, document, grade = judgement.query, judgement.document, judgement.grade
        grades = qrels.setdefault(query, {})
        first = grades.setdefault(document, grade)
        if first == grade or duplicates == "first":
            continue
        if duplicates != "highest":
            raise InputError(
                f"{judgement.where}: a document must have one grade per query, {document!r} has {first} and {grade} "
                f'for {query!r}; duplicate_judgements="highest" or "first" takes one of them'
            )
        grades[document] = max(first, grade)
    return qrels


def _json_judgements(path: Path) -> Iterator[Judgement]:
    """Those of JSON lines."""
    query, document, grade = _BEIR_HEADER
    for where, record in json_lines(path):
        yield Judgement(
            where,
            id_field(record, query, where),
            id_field(record, document, where),
            check_grade(integer_field(record, grade, where), where),
        )


def _judgements(path: Path) -> Iterator[Judgement]:
    """Those of columns; the first line says how many all of them have."""
    tabs, n_columns = is_tab_separated(path), 0
    for number, (where, line) in enumerate(lines(path)):
        columns = split_columns(line, where, tabs=tabs)
        if number == 0 and columns[0] == _BEIR_HEADER[0]:
            if columns != [*_BEIR_HEADER]:
                raise InputError(f"{where}: a header must be {', '.join(_BEIR_HEADER)}, got {line[:60]!r}")
            tabs, n_columns = "\t" in line, _N_BEIR_COLUMNS
            continue
        if len(columns) not in (_N_TREC_COLUMNS, _N_BEIR_COLUMNS):
            raise InputError(
                f"{where}: qrels must have 4 columns (query, 0, document, grade) or BEIR's 3, got {line[:60]!r}"
            )
        n_columns = n_columns or len(columns)
        if len(columns) != n_columns:
            raise InputError(f"{where}: qrels must have {n_columns} columns like the first line, got {line[:60]!r}")
        yield Judgement(where, columns[0], columns[-2], parse_grade(columns[-1], where))
