"""Where files are divided: properties, and cases small enough to see."""

from hypothesis import given
from hypothesis import strategies as st

from secondpass.jobs.shards import divide

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
    pieces = list(divide(rows, str, shard_rows))
    for piece in pieces[:-1]:
        end = piece.first_row + piece.n_rows
        assert piece.is_continued == (rows[end - 1] == rows[end])
        if piece.is_continued:
            assert lengths[rows[end]] > shard_rows
    assert not any(piece.is_continued for piece in pieces[-1:])


def test_rows_are_looked_at_only_where_a_piece_may_end() -> None:
    looked_at = []

    def key_of(number: int) -> str:
        looked_at.append(number)
        return str(number // 10)

    pieces = list(divide(range(95), key_of, 25))
    assert [(piece.first_row, piece.n_rows) for piece in pieces] == [(0, 30), (30, 30), (60, 30), (90, 5)]
    assert looked_at == [*range(24, 31), *range(54, 61), *range(84, 91)]


def test_a_row_that_says_nothing_of_its_query_ends_none() -> None:
    keys = ["a", "a", None, "a", "b", "b"]
    assert [piece.n_rows for piece in divide(keys, lambda key: key, 2)] == [4, 2]


def test_a_query_that_is_known_late_ends_where_it_does() -> None:
    first, *_ = divide(["a", "a", None, "b", "c", "c", "c"], lambda key: key, 3)
    assert (first.n_rows, first.is_continued) == (4, False)
