"""A TREC run made of all of a job's pairs: every query's ranking over all of its rows, wherever these stood."""

import errno
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from secondpass.ir_files.runs import run_lines
from secondpass.ranking import best_first

# The memory that SQLite's pages may take, in KiB: in that of a few hundred thousand pairs it sorts any number.
_CACHE_KIB: Final = 65_536
_TABLES: Final = """
CREATE TABLE queries (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE pairs (
    query INTEGER NOT NULL, document TEXT NOT NULL, place INTEGER NOT NULL, score REAL NOT NULL,
    raw_score REAL NOT NULL,
    PRIMARY KEY (query, document)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """A line of a run to be.

    Args:
        row: Where it stood in its file, from 1.
        query: The query's id.
        document: The document's id.
        score: In the scorer's unit.
        truncated: Whether a part of either was not read; None where the scorer does not say.
        raw_score: What orders documents of equal scores: as in `RankedDocument`, or the score where nothing mapped it.
    """

    row: int
    query: str
    document: str
    score: float
    truncated: bool | None
    raw_score: float


def scored_pairs(path: Path) -> Iterator[ScoredPair]:
    """The pairs of a shard."""
    if path.exists():  # there is no file of no pairs
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield ScoredPair(**json.loads(line))


class RunTable:
    """Pairs by query, each once, in the order in which they came; on disk, so that there may be any number of queries.

    Those of one query are held in memory while its lines are made.

    Args:
        path: The file to hold them in, which must not be there.

    Raises:
        OSError: It cannot be written, as later on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._n_pairs = 0
        with _errors_of_the_disk(path):
            # The file is this process's alone, and file systems of clusters often have no locks.
            name = f"{path.absolute().as_uri()}?nolock=1"
            self._connection = sqlite3.connect(name, uri=True, isolation_level=None)
        try:
            with _errors_of_the_disk(path):
                # The file is made anew whenever it is needed, so nothing of it has to outlive the process.
                for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIB}"):
                    self._connection.execute(f"PRAGMA {setting}")
                self._connection.executescript(_TABLES)
                self._connection.execute("BEGIN")
        except BaseException:
            self.close()
            raise

    def add(self, pairs: Iterable[ScoredPair]) -> Iterator[ScoredPair]:
        """Take in pairs that follow the earlier ones, and give back those whose documents the query has already."""
        query, number = None, -1
        for pair in pairs:
            with _errors_of_the_disk(self._path):
                if pair.query != query:
                    query, number = pair.query, self._number_of(pair.query)
                values = number, pair.document, self._n_pairs, pair.score, pair.raw_score
                is_new = self._connection.execute("INSERT OR IGNORE INTO pairs VALUES (?, ?, ?, ?, ?)", values).rowcount
            self._n_pairs += 1
            if not is_new:
                yield pair

    def lines(self, tag: str) -> Iterator[str]:
        """The lines of the run: queries in the order of their first pairs, documents as `rank` orders them.

        Args:
            tag: What the run says of whose scores these are.
        """
        with _errors_of_the_disk(self._path):
            for number, query in self._connection.execute("SELECT number, id FROM queries ORDER BY number"):
                of_query = "SELECT place, document, score, raw_score FROM pairs WHERE query = ?"
                # SQLite would sort many of them in the system's folder of temporary files, which may be small.
                found = sorted(self._connection.execute(of_query, (number,)))
                _, documents, scores, raw_scores = zip(*found, strict=True)
                order = [documents[i] for i in best_first(scores, raw_scores)]
                yield from run_lines(query, order, scores, tag=tag)

    def close(self) -> None:
        """Let go of the file, and remove it."""
        self._connection.close()
        self._path.unlink(missing_ok=True)

    def _number_of(self, query: str) -> int:
        self._connection.execute("INSERT OR IGNORE INTO queries (id) VALUES (?)", (query,))
        ((number,),) = self._connection.execute("SELECT number FROM queries WHERE id = ?", (query,))
        return int(number)


@contextmanager
def _errors_of_the_disk(path: Path) -> Iterator[None]:
    """What SQLite says of a disk that takes no more, as the system says it."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        number = errno.ENOSPC if error.sqlite_errorcode == sqlite3.SQLITE_FULL else errno.EIO
        raise OSError(number, str(error), str(path)) from error
