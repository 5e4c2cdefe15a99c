"""Test collections on disk: queries, documents and judgements, in the formats people have."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from secondpass.errors import InputError
from secondpass.errors.caller_warnings import warn_caller
from secondpass.evaluation.judgements import DuplicateJudgements, collect_judgements
from secondpass.evaluation.titles import with_title
from secondpass.evaluation.trec import check_grade, is_tab_separated, parse_grade, split_columns
from secondpass.files.json_fields import Record, id_field, integer_field, text_field, title_field
from secondpass.files.json_lines import json_lines
from secondpass.files.text import lines

# Grades by query id and document id; 0 and below are not relevant.
Qrels: TypeAlias = Mapping[str, Mapping[str, int]]

# The names that files go by in a collection's folder, the first one there is taken.
_QUERIES_NAMES = ("queries.jsonl",)
_CORPUS_NAMES = ("corpus.jsonl", "passages.jsonl")
_QRELS_NAMES = ("qrels.trec", "qrels.tsv", "qrels/test.tsv", "qrels.jsonl", "qrels.txt")
# Columns of judgements: TREC's query, 0, document, grade; BEIR leaves out the 0.
_N_TREC_COLUMNS, _N_BEIR_COLUMNS = 4, 3
# BEIR's first line, and the keys of judgements in JSON.
_BEIR_HEADER = ("query-id", "corpus-id", "score")

# Ids that a warning names.
_N_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Collection:
    """Queries, documents and judgements; texts by id.

    Args:
        queries: The queries' texts.
        documents: Title and text, as a model reads them.
        qrels: Judgements; queries without any are not measured, and neither are judged queries without text. Of the
            latter a UserWarning says how many they are, for they may come from a mismatch of ids as well as from a
            deliberate sample of the queries. Another one says that no grade is above 0.

    Raises:
        InputError: No judged query has a text.
    """

    queries: Mapping[str, str]
    documents: Mapping[str, str] = field(repr=False)
    qrels: Qrels = field(repr=False)

    def __post_init__(self) -> None:
        """Check that something can be measured, and say what cannot."""
        without_text = [query for query in self.qrels if query not in self.queries]
        if len(without_text) == len(self.qrels):
            raise InputError(f"qrels must judge at least one of the {len(self.queries)} queries, got none of them")
        what = "judged queries without text are not measured"
        warn_of_queries(what, without_text, len(self.qrels))
        if not any(grade > 0 for query in self.queries for grade in self.qrels.get(query, {}).values()):
            warn_caller(
                "no judgement of a query with text has a grade above 0: measures of relevance will be 0 throughout",
                UserWarning,
            )


def warn_of_queries(what: str, queries: Sequence[str], n_judged: int) -> None:
    """Warn where some judged queries do not count as they were meant to.

    Args:
        what: Which ones, and what becomes of them.
        queries: Their ids; none: there is nothing to warn of.
        n_judged: Number of all judged queries.
    """
    if queries:
        examples = ", ".join(map(repr, queries[:_N_EXAMPLES]))
        warn_caller(f"{what}: {len(queries)} of {n_judged}, such as {examples}", UserWarning)


def read_collection(
    folder: Path,
    *,
    queries: Path | None = None,
    corpus: Path | None = None,
    qrels: Path | None = None,
    duplicate_judgements: DuplicateJudgements = "error",
) -> Collection:
    """A BEIR-style folder: `queries.jsonl`, `corpus.jsonl` and `qrels.trec` or `qrels/test.tsv`, each gzipped or not.

    Args:
        folder: Where the files are looked for.
        queries: A file of queries to read instead.
        corpus: A file of documents to read instead.
        qrels: A file of judgements to read instead.
        duplicate_judgements: See `read_qrels`.

    Raises:
        InputError: A file is missing or a line is malformed; file and line are named.
    """
    queries_file, corpus_file = text_files(folder, queries=queries, corpus=corpus)
    return Collection(
        read_queries(queries_file),
        read_documents(corpus_file),
        read_qrels(_find(folder, _QRELS_NAMES, "qrels") if qrels is None else qrels, duplicate_judgements),
    )


def text_files(folder: Path, *, queries: Path | None = None, corpus: Path | None = None) -> tuple[Path, Path]:
    """The files of queries and of documents that `read_collection` reads.

    Raises:
        InputError: One is missing.
    """
    return (
        _find(folder, _QUERIES_NAMES, "queries") if queries is None else queries,
        _find(folder, _CORPUS_NAMES, "corpus") if corpus is None else corpus,
    )


def read_queries(path: Path) -> dict[str, str]:
    """Query texts by `_id`, from JSON lines: a collection's own queries, or others.

    Raises:
        InputError: A line is malformed, or an id appears again; file and line are named.
    """
    return _texts(path, lambda record, where: text_field(record, "text", where))


def read_documents(path: Path) -> dict[str, str]:
    """Document texts by `_id`, from JSON lines; a `title` goes before the text."""
    return _texts(path, _title_and_text)


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


def _json_judgements(path: Path) -> Iterator[tuple[str, str, str, int]]:
    """Each line's place, query, document and grade."""
    query, document, grade = _BEIR_HEADER
    for where, record in json_lines(path):
        yield (
            where,
            id_field(record, query, where),
            id_field(record, document, where),
            check_grade(integer_field(record, grade, where), where),
        )


def _judgements(path: Path) -> Iterator[tuple[str, str, str, int]]:
    """Each line's place, query, document and grade; the first line says how many columns all of them have."""
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
        yield where, columns[0], columns[-2], parse_grade(columns[-1], where)


def _find(folder: Path, names: tuple[str, ...], what: str) -> Path:
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    raise InputError(f"{what} must be given, or be {' or '.join(names)} in {folder}")


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
