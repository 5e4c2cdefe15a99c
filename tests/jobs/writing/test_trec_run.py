"""A run made of pairs that come in any order."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.jobs.writing.trec_run import RunTable, ScoredPair

PAIRS = st.lists(st.tuples(st.sampled_from("qrs"), st.sampled_from("abcd"), st.integers(0, 2)), max_size=40)


@given(PAIRS, st.integers(1, 7))
def test_a_run_has_each_pair_once_by_query_and_score(pairs: list[tuple[str, str, int]], n_together: int) -> None:
    expected: dict[str, dict[str, int]] = {}
    for query, document, score in pairs:
        expected.setdefault(query, {}).setdefault(document, score)
    scored = [ScoredPair(row, *pair, truncated=None) for row, pair in enumerate(pairs, 1)]
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
    assert list(table.add([ScoredPair(1, "q", "d", low, None), ScoredPair(2, "q", "e", high, None)])) == []
    assert list(table.lines("t")) == [f"q Q0 e 1 {high} t\n", f"q Q0 d 2 {low} t\n"]
    table.close()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="pairs") as raised:
        RunTable(tmp_path / "none" / "pairs")
    assert raised.value.filename == str(tmp_path / "none" / "pairs")
