"""Which files a job reads: those that are named, those of a folder, those that a pattern matches."""

import glob
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from secondpass.errors import InputError

Kind: TypeAlias = Literal["parquet", "jsonl", "csv", "tsv", "trec"]

_KINDS: Final[dict[str, Kind]] = {
    ".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv",
    ".trec": "trec", ".run": "trec",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """The files of a job.

    Args:
        files: In order, each once.
        kind: Of all of them.
        left_out: Files of folders whose names say nothing that is read.
    """

    files: tuple[Path, ...]
    kind: Kind
    left_out: tuple[Path, ...]


def find_inputs(names: Sequence[str | Path], output: Path | None = None) -> Found:
    """The files that names stand for.

    Args:
        names: Files, folders (with all that lies in them, hidden files and those that begin with _ aside) and patterns
            such as `data/*.parquet` or `data/**/*.jsonl`.
        output: The folder of what comes out, of which folders and patterns mean nothing; None where there is none.

    Raises:
        InputError: A name stands for no file, a file for no format, or files are of several formats.
    """
    if not names:
        raise InputError("inputs must name at least one file, folder or pattern, got none")
    files: dict[Path, None] = {}
    left_out: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if file.is_file() and not _is_hidden(file, path)]
            inside = _outside(inside, output)
            known = [file for file in inside if kind_of(file) is not None]
            if not known:
                raise InputError(f"inputs must hold files that end in {_endings()}, {path} has none")
            left_out += [file for file in inside if file not in known]
        elif path.exists():
            known = [path]
        else:
            known = [Path(match) for match in sorted(glob.glob(str(name), recursive=True)) if Path(match).is_file()]  # noqa: PTH207 - the pattern may begin anywhere
            known = _outside(known, output)
            if not known:
                raise InputError(f"inputs must be files, folders or patterns, {str(name)!r} is none that is there")
        files.update(dict.fromkeys(known))
    kinds = {file: kind_of(file) for file in files}
    for file, kind in kinds.items():
        if kind is None:
            raise InputError(f"inputs must be files that end in {_endings()}, got {file}")
    by_kind = {kind: file for file, kind in kinds.items() if kind is not None}
    if len(by_kind) > 1:
        some = " and ".join(map(str, by_kind.values()))
        raise InputError(f"inputs must be files of one format, got {some}: name those that are meant, such as by *.csv")
    (kind,) = by_kind
    return Found(tuple(files), kind, tuple(left_out))


def kind_of(file: Path) -> Kind | None:
    """The format that a file's name says; None where it says none that is read."""
    name = file.name.lower().removesuffix(".gz")
    kind = _KINDS.get(Path(name).suffix)
    return None if kind == "parquet" and name != file.name.lower() else kind  # Parquet is packed inside


def digest_of(path: Path) -> str:
    """The SHA-256 of a file.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _outside(files: list[Path], folder: Path | None) -> list[Path]:
    """The files that do not lie in a folder."""
    if folder is None:
        return files
    real = folder.resolve()
    return [file for file in files if not file.resolve().is_relative_to(real)]


def _is_hidden(file: Path, folder: Path) -> bool:
    """Whether a part of its name says that a file is no data: what Spark and others write beside it."""
    return any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)


def _endings() -> str:
    return ", ".join(_KINDS) + ", gzipped (.gz) or not"
