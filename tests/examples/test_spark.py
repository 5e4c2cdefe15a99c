"""The example on Spark, in local mode with two workers: every row once, with the library's score."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondpass import CrossEncoder

pytest.importorskip("pyspark", reason="needs pyspark: .ci/spark makes an environment with it")
pytestmark = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17 or later")

EXAMPLE = Path(__file__).parents[2] / "examples" / "spark_rerank.py"
QUERIES = ("how many people live in berlin", "red fox", "東京")
TEXTS = ("Berlin has 3.5 million inhabitants.", "", "A red fox. " * 200, "東京は日本の首都です。🦊", "The wall fell.")
N_ROWS = 300


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Rows of the example's output; every hundredth had no document."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path_factory.mktemp("spark")
    rows = [
        {
            "id": f"row {number}",
            "query": QUERIES[number % 3],
            "document": None if number % 100 == 99 else f"{TEXTS[number % 5]} {number}",
            "weight": number / 8,
        }
        for number in range(N_ROWS)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "pairs.parquet")
    command = [sys.executable, str(EXAMPLE), str(folder / "pairs.parquet"), str(folder / "scored"), "--tasks", "4"]
    environment = {
        **os.environ,
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_SUBMIT_ARGS": "--master local[2] --driver-memory 1g --conf spark.ui.enabled=false pyspark-shell",
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - our own
    assert done.returncode == 0, done.stderr[-5000:]
    found: list[dict[str, Any]] = pq.read_table(folder / "scored").to_pylist()
    return sorted(found, key=lambda row: int(row["id"].split()[1]))


def test_every_row_is_there_once_with_its_columns(scored: list[dict[str, Any]]) -> None:
    assert [row["id"] for row in scored] == [f"row {number}" for number in range(N_ROWS)]
    assert [row["weight"] for row in scored] == [number / 8 for number in range(N_ROWS)]


@pytest.mark.filterwarnings("ignore::secondpass.errors.TruncationWarning")
def test_scores_are_the_librarys(scored: list[dict[str, Any]]) -> None:
    rows = [row for row in scored if row["document"] is not None]
    expected = CrossEncoder("secondpass/mini").predict([(row["query"], row["document"]) for row in rows])
    # Batches hold other rows than the library's call: a score depends on its company up to 1e-5.
    np.testing.assert_allclose([row["score"] for row in rows], expected, atol=1e-5, rtol=0)
    assert {row["error"] for row in rows} == {""}
    assert {row["document"][:5] for row in rows if row["truncated"]} == {"A red"}


def test_a_row_that_cannot_be_scored_says_why(scored: list[dict[str, Any]]) -> None:
    rows = [row for row in scored if row["document"] is None]
    assert len(rows) == 3
    assert all(row["score"] is None and "document" in row["error"] for row in rows)
