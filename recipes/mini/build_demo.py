"""Build the corpus that `secondpass demo` ships: Natural Questions that `secondpass/mini` never saw, and Wikipedia.

The questions are chosen by BM25 alone, never by a model: of the held-out ones, in their order, those whose labelled
passage BM25 (on texts without their titles) ranks 1 to 3 and those where it ranks it 4 to 50, at most six each.

    python build_demo.py DATA HELD_OUT OUT
"""

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

from secondpass.evaluation import BM25
from secondpass.files import json_lines

N_PASSAGES = 1500  # at most
OF_EACH = 6
_FOLDER = "nq-lost-in-the-middle"


def main() -> None:
    """Read the arguments, choose, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("held_out", type=Path, help="heldout/web.jsonl of build_data.py")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    unseen = {str(line["query"]) for _, line in json_lines(arguments.held_out)}
    everything = {str(line["_id"]): line for _, line in json_lines(arguments.data / _FOLDER / "passages.jsonl.gz")}
    everything = {key: line for key, line in everything.items() if len(str(line["text"]).split()) <= 200}  # noqa: PLR2004 - a screenful
    pairs = [line for _, line in json_lines(arguments.data / _FOLDER / "pairs.jsonl.gz")]
    asked = [line for line in pairs if line["query"] in unseen and line["pid"] in everything]
    bm25 = BM25({key: str(line["text"]) for key, line in everything.items()})
    kept: dict[str, None] = dict.fromkeys(str(line["pid"]) for line in asked)
    for line in asked:
        kept |= dict.fromkeys(list(bm25.search(str(line["query"]), 20)))
    kept |= dict.fromkeys(list(everything)[: max(0, N_PASSAGES - len(kept))])
    chosen = {key: everything[key] for key in list(kept)[:N_PASSAGES]}
    bm25 = BM25({key: str(line["text"]) for key, line in chosen.items()})
    head: list[dict[str, Any]] = []
    below: list[dict[str, Any]] = []
    for line in asked:
        ranking = list(bm25.search(str(line["query"]), 50))
        if line["pid"] in ranking:
            (head if ranking.index(str(line["pid"])) < 3 else below).append(line)  # noqa: PLR2004 - the top 3
    questions = [
        {"query": line["query"], "passage": line["pid"], "answer": line["answers"][0]}
        for line in below[:OF_EACH] + head[:OF_EACH]
    ]
    arguments.out.mkdir(parents=True, exist_ok=True)
    with (
        (arguments.out / "passages.jsonl.gz").open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as file,  # the same bytes every time
    ):
        for key in sorted(chosen):
            line = chosen[key]
            row = {"_id": key, "title": line["title"], "text": line["text"]}
            file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
    rows = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions)
    (arguments.out / "questions.jsonl").write_text(rows, encoding="utf-8")


if __name__ == "__main__":
    main()
