"""Values by key on disk: a bounded SQLite file that threads and processes share, and that no damage makes lie."""

import hashlib
import os
import re
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from secondpass.errors.caller_warnings import warn_caller

ResultT = TypeVar("ResultT")

# Of the table below. Names of files tell it, so that releases with other tables can share a folder.
_VERSION = 1
_TABLE = "CREATE TABLE entries (key BLOB PRIMARY KEY, value BLOB NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID"
_INDEX = "CREATE INDEX by_use ON entries (used)"

# What SQLite keeps beside it.
_BESIDE = ("", "-wal", "-shm", "-journal")

# Seconds to wait for another process that writes.
_PATIENCE = 5.0
# Keys per query: SQLite before 3.32 takes at most 999 values.
_KEYS_PER_QUERY = 500
_CHECK_BYTES = 8
# What errors tell of the file, not of the disk or of who else uses it: CORRUPT and NOTADB, and ERROR, a missing table.
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


class _DamageError(Exception):
    """A file does not hold what was written."""


class ScoreStore:
    """Values by key, the least recently used of which go when there are too many.

    Never raises for what happens to the disk: a value that cannot be read is not there, one that cannot be written is
    not kept, and a RuntimeWarning says why. Every value is stored with a digest of key and value, so that damage SQLite
    does not notice is noticed here. Any number of threads and processes may use one folder, on a local disk: SQLite's
    write-ahead log needs shared memory.

    Args:
        folder: Where the file lies; made when it is needed.
        max_entries: How many values are kept. It is checked whenever a hundredth of it has been written.
    """

    def __init__(self, folder: Path, max_entries: int) -> None:
        self._folder = folder
        self._max_entries = max_entries
        self._n_unchecked = max_entries
        self.lock = threading.Lock()
        # None or one: a list, for what closes it must not hold this object.
        self._connections: list[sqlite3.Connection] = []
        self._path: Path | None = None
        weakref.finalize(self, _close, self._connections)
        with _FORKING:
            _STORES.add(self)

    def read(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """The values that are there, by key."""
        wanted = list(keys)
        nothing: dict[bytes, bytes] = {}
        found = self._attempt(lambda connection: _read(connection, wanted), nothing)
        if found:
            self._attempt(lambda connection: _touch(connection, found), None)
        return found

    def write(self, values: Mapping[bytes, bytes]) -> None:
        """Keep values."""
        self._attempt(lambda connection: self._write(connection, values), None)

    def disconnect(self) -> None:
        """Close the file; it is opened again when it is needed. The caller holds the lock."""
        _close(self._connections)

    def _attempt(self, work: Callable[[sqlite3.Connection], ResultT], otherwise: ResultT) -> ResultT:
        with self.lock:
            try:
                return work(self._connection())
            except (sqlite3.Error, _DamageError, OSError) as error:
                self.disconnect()
                reason, is_damage = error, _is_damage(error)
            except BaseException:  # an interruption, which must leave no transaction open
                self.disconnect()
                raise
            unremoved = self._start_afresh() if is_damage else None
        # Without the lock: what shows warnings may be the caller's, and use these scores.
        if unremoved is not None:
            warn_caller(f"damaged scores in {self._folder} cannot be removed: {unremoved}", RuntimeWarning)
        if is_damage:
            warn_caller(f"kept scores in {self._folder} were damaged and are not used: {reason}", RuntimeWarning)
        else:
            warn_caller(f"scores cannot be kept in {self._folder}, scoring goes on without: {reason}", RuntimeWarning)
        return otherwise

    def _connection(self) -> sqlite3.Connection:
        if self._connections and self._path is not None and not self._path.exists():
            self.disconnect()  # another process has found it damaged, or somebody has emptied the folder
        if not self._connections:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._path = _file(self._folder, max([1, *map(_number, self._folder.iterdir())]))
            self._connections.append(_open(self._path))
        return self._connections[0]

    def _start_afresh(self) -> OSError | None:
        """Put an empty file in the place of a damaged one; what hinders, if something does."""
        if self._path is None:
            return None
        try:
            _file(self._folder, _number(self._path) + 1).touch()
            for ending in _BESIDE:
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        except OSError as error:
            return error
        return None

    def _write(self, connection: sqlite3.Connection, values: Mapping[bytes, bytes]) -> None:
        now = time.time_ns()
        rows = [(key, _check(key, value) + value, now) for key, value in values.items()]
        self._n_unchecked += len(rows)
        with _transaction(connection):
            connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", rows)
            if self._n_unchecked >= self._max_entries // 100:
                ((n_entries,),) = connection.execute("SELECT count(*) FROM entries")
                connection.execute(
                    "DELETE FROM entries WHERE key IN (SELECT key FROM entries ORDER BY used LIMIT ?)",
                    (max(0, n_entries - self._max_entries),),
                )
                self._n_unchecked = 0


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all or nothing, and wait for the right to write before anything else is done."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _open(path: Path) -> sqlite3.Connection:
    """A connection to the file, which gets its table where it is new."""
    # One connection serves all threads, one after the other: the lock of its store sees to that.
    connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    _switch_to_wal(connection)
    # A loss of power may take the last scores with it, never the rest.
    connection.execute("PRAGMA synchronous = NORMAL")
    if _version(connection) == _VERSION:
        return
    with _transaction(connection):
        version = _version(connection)  # another process may have been faster
        if version == 0:
            connection.execute(_TABLE)
            connection.execute(_INDEX)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        elif version != _VERSION:
            raise _DamageError(f"it has version {version}, not {_VERSION}")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Let readers go on while one process writes; asked by several at once, SQLite does not wait by itself."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _code(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _version(connection: sqlite3.Connection) -> int:
    ((version,),) = connection.execute("PRAGMA user_version")
    return int(version)


def _read(connection: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for first in range(0, len(keys), _KEYS_PER_QUERY):
        some = keys[first : first + _KEYS_PER_QUERY]
        places = ", ".join("?" * len(some))
        for key, stored in connection.execute(f"SELECT key, value FROM entries WHERE key IN ({places})", some):  # noqa: S608 - question marks
            if not isinstance(stored, bytes) or stored[:_CHECK_BYTES] != _check(key, stored[_CHECK_BYTES:]):
                raise _DamageError("a score is not the one that was written")
            found[key] = stored[_CHECK_BYTES:]
    return found


def _touch(connection: sqlite3.Connection, keys: Iterable[bytes]) -> None:
    """Keep them longer than what nobody asks for; not where another process writes, for these need not wait."""
    now = time.time_ns()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        with _transaction(connection):
            connection.executemany("UPDATE entries SET used = ? WHERE key = ?", [(now, key) for key in keys])
    except sqlite3.OperationalError as error:
        if _code(error) != sqlite3.SQLITE_BUSY:
            raise
    finally:
        connection.execute(f"PRAGMA busy_timeout = {_PATIENCE * 1000:.0f}")


def _check(key: bytes, value: bytes) -> bytes:
    return hashlib.blake2b(key + value, digest_size=_CHECK_BYTES).digest()


def _is_damage(error: Exception) -> bool:
    return isinstance(error, _DamageError) or (isinstance(error, sqlite3.Error) and _code(error) in _DAMAGE)


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; the rest of the number says more about it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _file(folder: Path, number: int) -> Path:
    """The file of a number: a damaged one is never repaired or written over, for others may have it open, but followed.

    Names of the first version are without it.
    """
    return folder / f"scores-{number}.sqlite3" if _VERSION == 1 else folder / f"scores-v{_VERSION}-{number}.sqlite3"


def _number(path: Path) -> int:
    """Of a file of this version; 0: it is none."""
    digits = re.search(r"\d+(?=\.sqlite3$)", path.name)
    number = 0 if digits is None else int(digits[0])
    return number if path == _file(path.parent, number) else 0


def _close(connections: list[sqlite3.Connection]) -> None:
    while connections:
        connections.pop().close()


# SQLite allows no connection to cross a fork: all are closed before one, and no thread is in the middle of something.
_STORES: weakref.WeakSet[ScoreStore] = weakref.WeakSet()
# Threads fork one after the other, and nobody makes a store meanwhile.
_FORKING = threading.Lock()
# The locks that each thread which is about to fork has: one that was interrupted while it waited has none to free.
_HELD: dict[int, ExitStack] = {}


def _before_fork() -> None:
    held = _HELD[threading.get_ident()] = ExitStack()
    held.enter_context(_FORKING)
    for store in list(_STORES):
        held.enter_context(store.lock)
        store.disconnect()


def _after_fork() -> None:
    thread = threading.get_ident()
    if thread in _HELD:
        _HELD.pop(thread).close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
