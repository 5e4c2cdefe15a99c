"""Where files are divided, and ranks within what stands together: properties, and cases small enough to see."""

from itertools import groupby

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from secondpass.jobs.rows import JsonObjects, Rows, ScoredRows
from secondpass.jobs.shards import Shard, divide
from secondpass.jobs.writing.ranks import Ranker, count_scattered, rank_groups

KEYS = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=60)
# Queries as files mostly have them: their rows stand together.
GROUPS = st.lists(st.integers(1, 9), max_size=15)


@given(KEYS, st.integers(1, 12))
def test_pieces_are_all_rows_in_order_and_none_is_too_large(keys: list[str | None], shard_rows: int) -> None:
    rows = list(enumerate(keys))
    pieces = list(divide(rows, lambda row: row[1], shard_rows))
    assert [row for piece in pieces for row in rows[piece.first_row :][: piece.n_rows]] == rows
    assert all(piece.first == rows[piece.first_row] for piece in pieces)
    assert all(shard_rows <= piece.n_rows <= 2 * shard_rows for piece in pieces[:-1])


@given(GROUPS, st.integers(1, 12))
def test_a_query_is_divided_only_where_it_is_longer_than_a_piece(lengths: list[int], shard_rows: int) -> None:
    rows = [number for number, length in enumerate(lengths) for _ in range(length)]
    pieces = list(divide(rows, lambda row: row, shard_rows))
    for piece in pieces[:-1]:
        end = piece.first_row + piece.n_rows
        assert piece.is_continued == (rows[end - 1] == rows[end])
        if piece.is_continued:
            assert lengths[rows[end]] > shard_rows
    assert not any(piece.is_continued for piece in pieces[-1:])


def test_rows_are_looked_at_only_where_a_piece_may_end() -> None:
    looked_at = []

    def key_of(number: int) -> int:
        looked_at.append(number)
        return number // 10

    pieces = list(divide(range(95), key_of, 25))
    assert [(piece.first_row, piece.n_rows) for piece in pieces] == [(0, 30), (30, 30), (60, 30), (90, 5)]
    assert looked_at == [*range(24, 31), *range(54, 61), *range(84, 91)]


def test_a_row_that_says_nothing_of_its_query_ends_none() -> None:
    keys = ["a", "a", None, "a", "b", "b"]
    assert [piece.n_rows for piece in divide(keys, lambda key: key, 2)] == [4, 2]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([0.0, 1.0, 2.0])), max_size=30))
def test_ranks_are_those_of_a_stable_sort(rows: list[tuple[str, float]]) -> None:
    expected: list[int] = []
    for _, group in groupby(rows, key=lambda row: row[0]):
        scores = [score for _, score in group]
        order = sorted(range(len(scores)), key=lambda i: -scores[i])
        expected += [order.index(i) + 1 for i in range(len(scores))]
    found = rank_groups([key for key, _ in rows], np.array([score for _, score in rows], np.float32))
    assert found.tolist() == expected


def _scored(keys: list[str], scores: list[float]) -> ScoredRows:
    n_rows = len(keys)
    rows = Rows(range(n_rows), keys, keys, keys, JsonObjects([{}] * n_rows))
    nothing = [None] * n_rows
    return ScoredRows(rows, np.array(scores, np.float32), nothing, nothing, np.zeros(n_rows, np.int32))


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
    assert ranks == rank_groups([key for key, _ in rows], np.array([score for _, score in rows], np.float32)).tolist()
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
