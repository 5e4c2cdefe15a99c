"""What a checkpoint's scores depend on, in one short string."""

import hashlib
import os
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from secondpass.checkpoint.file_stamp import FileStamp, stamp_of
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.st_modules import module_specs
from secondpass.concurrency.per_process import PerProcess
from secondpass.errors import CheckpointError

_READ = {".json", ".txt", ".model", ".jinja", ".safetensors", ".bin", ".py"}


class CheckpointFiles:
    """The files that are read from a folder: its own, those of its modules, and those of its base.

    They are listed and stamped when this is made, which is to be before they are loaded, and read for the digest alone:
    a file that was written over since then, even while it was being loaded, is told from the one that gives the scores.
    Any number of threads may share one.

    Args:
        folder: The checkpoint.
        without: Names of files that do not count.

    Raises:
        CheckpointError: The folder's list of modules is none.
    """

    def __init__(self, folder: Folder, *, without: Collection[str] = ()) -> None:
        self._name = folder.name
        self._files = list(_stamped(folder, without))
        self._base = None if folder.base is None else CheckpointFiles(folder.base, without=without)
        self._reading = PerProcess(threading.Lock)
        self._digest: str | None = None

    def digest(self) -> str:
        """A digest of their names and contents, the same wherever they lie. Reads all of them, once.

        Raises:
            CheckpointError: They are not those any more that were listed, of which nothing can be said now.
        """
        with self._reading.get():
            if self._digest is None:
                for file in self._files:  # before gigabytes are read for nothing
                    if stamp_of(file.path) != file.stamp:
                        raise self._lost(file)
                digest = hashlib.sha256()
                for file in self._files:
                    digest.update(f"{file.name}\0{self._content(file)}\n".encode())
                if self._base is not None:
                    digest.update(f"base\0{self._base.digest()}\n".encode())
                self._digest = digest.hexdigest()
            return self._digest

    def _content(self, file: "_File") -> str:
        try:
            with file.path.open("rb") as opened:
                content = hashlib.file_digest(opened, "sha256").hexdigest()
                is_same = FileStamp.of(os.fstat(opened.fileno())) == file.stamp
        except OSError as error:
            raise self._lost(file) from error
        if not is_same:
            raise self._lost(file)
        return content

    def _lost(self, file: "_File") -> CheckpointError:
        return CheckpointError(
            f"{self._name}: {file.path} was changed, moved or removed after the model was loaded, so that nothing "
            "tells any more what its scores depend on: load the model again"
        )


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was listed.

    Args:
        name: Inside the checkpoint.
        path: Where it lies, from any working folder.
        stamp: What it was then.
    """

    name: str
    path: Path
    stamp: FileStamp


def _stamped(folder: Folder, without: Collection[str]) -> Iterator[_File]:
    for inner in dict.fromkeys(["", *(spec.path for spec in module_specs(folder))]):
        for path in sorted((folder.path / inner).glob("*")):  # where modules are those of the base, there is none
            if path.suffix in _READ and path.name not in without and path.is_file():
                stamp = stamp_of(path)
                if stamp is not None:
                    yield _File(f"{inner}/{path.name}", path.absolute(), stamp)
