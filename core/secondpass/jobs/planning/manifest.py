"""What a folder of scores was made from: by it a job goes on where it stopped, and another job is refused."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from secondpass.errors import InputError
from secondpass.files.whole_files import write_json
from secondpass.fingerprints import files_differ
from secondpass.jobs.shards import Shard

_NAME: Final = "manifest.json"
# What is made before it in a job's folder: of the shards, and of the records of those that are finished.
FOLDERS: Final = ("scores", "finished")
# Of what a manifest says; one of another version is not read.
_VERSION: Final = 6
# Among what a model's scores depend on, what says nothing to people.
_FINGERPRINT: Final = "fingerprint"


@dataclass(frozen=True, slots=True)
class InputState:
    """An input file as the job found it.

    Args:
        path: As it was named.
        sha256: Of its content; None where it could not be read.
        error: Why it is left out of the job; None where it is not.
        partition: The columns that the names of its folders say.
    """

    path: str
    sha256: str | None
    error: str | None = None
    partition: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a job's scores depend on, and its parts.

    Args:
        job: What tells the job from all others, also from one of the same files and settings.
        model: What tells the scorer from others, by name.
        settings: What shards depend on, by name.
        inputs: The input files in order, with those of a TREC run's texts at the end.
        shards: All parts of the job.
    """

    job: str
    model: Mapping[str, object]
    settings: Mapping[str, object]
    inputs: Sequence[InputState]
    shards: Sequence[Shard]

    def write(self, folder: Path) -> None:
        """Write it into the job's folder."""
        write_json(folder / _NAME, {"version": _VERSION, **asdict(self)})

    def check_same(self, folder: Path, other: "Manifest") -> None:
        """Raise InputError unless another job would write the same scores into this one's folder.

        Args:
            folder: Of this one's scores.
            other: The job; its shards do not count, and neither does what has become of files that are left out here.
        """
        differences = [*_differences(self.model, other.model), *_differences(self.settings, other.settings)]
        unreadable = []
        if len(self.inputs) != len(other.inputs):
            differences.append(f"{len(self.inputs)} input files there, {len(other.inputs)} now")
        else:
            pairs = [pair for pair in zip(self.inputs, other.inputs, strict=True) if pair[0].error is None]
            unreadable = [now.error for _, now in pairs if now.error is not None]
            differences += [
                f"{now.path} has changed" for before, now in pairs if now.error is None and before.sha256 != now.sha256
            ]
            differences += [
                f"{now.path} lies in folders that say other columns"
                for before, now in pairs
                if before.partition != now.partition
            ]
        if differences:
            raise InputError(
                f"output must be a new folder, or one of the same job; {folder} holds the scores of another one: "
                f"{'; '.join(differences)}"
            )
        if unreadable:
            raise InputError(unreadable[0])


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a job's folder; None where the folder is empty or not there yet.

    Raises:
        InputError: The folder holds something else.
    """
    path = folder / _NAME
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            raise InputError(f"{path} was written by another version of secondpass: give output another folder")
        return Manifest(
            content["job"],
            content["model"],
            content["settings"],
            [InputState(**state) for state in content["inputs"]],
            [Shard(**shard) for shard in content["shards"]],
        )
    except NotADirectoryError:
        raise InputError(f"output must be a folder, got a file, or a path through one: {folder}") from None
    except FileNotFoundError:
        _check_ours(folder)
        return None
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not the manifest of a job: give output another folder") from error


def check_current(folder: Path, job: str) -> None:
    """Raise InputError unless a folder is a job's still: somebody may have removed it and begun another one there.

    Args:
        folder: Of the job's scores.
        job: As its manifest had it.
    """
    if _begins_with(folder / _NAME, job):  # which is asked of each shard: all of it names every file and shard
        return
    manifest = read_manifest(folder)
    if manifest is None or manifest.job != job:
        raise InputError(f"{folder} must be this job's until it is done, it is another one's now, or empty")


def _begins_with(path: Path, job: str) -> bool:
    """Whether a manifest has the job where `Manifest.write` puts it."""
    with suppress(OSError), path.open("rb") as file:
        return f'"job": "{job}"'.encode() in file.read(128)
    return False


def _check_ours(folder: Path) -> None:
    """Raise InputError where a folder without a manifest holds anything."""
    strangers = sorted(path.name for path in folder.iterdir() if not _is_begun(path)) if folder.is_dir() else []
    if strangers:
        raise InputError(
            f"output must be a new folder, or one of the same job; {folder} holds {', '.join(strangers[:3])} and no "
            "manifest.json"
        )


def _is_begun(path: Path) -> bool:
    """Whether this is what is left where a job was killed before it had its manifest."""
    is_empty_folder = path.is_dir() and not any(path.iterdir())
    return path.name.startswith(f".{_NAME}.") or (path.name in FOLDERS and is_empty_folder)


def _differences(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    told = [
        f"{name} {_shown(before.get(name))} there, {_shown(now.get(name))} now"
        for name in names
        if name != _FINGERPRINT
    ]
    if files_differ(before.get(_FINGERPRINT), now.get(_FINGERPRINT)):
        return ["the model's files differ", *told]
    # It is another one wherever something differs.
    return told or ["the model's files or options differ" for name in names]


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
