"""Build the corpus that `secondpass demo` ships: Natural Questions that `secondpass/mini` never saw, and Wikipedia.

`--all` asks every held-out question whose labelled passage is in the corpus. The few that are asked without it are
chosen by BM25 alone, never by a model: in their order, those whose labelled passage BM25 (on texts without titles)
ranks 1 to 3 and those where it ranks it 4 to 50, at most six each. What a bi-encoder makes of BM25's candidates is
computed here, so that nobody needs its weights to compare with it.

    python build_demo.py DATA HELD_OUT ENCODER OUT
"""

import argparse
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from secondpass import BiEncoder
from secondpass.demo import BI_ENCODER_DEPTH
from secondpass.evaluation import BM25
from secondpass.files.json_lines import json_lines
from secondpass.ranking import Scorer, rank

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


def choose_questions(passages: Mapping[str, Record], asked: Sequence[Record]) -> list[Record]:
    """Questions whose answer BM25 ranks below its head, then those whose answer is in its head."""
    bm25 = _index(passages)
    head: list[Record] = []
    below: list[Record] = []
    for record in asked:
        ranking = list(bm25.search(record["query"], DEPTH))
        if record["pid"] in ranking:
            (head if ranking.index(record["pid"]) < HEAD else below).append(record)
    return below[:N_QUESTIONS] + head[:N_QUESTIONS]


def order_candidates(
    passages: Mapping[str, Record], asked: Iterable[Record], bi_encoder: Scorer
) -> Iterator[dict[str, object]]:
    """BM25's candidates for each question, in the bi-encoder's order, best first."""
    bm25 = _index(passages)
    for record in asked:
        candidates = list(bm25.search(record["query"], BI_ENCODER_DEPTH))
        ranking = rank(bi_encoder, record["query"], [passages[key]["text"] for key in candidates])
        yield {"query": record["query"], "passages": [candidates[ranked.index] for ranked in ranking]}


def write_gzipped(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write gzipped JSON lines, the same bytes every time."""
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as file:
        for row in rows:
            file.write(_line(row).encode())


def write_questions(path: Path, passages: Mapping[str, Record], records: Iterable[Record]) -> None:
    """Write questions, each with the first of its short answers that its passage says."""
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            text = passages[record["pid"]]["text"].casefold()
            answer = next(answer for answer in record["answers"] if answer.casefold() in text)
            file.write(_line({"query": record["query"], "passage": record["pid"], "answer": answer}))


def _line(row: Mapping[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _index(passages: Mapping[str, Record]) -> BM25:
    return BM25({key: record["text"] for key, record in passages.items()})


def _read(path: Path) -> list[Record]:
    return [record for _, record in json_lines(path)]


def main() -> None:
    """Read the arguments, choose, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("held_out", type=Path, help="answers/web.jsonl of build_lists.py")
    parser.add_argument("encoder", type=Path, help="folder of all-MiniLM-L6-v2")
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
    chosen = dict(
        sorted(choose_passages(passages, asked).items())
    )  # as they are read again: BM25's ties keep the order
    arguments.out.mkdir(parents=True, exist_ok=True)
    corpus = ({"_id": key, "title": chosen[key]["title"], "text": chosen[key]["text"]} for key in chosen)
    write_gzipped(arguments.out / "passages.jsonl.gz", corpus)
    write_questions(arguments.out / "questions.jsonl", chosen, choose_questions(chosen, asked))
    answered = [record for record in asked if record["pid"] in chosen]
    write_questions(arguments.out / "all_questions.jsonl", chosen, answered)
    orders = order_candidates(chosen, answered, BiEncoder(arguments.encoder, device="cpu", dtype="float32"))
    write_gzipped(arguments.out / "bi_encoder.jsonl.gz", orders)


if __name__ == "__main__":
    main()
