"""What a checkpoint's scores depend on, in one short string."""

import hashlib
from collections.abc import Collection
from pathlib import Path

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.st_modules import module_specs

_READ = {".json", ".txt", ".model", ".jinja", ".safetensors", ".bin", ".py"}


def fingerprint(folder: Folder, *, without: Collection[str] = ()) -> str:
    """A digest of the files that are read from a folder: its own, those of its modules, and those of its base.

    Args:
        folder: The checkpoint.
        without: Names of files that do not count.
    """
    digest = hashlib.sha256()
    for inner in dict.fromkeys(["", *(spec.path for spec in module_specs(folder))]):
        for path in sorted((folder.path / inner).glob("*")):  # where modules are those of the base, there is none
            if path.is_file() and path.suffix in _READ and path.name not in without:
                digest.update(f"{inner}/{path.name}\0{_of_file(path)}\n".encode())
    if folder.base is not None:
        digest.update(f"base\0{fingerprint(folder.base, without=without)}\n".encode())
    return digest.hexdigest()


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
