"""Ranks within what stands together: properties, and cases small enough to see."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from job_rows import read_output, write_jsonl
from numpy.typing import NDArray
from scorers import Scores

from secondpass.jobs import JobSettings, score_files
from secondpass.jobs.rows import BadRow, JsonObjects, Rows, ScoredRows
from secondpass.jobs.shards import Shard, divide, query_digest
from secondpass.jobs.writing.ranks import Ranker, count_scattered, rank_stretches
from secondpass.ranking import Readings


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 4)), max_size=30), st.booleans())
def test_ranks_are_those_of_a_stable_sort_by_what_the_scores_were(rows: list[tuple[str, int]], is_mapped: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    expected: list[int] = []
    for _, group in groupby(rows, key=lambda row: row[0]):
        raw = [score for _, score in group]
        order = sorted(range(len(raw)), key=lambda i: -raw[i])
        expected += [order.index(i) + 1 for i in range(len(raw))]
    raw_scores = np.array([score for _, score in rows], np.float64)
    readings = Readings.of_scores(raw_scores)
    if is_mapped:  # to scores of which several are equal
        readings = replace(readings, scores=raw_scores // 2, raw_scores=raw_scores)
    assert rank_stretches(_stretches([key for key, _ in rows]), readings).tolist() == expected


def _stretches(keys: Sequence[str]) -> NDArray[np.int64]:
    return np.array([number for number, (_, group) in enumerate(groupby(keys)) for _ in group], np.int64)


def _readings(scores: Sequence[float]) -> Readings:
    return Readings.of_scores(np.array(scores, np.float32))


def _scored(keys: list[str], scores: list[float], first: int = 0) -> ScoredRows:
    n_rows = len(keys)
    rows = Rows(range(first, first + n_rows), keys, keys, keys, JsonObjects([{}] * n_rows))
    return ScoredRows(rows, _readings(scores), np.zeros(n_rows, np.int32))


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=40),
    st.lists(st.integers(1, 7), min_size=40, max_size=40),
)
def test_ranks_do_not_depend_on_how_rows_arrive(rows: list[tuple[str, int]], sizes: list[int]) -> None:
    ranker = Ranker(Shard(0, 0, 0, len(rows)))
    ranks: list[int] = []
    start = 0
    for size in sizes:
        part = rows[start : start + size]
        pieces = ranker.push(_scored([key for key, _ in part], [float(score) for _, score in part]))
        ranks += [rank for piece in pieces for rank in piece.ranks.tolist()]
        start += size
    ranks += [rank for piece in ranker.finish() for rank in piece.ranks.tolist()]
    in_stretches = _stretches([key for key, _ in rows])
    assert ranks == rank_stretches(in_stretches, _readings([score for _, score in rows])).tolist()
    groups = [key for key, _ in groupby(rows, key=lambda row: row[0])]
    assert len(ranker.stretches) == len(groups)
    assert count_scattered([(ranker.stretches, False)]) == len(groups) - len(set(groups))


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 9)), max_size=20), st.integers(1, 12))
def test_queries_that_come_back_are_counted_over_all_shards(groups: list[tuple[str, int]], shard_rows: int) -> None:
    keys = [key for key, length in groups for _ in range(length)]
    found, continues = [], False
    for number, piece in enumerate(divide(keys, lambda key: key, shard_rows)):
        ranker = Ranker(Shard(number, 0, piece.first_row, piece.n_rows, 0, 1, continues, piece.is_continued))
        of_piece = keys[piece.first_row :][: piece.n_rows]
        for _ in (*ranker.push(_scored(of_piece, [0.0] * len(of_piece))), *ranker.finish()):
            pass
        found.append((ranker.stretches, continues))
        continues = piece.is_continued
    stretches = [key for key, _ in groupby(keys)]
    assert count_scattered(found) == len(stretches) - len(set(stretches))


def test_a_query_that_goes_on_in_the_next_file_has_come_back() -> None:
    stretches = np.array([7], np.uint64)
    assert count_scattered([(stretches, False), (stretches, True), (stretches, False)]) == 1
    assert count_scattered([]) == 0


def test_a_query_that_goes_on_in_another_shard_has_no_ranks() -> None:
    ranker = Ranker(Shard(1, 0, 5, 6, continues=True, is_continued=True))
    pieces = [*ranker.push(_scored(list("aabbcc"), [1, 2, 1, 2, 1, 2])), *ranker.finish()]
    assert [rank for piece in pieces for rank in piece.ranks.tolist()] == [0, 0, 2, 1, 0, 0]


@pytest.mark.parametrize("place", ["begins", "ends"])
def test_a_query_beside_one_that_goes_on_in_bad_rows_alone_has_ranks(place: str) -> None:
    other = query_digest("a")
    before = Shard(1, 0, 5, 4, continues=True, first_query=other)
    behind = Shard(1, 0, 5, 4, is_continued=True, last_query=other)
    ranker = Ranker(before if place == "begins" else behind)
    pieces = [*ranker.push(_scored(["b", "b"], [2, 1])), *ranker.finish()]
    assert [rank for piece in pieces for rank in piece.ranks.tolist()] == [1, 2]


def test_queries_beside_one_whose_rows_are_all_bad_here_have_ranks(tmp_path: Path) -> None:
    # Two rows of one query, and six of another, of which the good ones are in the second shard alone; then the other
    # way round: six of a query, whose next two, in the next shard, are bad; and two of another one.
    given = ["a", "a", *"BBBB", "b", "b", "c", "c", *"dddddd", *"DD", "e", "e"]
    rows = [{"query": key.lower(), "document": None if key.isupper() else str(i)} for i, key in enumerate(given)]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    result = score_files(path, tmp_path / "out", scorer=Scores(), settings=JobSettings(shard_rows=3))
    ranks: dict[str, list[Any]] = {}
    for row in read_output(tmp_path / "out"):
        ranks.setdefault(row["query"], []).append(row["rank"])
    assert {key: sorted(ranks[key]) for key in "ace"} == {key: [1, 2] for key in "ace"}
    assert (ranks["b"], ranks["d"]) == ([None] * 2, [None] * 6)
    assert result.n_unranked == 8


def test_a_query_that_only_seems_to_go_on_has_come_back() -> None:
    first, second = np.array([7, 9], np.uint64), np.array([7], np.uint64)
    assert count_scattered([(first, False), (second, True)]) == 1, "9 goes on, with bad rows alone"


def test_a_query_goes_on_through_a_shard_that_says_nothing_of_it() -> None:
    first, nothing, last = (np.array(digests, np.uint64) for digests in ([7, 9], [], [9]))
    assert count_scattered([(first, False), (nothing, True), (last, True)]) == 0


def _ranks(rows: Sequence[tuple[str | None, bool]], shard_rows: int) -> tuple[list[int], int]:
    """The ranks of the rows that can be scored, all equally high, and how often queries came back."""
    ranks: list[int] = []
    stretches = []
    continues, query = False, None
    for number, piece in enumerate(divide(rows, lambda row: row[0], shard_rows)):
        place = (piece.first_row, piece.n_rows, 0, 1, continues, piece.is_continued, query, piece.query)
        ranker = Ranker(Shard(number, 0, *place))
        of_piece = list(enumerate(rows[piece.first_row :][: piece.n_rows]))
        bad = [BadRow(i, "", key=key) for i, (key, is_good) in of_piece if not is_good]  # which are read ahead
        pieces: list[ScoredRows] = []
        for i, (key, is_good) in of_piece:
            if is_good and key is not None:
                pieces += ranker.push(_scored([key], [0.0], i), bad)
                bad = []
        pieces += ranker.finish(bad)
        ranks += [rank for scored in pieces for rank in scored.ranks.tolist()]
        stretches.append((ranker.stretches, continues))
        continues, query = piece.is_continued, piece.query
    return ranks, count_scattered(stretches)


@given(
    st.lists(st.sampled_from([("a", True), ("a", False), ("b", True), ("b", False), (None, False)]), max_size=30),
    st.integers(1, 12),
)
def test_rows_that_cannot_be_scored_end_the_stretches_of_other_queries_wherever_shards_end(
    rows: list[tuple[str | None, bool]], shard_rows: int
) -> None:
    stretches = [list(group) for _, group in groupby((row for row in rows if row[0]), key=lambda row: row[0])]
    expected = [rank for group in stretches for rank in range(1, 1 + sum(is_good for _, is_good in group))]
    n_back = len(stretches) - len({group[0][0] for group in stretches})
    assert _ranks(rows, 100) == (expected, n_back)
    ranks, n_back_in_shards = _ranks(rows, shard_rows)
    assert n_back_in_shards == n_back
    assert [rank or whole for rank, whole in zip(ranks, expected, strict=True)] == expected


class _Unable:
    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        if "unable" in documents:
            raise ValueError(query)
        return [0.0] * len(documents)


@pytest.mark.parametrize("shard_rows", [1, 2, 3, 9])
@pytest.mark.parametrize(
    ("kind", "other"),
    [
        pytest.param("jsonl", {"document": None}, id="no text"),
        pytest.param("jsonl", {"document": "unable"}, id="not scored"),
        pytest.param("parquet", {"document": None}, id="Parquet, no text"),
        pytest.param("parquet", {"document": "d", "when": 2**60}, id="Parquet, not written"),
    ],
)
def test_ranks_are_the_same_in_shards_of_any_size_beside_a_row_that_has_none(
    kind: str, other: dict[str, Any], shard_rows: int, tmp_path: Path
) -> None:
    rows = [{"query": "a", "document": "d", "when": 0} for _ in range(4)]
    rows[2] = {"query": "b", "when": 0, **other}
    if kind == "jsonl":
        path = write_jsonl(tmp_path / "a.jsonl", rows)
    else:
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        path = tmp_path / "a.parquet"
        types = [("query", pa.string()), ("document", pa.string()), ("when", pa.timestamp("us"))]
        pq.write_table(pa.Table.from_pylist(rows, pa.schema(types)), path)
    settings = JobSettings(shard_rows=shard_rows, output_format="jsonl")
    result = score_files(path, tmp_path / "out", scorer=_Unable(), settings=settings)
    assert (result.n_bad, result.n_scattered) == (1, 1)
    assert [row["rank"] for row in read_output(tmp_path / "out")] == [1, 2, 1]
