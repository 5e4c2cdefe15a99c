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
    with _locked(folder):
        try:
            yield
        finally:  # while it is held: nobody else's is removed
            with suppress(OSError):  # something is in it
                for path in made:
                    path.rmdir()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    refusal = InputError(f"output must be a folder of one job at a time, another one writes to {folder}")
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError as error:  # whoever held it has removed it, as below
        raise refusal from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise refusal from error
        except OSError:  # a file system without locks
            pass
        else:
            if not _is_called(folder, descriptor):
                raise refusal
        yield
    finally:
        os.close(descriptor)


def _is_called(name: Path, descriptor: int) -> bool:
    """Whether a folder that is open is the one of a name still."""
    with suppress(FileNotFoundError):
        return os.path.samestat(name.stat(), os.fstat(descriptor))
    return False
