"""The file of kept scores outlives interruptions, and threads that fork at once."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from forking import forks, holds_in_child

from secondpass.score_cache.store import ScoreStore, _after_fork, _before_fork


def test_an_interruption_leaves_no_transaction_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql.startswith("BEGIN"):
                super().execute(sql, *parameters)
                raise KeyboardInterrupt
            return super().execute(sql, *parameters)

    store, other = ScoreStore(tmp_path, 100), ScoreStore(tmp_path, 100)
    other.write({b"k": b"v"})
    connect = sqlite3.connect
    with monkeypatch.context() as interrupted:
        interrupted.setattr(
            sqlite3, "connect", lambda *place, **options: connect(*place, **options, factory=Interrupted)
        )
        with pytest.raises(KeyboardInterrupt):
            store.write({b"l": b"w"})
    for _ in range(2):
        assert store.read([b"k", b"l"]) == {b"k": b"v"}, "and no warning of damage"
    other.write({b"l": b"w"})
    assert store.read([b"k", b"l"]) == {b"k": b"v", b"l": b"w"}
    assert [path.name for path in tmp_path.glob("*.sqlite3")] == ["scores-1.sqlite3"]


def test_threads_that_fork_take_turns_and_no_store_is_made_meanwhile(tmp_path: Path) -> None:
    made: list[ScoreStore] = []
    about_to, go_on = threading.Event(), threading.Event()

    def fork() -> None:
        made.append(ScoreStore(tmp_path, 100))
        _before_fork()
        about_to.set()
        go_on.wait(20)
        _after_fork()

    other = threading.Thread(target=fork, daemon=True)
    _before_fork()
    try:
        other.start()
        assert not about_to.wait(0.2)
        assert made == []
    finally:
        _after_fork()
    assert about_to.wait(20)
    assert made[0].lock.locked()
    go_on.set()
    other.join(20)
    assert not made[0].lock.locked()


def test_a_thread_frees_only_what_it_holds(tmp_path: Path) -> None:
    store = ScoreStore(tmp_path, 100)
    _before_fork()
    try:
        # Runs after a fork before which an interruption has ended the other function.
        other = threading.Thread(target=_after_fork)
        other.start()
        other.join()
        assert store.lock.locked()
    finally:
        _after_fork()
    assert not store.lock.locked()


@forks
def test_what_threads_fork_at_once_goes_on_with_all_stores(tmp_path: Path) -> None:
    stores = [ScoreStore(tmp_path / name, 100) for name in "abc"]
    for store in stores:
        store.write({b"k": b"v"})
    start = threading.Barrier(4)

    def are_read_in_children(number: int) -> bool:
        start.wait()
        own = ScoreStore(tmp_path / str(number), 100)
        own.write({b"k": b"v"})
        every = [*stores, own]
        return all(holds_in_child(lambda: all(store.read([b"k"]) == {b"k": b"v"} for store in every)) for _ in range(3))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(are_read_in_children, range(4)))
    assert not any(store.lock.locked() for store in stores)
