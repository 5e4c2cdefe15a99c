"""What a job costs around the model: memory from its first block to its last, time against `predict`, and workers.

    python benchmarks/jobs.py memory [--pairs 1000000] [--format parquet]
    python benchmarks/jobs.py overhead --model FOLDER [--pairs 4096] [--turns 5]
    python benchmarks/jobs.py workers --model FOLDER [--pairs 4096] [--turns 5]

Pairs are short, so that everything around the model weighs much. `memory` has a random model of two small layers, so
that it weighs as much as it ever can: job and `predict` each run once, in a process of their own. Of `overhead` job and
`predict` take turns in one process. Of `workers` a process with one thread takes turns with jobs on one and two workers
of a Ray cluster of this machine, with one CPU each; their rate is that from a quarter of the rows to the last one, when
all of them have loaded the model.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from secondpass import CrossEncoder
from secondpass.bench.fresh_process import high_water_mib
from secondpass.jobs import JobSettings, RayWorkers, score_files
from secondpass.model_names import bundled_folder

TEXT = (
    "the wall of berlin fell in november after many years and its people came together from east and west to see what "
    "had been closed to them for so long a time that nobody thought of it as anything else than a part of their city"
)
WORDS = TEXT.split()
DOCUMENTS_PER_QUERY = 20
# Of a job on workers: enough that none has long to wait for the last one.
SHARDS = 20


def make_model(folder: Path) -> Path:
    """A random cross-encoder of two layers with the bundled model's tokenizer."""
    # Here and not above: the processes that are measured do without transformers.
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification  # noqa: PLC0415 - as said

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
    """The pairs, in files of a quarter of a million."""
    folder.mkdir()
    stream = rows(n_pairs)
    for part in range(-(-n_pairs // 250_000)):
        some = list(islice(stream, 250_000))
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
    parts = {f"{tenth} tenths": marks[len(marks) * tenth // 10 - 1] for tenth in (1, 2, 4, 6, 8)}
    return {
        "seconds": result.seconds,
        "n_rows": result.n_rows,
        "mib": {"loaded": round(marks[0][1]), "first block": round(first[1]),
                **{name: round(mark[1]) for name, mark in parts.items()}, "end": round(marks[-1][1])},
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


def measure_memory(n_pairs: int, kind: str) -> dict[str, object]:
    """The job, and `predict`, each in a fresh process."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        make_model(folder / "model")
        write_input(folder / "in", n_pairs, kind)
        found: dict[str, dict[str, object]] = {}
        for step in ("job", "predict"):
            command = [sys.executable, __file__, "memory", "--step", step, "--folder", name, "--pairs", str(n_pairs)]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - ours
            found[step] = json.loads(printed.splitlines()[-1])
            print(step, found[step], file=sys.stderr)
        return {"format": kind, **found, "largest difference": check(folder, n_pairs, kind)}


def measure_overhead(model: str, n_pairs: int, kind: str, turns: int) -> dict[str, object]:
    """Seconds of `predict` and of jobs, in turns; both load nothing."""
    scorer = CrossEncoder(model)
    pairs = [(query, document) for _, query, document in rows(n_pairs)]
    scorer.predict(pairs)
    predict, job = [], []
    with TemporaryDirectory() as name:
        write_input(Path(name, "in"), n_pairs, kind)
        for turn in range(turns):
            started = time.perf_counter()
            scorer.predict(pairs)
            predict.append(time.perf_counter() - started)
            started = time.perf_counter()
            score_files(Path(name, "in"), Path(name, f"out{turn}"), scorer=scorer)
            job.append(time.perf_counter() - started)
    overheads = [after / before - 1 for before, after in zip(predict, job, strict=True)]
    return {
        "format": kind, "threads": torch.get_num_threads(), "predict seconds": _rounded(predict),
        "job seconds": _rounded(job), "overhead": round(median(overheads), 4),
    }  # fmt: skip


def measure_workers(model: str, n_pairs: int, kind: str, turns: int) -> dict[str, object]:
    """Pairs per second of `predict` with one thread and of one and two workers, in turns."""
    import ray  # noqa: PLC0415 - the other measurements need none
    from transformers import AutoTokenizer  # noqa: PLC0415 - as above

    # One more than there are workers, for what reads: it has next to nothing to do.
    ray.init("local", num_cpus=3, include_dashboard=False, log_to_driver=False)
    torch.set_num_threads(1)
    scorer = CrossEncoder(model)
    pairs = [(query, document) for _, query, document in rows(n_pairs)]
    scorer.predict(pairs)
    rates: dict[str, list[float]] = {"predict": [], "1 worker": [], "2 workers": []}
    seconds: dict[str, list[float]] = {"1 worker": [], "2 workers": []}
    with TemporaryDirectory() as name:
        write_input(Path(name, "in"), n_pairs, kind)
        for turn in range(turns):
            started = time.perf_counter()
            scorer.predict(pairs)
            rates["predict"].append(n_pairs / (time.perf_counter() - started))
            for n_workers, what in enumerate(seconds, 1):
                marks: list[tuple[int, float]] = []

                def progress(_: int, done: int, __: int, marks: list[tuple[int, float]] = marks) -> None:
                    marks.append((done, time.perf_counter()))

                started = time.perf_counter()
                score_files(
                    Path(name, "in"),
                    Path(name, f"out{turn}-{n_workers}"),
                    model=model,
                    settings=JobSettings(shard_rows=n_pairs // SHARDS),
                    workers=RayWorkers(least=n_workers, most=n_workers),
                    progress=progress,
                )
                seconds[what].append(time.perf_counter() - started)
                (first, since), (last, until) = marks[len(marks) // 4], marks[-1]
                rates[what].append((last - first) / (until - since))
    base = median(rates["predict"])
    tokenizer = AutoTokenizer.from_pretrained(model)
    n_tokens = np.mean([len(ids) for ids in tokenizer(pairs, truncation=True)["input_ids"]])
    return {
        "format": kind, "tokens per pair": round(float(n_tokens), 1), "pairs per second": {
            what: {"median": round(median(found), 1), "ratio": round(median(found) / base, 3), "turns": _rounded(found)}
            for what, found in rates.items()
        }, "job seconds, starts included": {what: _rounded(found) for what, found in seconds.items()},
    }  # fmt: skip


def _rounded(numbers: list[float]) -> list[float]:
    return [round(number, 3) for number in numbers]


def main() -> None:
    """Measure, and print what came out as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["memory", "overhead", "workers"])
    parser.add_argument("--model", default="secondpass/mini")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--format", choices=["parquet", "jsonl"], default="parquet")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--step", choices=["job", "predict"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    usual = 1_000_000 if given.what == "memory" else 4096
    n_pairs = usual if given.pairs is None else given.pairs
    if given.step is not None:
        print(json.dumps(run_job(given.folder) if given.step == "job" else run_predict(given.folder, n_pairs)))
        return
    if given.what == "memory":
        result = measure_memory(n_pairs, given.format)
    else:
        measure = measure_overhead if given.what == "overhead" else measure_workers
        result = {"model": given.model, **measure(given.model, n_pairs, given.format, given.turns)}
    print(json.dumps({"pairs": n_pairs, "cores": os.cpu_count(), **result}, indent=2))


if __name__ == "__main__":
    main()
