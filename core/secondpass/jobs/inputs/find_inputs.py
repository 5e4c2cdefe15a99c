"""Which files a job reads: those that are named, those of a folder, those that a pattern matches."""

import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Final, Literal, NoReturn, TypeAlias
from urllib.parse import unquote

from secondpass.errors import InputError
from secondpass.ir_files.folder import is_of_collection

Kind: TypeAlias = Literal["parquet", "jsonl", "csv", "tsv", "trec"]

# A .trec file is a run here, whose lines name pairs; where documents are read, it holds these (cli/documents.py).
_KINDS: Final[dict[str, Kind]] = {
    ".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv",
    ".trec": "trec", ".run": "trec",
}  # fmt: skip


# The columns that the names of a file's folders say, as in `split=train/a.parquet`: text, or None where there is none.
Partition: TypeAlias = Mapping[str, str | None]

# What Hive, Spark and pyarrow call a folder of rows that have no value.
_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class InputFiles:
    """The files of a job.

    Args:
        files: In order, each once, whatever links lead to it.
        partitions: Of each of them; empty for a TREC run, which has no columns.
        kind: Of all of them.
        left_out: Files of folders whose names say nothing that is read.
    """

    files: tuple[Path, ...]
    partitions: tuple[Partition, ...]
    kind: Kind
    left_out: tuple[Path, ...]


def find_inputs(names: Sequence[str | Path], output: Path | None = None) -> InputFiles:
    """The files that names stand for.

    Args:
        names: Files, folders (with all that lies in them or that links in them lead to, but for files and folders whose
            names begin with . or _) and patterns of both, such as `data/*.parquet` or `data/**/*.jsonl`. Beside a run
            in a folder, what `ir_files.folder` finds there is no input.
        output: The folder of what comes out, of which folders and patterns mean nothing; None where there is none.

    Raises:
        InputError: A name stands for no file, or for one that can be read only once; a file for no format, or files
            are of several formats; a folder cannot be read; or two above one file give it the same column.
    """
    if not names:
        raise InputError("inputs must name at least one file, folder or pattern, got none")
    found: dict[Path, tuple[Path, Partition]] = {}  # the name of each file, and its partition, by its real name
    left_out: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_file():
            root, known = path.parent, [path]
        elif path.exists() and not path.is_dir():
            raise InputError(f"inputs must be files that can be read more than once, {path} is a pipe or a device")
        else:
            root, files, named = (path, sorted(_files_in(path)), set()) if path.is_dir() else _of_pattern(str(name))
            inside = _without_collections(_outside(files, output))
            known = [file for file in inside if file in named or kind_of(file) is not None]
            left_out += [file for file in inside if file not in named and kind_of(file) is None]
            if not known:
                raise InputError(f"inputs must hold files that end in {_endings()}, {name} has none")
        for file in known:
            found.setdefault(_real(file), (file, _partition(file, root)))
    kind = _kind_of_all([file for file, _ in found.values()])
    return InputFiles(
        tuple(file for file, _ in found.values()),
        tuple({} if kind == "trec" else partition for _, partition in found.values()),
        kind,
        tuple(left_out),
    )


def _of_pattern(pattern: str) -> tuple[Path, list[Path], set[Path]]:
    """The folder above all that a pattern may match, the files that it stands for, and what it matches itself."""
    root = Path(*takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))
    matches = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else []  # noqa: PTH207 - the pattern may begin anywhere
    if not matches:
        raise InputError(f"inputs must be files, folders or patterns; {pattern!r} matches no file")
    named = dict.fromkeys(map(Path, matches))
    return root, list(dict.fromkeys(file for match in named for file in _files_of(match))), set(named)


def _partition(file: Path, root: Path) -> Partition:
    """The columns that the folders between a root and a file below it say."""
    columns: dict[str, str | None] = {}
    for folder in file.relative_to(root).parts[:-1]:
        key, equals, value = folder.partition("=")
        name = unquote(key)
        if not equals or not name:
            continue
        if name in columns:
            raise InputError(f"{file}: columns must have names of their own, its folders say {name!r} twice")
        columns[name] = None if value == _NO_VALUE else unquote(value)
    return columns


def _without_collections(files: list[Path]) -> list[Path]:
    """The files but for those of a collection beside a run, from which the run has its texts."""
    folders = {file.parent for file in files if kind_of(file) == "trec" and not is_of_collection(file)}
    return [file for file in files if not (is_of_collection(file) and folders.intersection(file.parents[:2]))]


def _kind_of_all(files: Iterable[Path]) -> Kind:
    """The one format of files; raise InputError where there is not one."""
    by_kind: dict[Kind, Path] = {}
    for file in files:
        kind = kind_of(file)
        if kind is None:
            raise InputError(f"inputs must be files that end in {_endings()}, got {file}")
        by_kind[kind] = file
    if len(by_kind) > 1:
        some = " and ".join(map(str, by_kind.values()))
        one = f"*{by_kind['trec'].suffix}" if "trec" in by_kind else "*.csv"
        raise InputError(f"inputs must be files of one format, got {some}: name those that are meant, such as by {one}")
    (kind,) = by_kind
    return kind


def kind_of(file: Path) -> Kind | None:
    """The format that a file's name says; None where it says none that is read."""
    name = file.name.lower().removesuffix(".gz")
    kind = _KINDS.get(Path(name).suffix)
    return None if kind == "parquet" and name != file.name.lower() else kind  # Parquet is packed inside


def _outside(files: list[Path], folder: Path | None) -> list[Path]:
    """The files that do not lie in a folder."""
    if folder is None:
        return files
    real = _real(folder)
    return [file for file in files if not _real(file).is_relative_to(real)]


def _real(path: Path) -> Path:
    """The path without links; of a link to itself its own, where `Path.resolve` raises before Python 3.13."""
    return Path(os.path.realpath(path))


def _files_in(folder: Path) -> Iterable[Path]:
    """The files in a folder and in those below, also where a link leads there; each folder once."""
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, onerror=_raise_unreadable, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(filter(_is_data, folders))
        yield from (path for file in filter(_is_data, files) if _is_file_or_gone(path := Path(place, file)))


def _files_of(match: Path) -> Iterable[Path]:
    """The files that a match of a pattern stands for: itself, or those in a folder, as where that is named."""
    if match.is_dir():
        return sorted(_files_in(match)) if _is_data(match.name) else ()
    return (match,) if _is_file_or_gone(match) else ()


def _is_file_or_gone(path: Path) -> bool:
    """Whether this is a file, or a link to what is not there: whoever reads that says so, and it is listed."""
    return path.is_file() or not path.exists()


def _is_data(name: str) -> bool:
    """Whether a name does not say that this is no data: what Spark and others write beside it."""
    return not name.startswith((".", "_"))


def _raise_unreadable(error: OSError) -> NoReturn:
    raise InputError(f"{error.filename} cannot be read: {error.strerror}") from error


def _endings() -> str:
    return ", ".join(_KINDS) + ", gzipped (.gz) or not"
