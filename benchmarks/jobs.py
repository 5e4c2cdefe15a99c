"""What a job costs around the model: time against `predict` alone, and memory from its first block to its last.

    python benchmarks/jobs.py [--pairs 1000000] [--format parquet]

A random model of two small layers reads short pairs, so that everything around it weighs as much as it ever can. Job
and `predict` run one after the other, each in a process of its own.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from secondpass import CrossEncoder
from secondpass.bench.fresh_process import high_water_mib
from secondpass.jobs import JobSettings, score_files
from secondpass.model_names import bundled_folder

TEXT = (
    "the wall of berlin fell in november after many years and its people came together from east and west to see what "
    "had been closed to them for so long a time that nobody thought of it as anything else than a part of their city"
)
WORDS = TEXT.split()
DOCUMENTS_PER_QUERY = 20
PARTS = 4


def make_model(folder: Path) -> Path:
    """A random cross-encoder of two layers with the bundled model's tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(str(bundled_folder("secondpass/mini")))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=512,
    )  # fmt: skip
    config.num_labels = 1
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def rows(n_pairs: int) -> Iterator[tuple[int, str, str]]:
    """Number, query and document of short pairs, no two the same."""
    drawn = random.Random(0)  # noqa: S311 - texts, no secrets
    query = ""
    for number in range(n_pairs):
        if number % DOCUMENTS_PER_QUERY == 0:
            query = f"{' '.join(drawn.choices(WORDS, k=5))} {number}"
        yield number, query, f"{' '.join(drawn.choices(WORDS, k=drawn.randint(6, 16)))} {number}"


def write_input(folder: Path, n_pairs: int, kind: str) -> None:
    """The pairs in a few files."""
    folder.mkdir()
    stream = rows(n_pairs)
    for part in range(PARTS):
        some = [next(stream) for _ in range(n_pairs // PARTS)]
        file = folder / f"{part}.{kind}"
        if kind == "parquet":
            columns = zip(*some, strict=True)
            pq.write_table(pa.table(dict(zip(("id", "query", "document"), map(list, columns), strict=True))), file)
        else:
            with file.open("w", encoding="utf-8") as lines:
                for number, query, document in some:
                    lines.write(json.dumps({"id": number, "query": query, "document": document}) + "\n")


def run_job(folder: Path) -> dict[str, object]:
    """Seconds of the job, and MiB at most after its first blocks and in the end."""
    marks: list[tuple[int, float]] = []

    def progress(_: int, done: int, __: int) -> None:
        marks.append((done, high_water_mib() or 0.0))

    result = score_files(folder / "in", folder / "out", model=str(folder / "model"), progress=progress)
    first = next(mark for mark in marks if mark[0] > 0)
    shard = next(mark for mark in marks if mark[0] >= JobSettings().shard_rows or mark is marks[-1])
    return {
        "seconds": result.seconds,
        "n_rows": result.n_rows,
        "mib": {"loaded": round(marks[0][1]), "first block": round(first[1]), "first shard": round(shard[1]),
                "end": round(marks[-1][1])},
    }  # fmt: skip


def run_predict(folder: Path, n_pairs: int) -> dict[str, object]:
    """Seconds of `predict` on the same pairs, which are in memory already."""
    model = CrossEncoder(str(folder / "model"))
    pairs = [(query, document) for _, query, document in rows(n_pairs)]
    started = time.perf_counter()
    scores = model.predict(pairs)
    seconds = time.perf_counter() - started
    np.save(folder / "scores.npy", scores)
    return {"seconds": round(seconds, 3)}


def check(folder: Path, n_pairs: int, kind: str) -> float:
    """Every row is there once; the largest difference of its score from that of `predict`."""
    expected = np.load(folder / "scores.npy")
    parts = sorted((folder / "out" / "scores").iterdir())
    if kind == "parquet":
        table = pq.read_table(folder / "out" / "scores", columns=["id", "score"])
        ids, scores = table["id"].to_numpy(), table["score"].to_numpy()
    else:
        found = [json.loads(line) for part in parts for line in part.open(encoding="utf-8")]
        ids, scores = np.array([row["id"] for row in found]), np.array([row["score"] for row in found], np.float32)
    if not np.array_equal(np.sort(ids), np.arange(n_pairs)):
        raise SystemExit("not every row came out once")
    return float(np.abs(scores - expected[ids]).max())


def main() -> None:
    """Measure, and print what came out as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--format", choices=["parquet", "jsonl"], default="parquet")
    parser.add_argument("--step", choices=["job", "predict"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step is not None:
        done = run_job(given.folder) if given.step == "job" else run_predict(given.folder, given.pairs)
        print(json.dumps(done))
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        make_model(folder / "model")
        write_input(folder / "in", given.pairs, given.format)
        found: dict[str, dict[str, object]] = {}
        for step in ("job", "predict"):
            command = [sys.executable, __file__, "--step", step, "--folder", name, "--pairs", str(given.pairs)]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - ours
            found[step] = json.loads(printed.splitlines()[-1])
            print(step, found[step], file=sys.stderr)
        overhead = float(str(found["job"]["seconds"])) / float(str(found["predict"]["seconds"])) - 1
        result = {
            "pairs": given.pairs, "format": given.format, "cores": os.cpu_count(), **found,
            "overhead": round(overhead, 4), "largest difference": check(folder, given.pairs, given.format),
        }  # fmt: skip
        print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
