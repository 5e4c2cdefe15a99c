"""Test collections on disk: queries, documents and judgements, in the formats people have."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from secondpass.errors import InputError
from secondpass.evaluation.judgements import DuplicateJudgements, collect_judgements
from secondpass.evaluation.runs import split_columns
from secondpass.files import json_lines, lines, with_title

# Grades by query id and document id; 0 and below are not relevant.
Qrels: TypeAlias = Mapping[str, Mapping[str, int]]

# The names that files go by in a collection's folder, the first one there is taken.
_QUERIES_NAMES = ("queries.jsonl",)
_CORPUS_NAMES = ("corpus.jsonl", "passages.jsonl")
_QRELS_NAMES = ("qrels.trec", "qrels.tsv", "qrels/test.tsv", "qrels.jsonl", "qrels.txt")
# Columns of judgements: TREC's query, 0, document, grade; BEIR leaves out the 0.
_N_TREC_COLUMNS, _N_BEIR_COLUMNS = 4, 3


@dataclass(frozen=True, slots=True)
class Collection:
    """Queries, documents and judgements; texts by id.

    Args:
        queries: The queries' texts.
        documents: Title and text, as a model reads them.
        qrels: Judgements; queries without any are not measured.
    """

    queries: Mapping[str, str]
    documents: Mapping[str, str] = field(repr=False)
    qrels: Qrels = field(repr=False)

    def __post_init__(self) -> None:
        """Check that something can be measured."""
        if not any(query in self.queries for query in self.qrels):
            raise InputError(f"qrels must judge at least one of the {len(self.queries)} queries, got none of them")


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
    return Collection(
        read_queries(_find(folder, _QUERIES_NAMES, "queries") if queries is None else queries),
        read_documents(_find(folder, _CORPUS_NAMES, "corpus") if corpus is None else corpus),
        read_qrels(_find(folder, _QRELS_NAMES, "qrels") if qrels is None else qrels, duplicate_judgements),
    )


def read_queries(path: Path) -> dict[str, str]:
    """Query texts by `_id`, from JSON lines."""
    return _texts(path, lambda record, where: _string(record, "text", where))


def read_documents(path: Path) -> dict[str, str]:
    """Document texts by `_id`, from JSON lines; a `title` goes before the text."""
    return _texts(path, _title_and_text)


def read_qrels(path: Path, duplicate_judgements: DuplicateJudgements = "error") -> dict[str, dict[str, int]]:
    """Judgements: TREC's four columns, BEIR's three with their header, or JSON lines with BEIR's names.

    Args:
        path: The file, gzipped or not.
        duplicate_judgements: What a document that has several grades for one query counts as.
    """
    judgements = _json_judgements(path) if ".jsonl" in path.suffixes else _judgements(path)
    return collect_judgements(
        ((where, query, document, _grade(text, where)) for where, query, document, text in judgements),
        duplicate_judgements,
    )


def _json_judgements(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Each line's place, query, document and grade."""
    for where, record in json_lines(path):
        query, document = _string(record, "query-id", where), _string(record, "corpus-id", where)
        yield where, query, document, str(record.get("score"))


def _judgements(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Each line's place, query, document and grade; below a header with tabs, ids may hold spaces."""
    with_tabs = False
    for where, line in lines(path):
        fields = line.split("\t") if with_tabs else split_columns(line)
        if fields[0] == "query-id":
            with_tabs = "\t" in line
            continue
        if len(fields) not in (_N_TREC_COLUMNS, _N_BEIR_COLUMNS):
            raise InputError(
                f"{where}: qrels must have 4 columns (query, 0, document, grade) or BEIR's 3, got {line[:60]!r}"
            )
        yield where, fields[0], fields[-2], fields[-1]


def _find(folder: Path, names: tuple[str, ...], what: str) -> Path:
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    raise InputError(f"{what} must be given, or be {' or '.join(names)} in {folder}")


def _texts(path: Path, read: Callable[[dict[str, object], str], str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for where, record in json_lines(path):
        key = _string(record, "_id", where)
        if key in texts:
            raise InputError(f"{where}: _id must be unique, {key!r} appears again")
        texts[key] = read(record, where)
    return texts


def _title_and_text(record: dict[str, object], where: str) -> str:
    return with_title(str(record.get("title") or ""), _string(record, "text", where)).strip()


def _string(record: dict[str, object], name: str, where: str) -> str:
    """A field as a string: collections write ids, and texts that are numbers, as integers too."""
    value = record.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise InputError(f"{where}: {name} must be a string, got {value!r}")
    return value


def _grade(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InputError(f"{where}: a grade must be an integer, got {text!r}") from error
