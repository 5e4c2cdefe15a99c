"""Rows for jobs to score, and what has to have become of them."""

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from secondpass import CrossEncoder
from secondpass.jobs.inputs.input_file import InputFile

WORDS = ("wall", "year", "people", "city", "revolution", "berlin", "fell")


def make_rows(n_rows: int) -> list[dict[str, Any]]:
    """Rows of queries with 1 to 9 documents each."""
    drawn = random.Random(0)  # noqa: S311 - texts, no secrets
    queries: list[str] = []
    while len(queries) < n_rows:
        queries += [f"{drawn.choice(WORDS)} {len(queries)}"] * drawn.randint(1, 9)
    return [
        {"id": number, "query": query, "document": " ".join(drawn.choices(WORDS, k=drawn.randint(0, 12)))}
        for number, query in enumerate(queries[:n_rows])
    ]


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read_output(folder: Path) -> list[dict[str, Any]]:
    """All rows of all shards, in their order."""
    parts = sorted((folder / "scores").iterdir())
    return [json.loads(line) for part in parts for line in part.read_text().splitlines()]


def errors_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "errors.jsonl").read_text().splitlines()]


def check_scored(
    rows: list[dict[str, Any]], scored: list[dict[str, Any]], scorer: CrossEncoder, *, atol: float = 1e-6
) -> None:
    """Every row once, in order, with its columns, the scores of `predict`, and ranks by these."""
    assert [{key: row[key] for key in given} for given, row in zip(rows, scored, strict=True)] == rows
    expected = scorer.predict([(row["query"], row["document"]) for row in rows])
    np.testing.assert_allclose([row["score"] for row in scored], expected, atol=atol, rtol=0)
    by_query: dict[str, list[dict[str, Any]]] = {}
    for row in scored:
        by_query.setdefault(row["query"], []).append(row)
    for of_query in by_query.values():
        in_order = sorted(of_query, key=lambda row: -row["score"])
        assert [row["rank"] for row in in_order] == list(range(1, len(in_order) + 1))


def texts_of_rows(file: InputFile) -> list[tuple[int, Any]]:
    """The texts of each row or why there are none, by its number."""
    found: list[tuple[int, Any]] = []
    for shard in file.divide(0, 0):
        for block in file.blocks(shard):
            rows = block.rows
            found += zip(rows.numbers, zip(rows.queries, rows.documents, strict=True), strict=True)
            found += [(row.number, row.error) for row in block.bad]
    return sorted(found, key=lambda row: row[0])
