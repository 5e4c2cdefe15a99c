"""Standard streams that are closed, full, or without a reader: a command ends with a status, never in a traceback."""

import errno
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

from secondpass.cli.notices import warnings_in_lines
from secondpass.errors import SecondPassError
from secondpass.files.printable import printable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Exit statuses: what came out could not be written; the user made a mistake; the user interrupted (128 + SIGINT).
WRITE_FAILED, MISTAKE, INTERRUPTED = 1, 2, 130
_STDOUT, _STDERR = 1, 2


class _Named(io.FileIO):
    """A stream whose errors say which one it is."""

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._called = name

    def write(self, content: "ReadableBuffer", /) -> int:
        """Write, or raise an OSError with the stream's name."""
        with naming(self._called):
            return super().write(content)


class _Tolerant(io.FileIO):
    """A stream that loses what cannot be written: progress and messages end no work that succeeds."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)

    def write(self, content: "ReadableBuffer", /) -> int:
        """Write what can be written, and say that all was."""
        try:
            return super().write(content)
        except OSError:
            return memoryview(content).nbytes


def run(command: Callable[[], object], in_flags: Callable[[str], str]) -> int:
    """Run a command with streams that cannot surprise it.

    Args:
        command: What to run; it may end in SystemExit.
        in_flags: Puts the message of an error or a warning in the command line's words.

    Returns:
        The exit status.
    """
    _prepare()
    if sys.stdout is None:
        return _fail("standard output is closed: send it somewhere, such as >/dev/null", WRITE_FAILED)
    with warnings_in_lines(in_flags):
        status = _status(command, in_flags)
    try:
        sys.stdout.flush()
    except OSError as error:
        status = status or _write_failed(error)
    if status == WRITE_FAILED:
        _abandon(_STDOUT)
    return status


@contextmanager
def naming(place: Path | str) -> Iterator[None]:
    """Give an OSError that names no file, as those of writes do, the name of the file that is written."""
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(place)) from error


def _prepare() -> None:
    """Standard error always takes what it is told, standard output any character."""
    if sys.stderr is None:
        _abandon(_STDERR)  # or else the next file that is opened would be standard error
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - a stream for good
    elif _is_process_stream(sys.stderr, _STDERR):
        sys.stderr = _text_stream(_Tolerant(_STDERR), sys.stderr, "backslashreplace")
    if sys.stdout is not None and _is_process_stream(sys.stdout, _STDOUT):
        sys.stdout = _text_stream(_Named(_STDOUT, "standard output"), sys.stdout, "replace")
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _is_process_stream(stream: TextIO, descriptor: int) -> bool:
    """Whether it is the process's own and goes to a file or a pipe: terminals have encodings of their own."""
    try:
        return stream.fileno() == descriptor and not stream.isatty()
    except (OSError, ValueError, AttributeError):
        return False


def _text_stream(raw: io.FileIO, like: TextIO, errors: str) -> TextIO:
    buffered = io.BufferedWriter(cast("io.RawIOBase", raw))
    return io.TextIOWrapper(cast("BinaryIO", buffered), like.encoding, errors, line_buffering=bool(like.line_buffering))


def _status(command: Callable[[], object], in_flags: Callable[[str], str]) -> int:
    try:
        command()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else _fail(str(end.code), WRITE_FAILED)
    except SecondPassError as error:
        return _fail(in_flags(str(error)), MISTAKE)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        failure = _of_system(error)
        if failure is None:
            raise
        return _write_failed(failure)
    return 0


def _of_system(error: Exception) -> OSError | None:
    """What the operating system refused; None for an error that is not the system's.

    Libraries that write in other languages than Python tell of it in words alone: safetensors and tokenizers in
    Rust's, torch without the reason.
    """
    if isinstance(error, OSError):
        return None if error.errno is None else error
    number = re.search(r"\(os error (\d+)\)", str(error))
    if number is not None:
        return OSError(int(number[1]), os.strerror(int(number[1])))
    if "PytorchStreamWriter failed" in str(error) or "unexpected pos" in str(error):
        return OSError(errno.EIO, "a checkpoint cannot be written: is the disk full?")
    return None


def _write_failed(error: OSError) -> int:
    """The status, with a message unless it was the reader who left, as `head` does."""
    if error.errno == errno.EPIPE:
        return WRITE_FAILED
    place = "" if error.filename is None else f"{error.filename}: "
    return _fail(f"{place}{error.strerror}", WRITE_FAILED)


def _fail(message: str, status: int) -> int:
    sys.stderr.write(f"error: {printable(message)}\n")
    return status


def _abandon(descriptor: int) -> None:
    """Send what is still to come nowhere, so that the interpreter's last flush succeeds."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere != descriptor:
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
