"""Build the corpus that `secondpass demo` ships: Natural Questions that `secondpass/mini` never saw, and Wikipedia.

The questions are chosen by BM25 alone, never by a model: of the held-out ones, in their order, those whose labelled
passage BM25 (on texts without their titles) ranks 1 to 3 and those where it ranks it 4 to 50, at most six each.

    python build_demo.py DATA HELD_OUT OUT
"""

import argparse
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from secondpass.evaluation import BM25
from secondpass.files import json_lines

# Passages of the corpus, at most.
N_PASSAGES = 1500
# Words of a passage, at most: a screenful.
N_WORDS = 200
# Passages that BM25 contributes for each question.
N_RIVALS = 20
# The rank up to which BM25 is taken to find the answer by itself, and the last one that a model can lift it from.
HEAD, DEPTH = 3, 50
# Questions of each kind, at most.
N_QUESTIONS = 6

_FOLDER = "nq-lost-in-the-middle"

Record: TypeAlias = dict[str, Any]


def choose_passages(passages: Mapping[str, Record], asked: Sequence[Record]) -> dict[str, Record]:
    """The answers, then BM25's best passages for each question, then as many others as there is room for."""
    bm25 = _index(passages)
    ids = dict.fromkeys(record["pid"] for record in asked)
    for record in asked:
        ids |= dict.fromkeys(bm25.search(record["query"], N_RIVALS))
    ids |= dict.fromkeys(list(passages)[: max(0, N_PASSAGES - len(ids))])
    return {key: passages[key] for key in list(ids)[:N_PASSAGES]}


def choose_questions(passages: Mapping[str, Record], asked: Sequence[Record]) -> Iterator[Record]:
    """Questions whose answer BM25 ranks below its head, then those whose answer is in its head."""
    bm25 = _index(passages)
    head: list[Record] = []
    below: list[Record] = []
    for record in asked:
        ranking = list(bm25.search(record["query"], DEPTH))
        if record["pid"] in ranking:
            (head if ranking.index(record["pid"]) < HEAD else below).append(record)
    for record in below[:N_QUESTIONS] + head[:N_QUESTIONS]:
        yield {"query": record["query"], "passage": record["pid"], "answer": record["answers"][0]}


def write_passages(path: Path, passages: Mapping[str, Record]) -> None:
    """Write gzipped JSON lines, the same bytes every time."""
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as file:
        for key in sorted(passages):
            row = {"_id": key, "title": passages[key]["title"], "text": passages[key]["text"]}
            file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())


def _index(passages: Mapping[str, Record]) -> BM25:
    return BM25({key: record["text"] for key, record in passages.items()})


def _read(path: Path) -> list[Record]:
    return [record for _, record in json_lines(path)]


def main() -> None:
    """Read the arguments, choose, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("held_out", type=Path, help="heldout/web.jsonl of build_data.py")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    unseen = {record["query"] for record in _read(arguments.held_out)}
    passages = {
        record["_id"]: record
        for record in _read(arguments.data / _FOLDER / "passages.jsonl.gz")
        if len(record["text"].split()) <= N_WORDS
    }
    pairs = _read(arguments.data / _FOLDER / "pairs.jsonl.gz")
    asked = [record for record in pairs if record["query"] in unseen and record["pid"] in passages]
    chosen = choose_passages(passages, asked)
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_passages(arguments.out / "passages.jsonl.gz", chosen)
    rows = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in choose_questions(chosen, asked))
    (arguments.out / "questions.jsonl").write_text(rows, encoding="utf-8")


if __name__ == "__main__":
    main()
