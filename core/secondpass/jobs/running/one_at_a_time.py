"""A job's folder is one process's at a time: two would remove each other's files."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from secondpass.errors import InputError

if sys.platform != "win32":
    import fcntl


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made where it is not there, and removed again where nothing is written to it.

    The system lets go of it when the process ends, however it does. Where folders cannot be locked, as on Windows and
    on some network file systems, nothing is held.

    Raises:
        InputError: Another job holds it, or it is no folder.
        OSError: It cannot be made.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        rule = "output must be a folder, or the name of a new one"
        raise InputError(f"{rule}, {error.filename} is a file, or a link to nothing") from error
    try:
        with _locked(folder):
            yield
    finally:
        with suppress(OSError):  # something is in it
            for path in made:
                path.rmdir()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"output must be a folder of one job at a time, another one writes to {folder}") from error
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(descriptor)
