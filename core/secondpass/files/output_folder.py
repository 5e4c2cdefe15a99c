"""Folders to write to."""

import os
from pathlib import Path

from secondpass.errors import InputError


def check_output_folder(folder: Path | None, flag: str = "--output") -> None:
    """Raise InputError unless files can be written to `folder`, there already or not: asked before any work."""
    if folder is None:
        return
    nearest = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not nearest.is_dir():
        what = "something that is not one" if nearest == folder else f"a path through {nearest}, which is not one"
        raise InputError(f"{flag} must be a folder or a new path, got {what}: {folder}")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"{flag} must be a folder that can be written to, which {nearest} is not")
