"""A run made of pairs that come in any order."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.jobs.writing.trec_run import RunTable, ScoredPair

PAIRS = st.lists(st.tuples(st.sampled_from("qrs"), st.sampled_from("abcd"), st.integers(0, 3)), max_size=40)


@given(PAIRS, st.integers(1, 7))
def test_a_run_has_each_pair_once_by_query_and_score(pairs: list[tuple[str, str, int]], n_together: int) -> None:
    expected: dict[str, dict[str, int]] = {}
    for query, document, score in pairs:
        expected.setdefault(query, {}).setdefault(document, score)
    # Scores of which several are equal, and what they were before.
    scored = [
        ScoredPair(row, query, document, score // 2, truncated=None, raw_score=score)
        for row, (query, document, score) in enumerate(pairs, 1)
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder, "pairs")
        table = RunTable(path)
        again = [pair for i in range(0, len(pairs), n_together) for pair in table.add(scored[i:][:n_together])]
        lines = [line.split() for line in table.lines("a tag")]
        table.close()
        assert not path.exists()
    assert [(line[0], line[2], int(line[3])) for line in lines] == [
        (query, document, rank)
        for query, documents in expected.items()
        for rank, document in enumerate(sorted(documents, key=documents.__getitem__, reverse=True), 1)
    ]
    assert {line[5] for line in lines} <= {"a-tag"}
    first = {(query, document): row for row, (query, document, _) in reversed(list(enumerate(pairs, 1)))}
    assert [pair.row for pair in again] == [row for row in range(1, len(pairs) + 1) if row not in first.values()]


def test_scores_in_single_precision_come_out_as_they_are(tmp_path: Path) -> None:
    low, high = -8.28841495513916, 0.10000000149011612  # both are single precision's
    table = RunTable(tmp_path / "pairs")
    assert list(table.add([ScoredPair(1, "q", "d", low, None, low), ScoredPair(2, "q", "e", high, None, high)])) == []
    assert list(table.lines("t")) == [f"q Q0 e 1 {high} t\n", f"q Q0 d 2 {low} t\n"]
    table.close()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="pairs") as raised:
        RunTable(tmp_path / "none" / "pairs")
    assert raised.value.filename == str(tmp_path / "none" / "pairs")


_LOCKS = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no such locks")
def test_a_run_needs_no_locks_of_the_file_system(tmp_path: Path) -> None:
    path = tmp_path / "50% of #1?.pairs"
    command = [sys.executable, "-c", _LOCKS, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:  # noqa: S603 - our own
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        table = RunTable(path)
        assert list(table.add([ScoredPair(1, "q", "d", 1.0, None, 1.0)])) == []
        assert list(table.lines("t")) == ["q Q0 d 1 1.0 t\n"]
        assert [file.name for file in tmp_path.iterdir()] == [path.name]
        table.close()
        other.communicate()


def test_a_file_that_cannot_be_used_is_not_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "pairs"
    path.write_text("no database, " * 1000)
    with pytest.raises(OSError, match="not a database") as raised:
        RunTable(path)
    assert raised.value.filename == str(path)
    assert not path.exists()
