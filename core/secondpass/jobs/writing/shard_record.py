"""What came of a shard, as it lies beside the scores: counts, the rows that have none, and which queries it has."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.files.whole_files import write_json, writing_to, written_whole
from secondpass.jobs.rows import BadRow


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """What came of a shard: once it is written, the shard is finished.

    Args:
        job: Of `Manifest`: whose shard it is.
        number: The shard's.
        n_rows: Rows that were scored and written.
        n_bad: Rows that were not scored.
        n_truncated: How many rows were truncated; None where the scorer does not say.
        n_unranked: How many rows have no rank, for their query has rows in another shard.
        n_stretches: How often rows of one query stand together.
        n_bytes: Of the scores' file; 0 where there is none, for there was no row.
        n_error_bytes: Of the file of the rows that were not scored; 0 where there is none, for all were.
    """

    job: str
    number: int
    n_rows: int
    n_bad: int
    n_truncated: int | None
    n_unranked: int
    n_stretches: int
    n_bytes: int
    n_error_bytes: int = 0

    def as_json(self) -> dict[str, object]:
        """It as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "ShardRecord":
        """What `as_json` gave."""
        return cls(**content)


@dataclass(frozen=True, slots=True)
class RecordFiles:
    """The files that say what came of a shard.

    Args:
        path: The one with the counts; the others have its name with other endings.
        job: Of `ShardRecord`.
    """

    path: Path
    job: str

    def write(self, record: ShardRecord, bad: Sequence[BadRow], stretches: NDArray[np.uint64]) -> None:
        """Write what came of a shard whose scores are written already.

        Args:
            record: The counts, but for the bytes of what is written here.
            bad: The rows that were not scored.
            stretches: Of `Ranker`.
        """
        lines = "".join(json.dumps(asdict(row)) + "\n" for row in bad).encode()
        with written_whole(self._bad_path, empty=False) as unfinished, writing_to(self._bad_path):
            unfinished.write_bytes(lines)
        with written_whole(self._stretches_path, empty=False) as unfinished, writing_to(self._stretches_path):
            unfinished.write_bytes(stretches.astype("<u8").tobytes())
        write_json(self.path, replace(record, n_error_bytes=len(lines)).as_json())

    def read(self, scores: Path) -> ShardRecord | None:
        """The counts; None where the job has not finished the shard, or its files are not those that it wrote.

        Args:
            scores: The file of its scores.
        """
        try:
            record = ShardRecord.from_json(json.loads(self.path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):  # it is not there, or was damaged
            return None
        is_whole = (
            record.job == self.job
            and _n_bytes(scores) == record.n_bytes
            and _n_bytes(self._stretches_path) == 8 * record.n_stretches
            and _n_bytes(self._bad_path) == record.n_error_bytes
        )
        return record if is_whole else None

    def bad(self) -> Iterator[BadRow]:
        """The rows that were not scored."""
        if self._bad_path.exists():
            with self._bad_path.open(encoding="utf-8") as lines:
                for line in lines:
                    yield BadRow(**json.loads(line))

    def stretches(self) -> NDArray[np.uint64]:
        """What `write` was given."""
        path = self._stretches_path
        return np.frombuffer(path.read_bytes() if path.exists() else b"", "<u8").astype(np.uint64)

    @property
    def _bad_path(self) -> Path:
        return self.path.with_suffix(".errors.jsonl")

    @property
    def _stretches_path(self) -> Path:
        return self.path.with_suffix(".queries")


def _n_bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
