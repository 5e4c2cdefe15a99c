"""Test collections on disk: queries, documents, judgements and runs, in the formats people have."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from secondpass.errors import InputError
from secondpass.files import json_lines, lines, with_title

Qrels = Mapping[str, Mapping[str, int]]
"""Grades by query id and document id; 0 and below are not relevant."""

Run = Mapping[str, Mapping[str, float]]
"""A ranking a query: scores by query id and document id, higher is better."""

_CORPUS_NAMES = ("corpus.jsonl", "passages.jsonl")
_QRELS_NAMES = ("qrels.trec", "qrels.tsv", "qrels/test.tsv", "qrels.jsonl", "qrels.txt")
_QREL_FIELDS = 4
_TSV_FIELDS = 3
_RUN_FIELDS = 6
_COLUMN = re.compile(r"[^ \t\r\f\v]+")


@dataclass(frozen=True, slots=True)
class Collection:
    """Queries, documents and judgements; texts by id.

    Args:
        queries: What is asked.
        documents: Title and text, as a model reads them.
        qrels: Judgements; queries without any are not measured.
    """

    queries: Mapping[str, str]
    documents: Mapping[str, str] = field(repr=False)
    qrels: Qrels = field(repr=False)

    def __post_init__(self) -> None:
        """Check that something can be measured."""
        if not any(query in self.queries for query in self.qrels):
            raise InputError(f"qrels must judge one of the {len(self.queries)} queries at least, got none of them")


def read_collection(
    folder: Path, *, queries: Path | None = None, corpus: Path | None = None, qrels: Path | None = None
) -> Collection:
    """A BEIR-style folder: `queries.jsonl`, `corpus.jsonl` and `qrels.trec` or `qrels/test.tsv`, each gzipped or not.

    Args:
        folder: Where the files are looked for.
        queries: Another file of queries.
        corpus: Another file of documents.
        qrels: Other judgements.

    Raises:
        InputError: A file is missing or a line is malformed; file and line are named.
    """
    return Collection(
        read_queries(queries or _find(folder, ("queries.jsonl",), "queries")),
        read_documents(corpus or _find(folder, _CORPUS_NAMES, "corpus")),
        read_qrels(qrels or _find(folder, _QRELS_NAMES, "qrels")),
    )


def read_queries(path: Path) -> dict[str, str]:
    """Query texts by `_id`, from JSON lines."""
    return _texts(path, lambda line, where: _string(line, "text", where))


def read_documents(path: Path) -> dict[str, str]:
    """Document texts by `_id`, from JSON lines; a `title` goes before the text."""
    return _texts(path, _titled)


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Judgements: TREC's four columns, BEIR's three with their header, or JSON lines with BEIR's names."""
    qrels: dict[str, dict[str, int]] = {}
    for where, query, document, grade in _json_judgements(path) if ".jsonl" in path.suffixes else _judgements(path):
        kept = qrels.setdefault(query, {}).setdefault(document, _grade(grade, where))
        if kept != int(grade):
            raise InputError(
                f"{where}: a document must have one grade a query, {document!r} has {kept} and {grade} for {query!r}"
            )
    return qrels


def read_run(path: Path) -> dict[str, dict[str, float]]:
    """A TREC run: six columns (query, Q0, document, rank, score, tag); the score decides, as in trec_eval."""
    run: dict[str, dict[str, float]] = {}
    for where, line in lines(path):
        fields = _columns(line)
        if len(fields) != _RUN_FIELDS:
            raise InputError(
                f"{where}: a run must have 6 columns (query, Q0, document, rank, score, tag), got {line[:60]!r}"
            )
        query, document = fields[0], fields[2]
        try:
            score = float(fields[4])
        except ValueError as error:
            raise InputError(f"{where}: a score must be a number, got {fields[4]!r}") from error
        if score != score:  # noqa: PLR0124 - only NaN is not itself
            raise InputError(f"{where}: a score must be a number, got {fields[4]!r}")
        if document in run.setdefault(query, {}):
            raise InputError(f"{where}: a document must appear once a query, {document!r} appears again for {query!r}")
        run[query][document] = score
    return run


def ranking(scores: Mapping[str, float]) -> list[str]:
    """Document ids, best first, as trec_eval orders them: scores in single precision, of equal ones the larger id."""
    with np.errstate(over="ignore"):  # beyond single precision is infinite, there as here
        single = {document: float(np.float32(score)) for document, score in scores.items()}
    return sorted(sorted(scores, reverse=True), key=lambda document: -single[document])


def _json_judgements(path: Path) -> Iterator[tuple[str, str, str, str]]:
    for where, record in json_lines(path):
        query, document = _string(record, "query-id", where), _string(record, "corpus-id", where)
        yield where, query, document, str(record.get("score"))


def _judgements(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Where, query, document and grade of each line; below a header with tabs, ids may hold spaces."""
    with_tabs = False
    for where, line in lines(path):
        fields = line.split("\t") if with_tabs else _columns(line)
        if fields[0] == "query-id":
            with_tabs = "\t" in line
            continue
        if len(fields) not in (_QREL_FIELDS, _TSV_FIELDS):
            raise InputError(
                f"{where}: qrels must have 4 columns (query, 0, document, grade) or BEIR's 3, got {line[:60]!r}"
            )
        yield where, fields[0], fields[-2], fields[-1]


def _columns(line: str) -> list[str]:
    """What white space separates: trec_eval's, which is ASCII's, so that ids may hold any other character."""
    return _COLUMN.findall(line)


def _find(folder: Path, names: tuple[str, ...], what: str) -> Path:
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    raise InputError(f"{what} must be given, or be {' or '.join(names)} in {folder}")


def _texts(path: Path, read: Callable[[dict[str, object], str], str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for where, line in json_lines(path):
        key = _string(line, "_id", where)
        if key in texts:
            raise InputError(f"{where}: _id must be unique, {key!r} appears again")
        texts[key] = read(line, where)
    return texts


def _titled(line: dict[str, object], where: str) -> str:
    return with_title(str(line.get("title") or ""), _string(line, "text", where)).strip()


def _string(line: dict[str, object], name: str, where: str) -> str:
    value = line.get(name)
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
