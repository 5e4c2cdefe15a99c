"""A name becomes a folder: a local path, a bundled model, or a download from the hub."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from secondpass.arguments import describe, with_home
from secondpass.checkpoint.adapter import base_of_adapter, require_peft
from secondpass.checkpoint.folder import Folder
from secondpass.errors import CheckpointError, CheckpointNotFoundError, InputError, InputTypeError
from secondpass.model_names import bundled_folder, local_folder, meant_by
from secondpass.options import HubOptions

# Everything a tokenizer, config or head may need; weights are chosen apart, code only on request.
_SMALL_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "bpe.codes", "README.md"]
# The same weights for other libraries, and the states of a training run, which are checkpoints of their own.
_ELSEWHERE = ["onnx/*", "openvino/*", "original/*", "*/onnx/*", "*/openvino/*", "coreml/*", "checkpoint-*/*"]


def find(name: str, hub: HubOptions, *, weights: bool = True) -> Folder:
    """A checkpoint's files on disk, downloaded if need be.

    Args:
        name: Hub id, local folder, or the name of a bundled model.
        hub: How to reach the hub.
        weights: False where only the small files are wanted, such as a tokenizer's.

    Raises:
        CheckpointNotFoundError: Nothing has this name or revision, or it cannot be reached; or it is an adapter and its
            base is not found.
        CheckpointError: It is an adapter that does not say of what, or of another adapter.
        MissingExtraError: It is an adapter, and peft is not installed.
        InputError: The name is blank, or a revision is given of what has none.
    """
    folder = _find(name, hub, weights=weights)
    if hub.revision is not None and (bundled_folder(name) is not None or folder.path == local_folder(name)):
        raise InputError(f"revision must be left out for {name}, which is no repository, got {hub.revision!r}")
    return _with_base(folder) if weights else folder


def _find(name: str, hub: HubOptions, *, weights: bool) -> Folder:
    if not name.strip():  # to pathlib the folder where the program runs
        raise InputError(f"model must be a hub id, a folder or a bundled name, got {name!r}")
    bundled = bundled_folder(name)
    if bundled is not None:
        return Folder(name, bundled, hub)
    local = local_folder(name)
    if local is not None:
        return Folder(name, local, hub)
    if Path(name).is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise CheckpointNotFoundError(
            f"model must be a folder, a hub id or a bundled name; no folder {name!r}{_advice(name)}"
        )
    return Folder(name, _download(name, hub, weights=weights), hub)


def _with_base(folder: Folder) -> Folder:
    """The folder with the checkpoint that its adapter changes, where it holds an adapter alone."""
    if not folder.has_adapter or folder.has_weights:
        return folder
    require_peft(folder)  # before a base is downloaded that could not be changed
    name, revision = base_of_adapter(folder)
    try:
        base = _find(name, replace(folder.hub, revision=revision), weights=True)
    except CheckpointNotFoundError as error:
        raise CheckpointNotFoundError(f"{folder.name} is an adapter, and its base cannot be loaded: {error}") from error
    if base.has_adapter:
        raise CheckpointError(f"{folder.name} is an adapter of an adapter, {name}, which cannot be applied: merge that")
    return replace(folder, base=base)


def check_name(model: object, parameter: str = "model") -> str:
    """The name as text; raise InputTypeError unless it is a string or a path."""
    if not isinstance(model, str | Path):
        raise InputTypeError(f"{parameter} must be a hub id, a folder or a bundled name, got {describe(model)}")
    return str(model)


def find_base(folder: Folder, name: str) -> Folder:
    """The small files of the checkpoint that `folder` was made from, reached the same way; its revisions are its own.

    Raises:
        CheckpointNotFoundError: As in `find`.
    """
    return find(name, replace(folder.hub, revision=None), weights=False)


def _download(name: str, hub: HubOptions, *, weights: bool) -> Path:
    from huggingface_hub.errors import (  # a fifth of a second that no folder needs
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    failure: Exception | None = None
    for repo_id in aliases(name):
        try:
            return _snapshot(repo_id, hub, weights=weights)
        except (RepositoryNotFoundError, LocalEntryNotFoundError) as error:
            failure = failure or error
        except RevisionNotFoundError as error:
            raise CheckpointNotFoundError(f"{name} has no revision {hub.revision!r}") from error
        except HFValidationError as error:
            raise CheckpointNotFoundError(
                f"model must be a folder, a hub id or a bundled name, got {name!r}{_advice(name)}"
            ) from error
        except HfHubHTTPError as error:
            raise CheckpointNotFoundError(f"{name} cannot be fetched from the hub: {error}") from error
    if isinstance(failure, GatedRepoError):
        raise CheckpointNotFoundError(f"{name} is gated: accept its terms and pass token=") from failure
    hint = _advice(name)
    if hub.local_files_only:
        raise CheckpointNotFoundError(
            f"{name} is not in the local cache, and local_files_only=True forbids a download{hint}"
        ) from failure
    raise CheckpointNotFoundError(
        f"{name} is neither a folder nor a checkpoint the hub shows us "
        f"(a private one needs token=; without a network only cached ones load){hint}"
    ) from failure


def _advice(name: str) -> str:
    """What the caller may have meant by a name that no checkpoint has, to stand behind an error."""
    if "://" in name:
        return ": RemoteScorer asks a service at its address"
    if re.match(r"[\w.-]+:\d", name):
        return ": the address of a service begins with http:// or https://"
    path = with_home(name)
    try:
        is_file = path is not None and path.is_file()
    except OSError:  # a name too long for any
        is_file = False
    if is_file:
        return "; it is a file: name the folder that it is in"
    meant = meant_by(name)
    return "" if meant is None else f"; did you mean {meant}, which is bundled?"


def _snapshot(repo_id: str, hub: HubOptions, *, weights: bool) -> Path:
    from huggingface_hub import snapshot_download

    weight_patterns = _weight_patterns(repo_id, hub) if weights else []
    code = ["*.py"] if hub.trust_remote_code else []
    return Path(
        snapshot_download(
            repo_id,
            revision=hub.revision,
            token=hub.token,
            cache_dir=hub.cache_dir,
            local_files_only=hub.local_files_only,
            allow_patterns=[*_SMALL_FILES, *code, *weight_patterns],
            ignore_patterns=_ELSEWHERE,
        )
    )


def _weight_patterns(repo_id: str, hub: HubOptions) -> list[str]:
    """The files of `weight_files`.

    Without a network the hub's client compares the cache with the files these patterns name, so asking for a format
    that was never downloaded would make a complete checkpoint look broken.
    """
    if not hub.local_files_only:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        try:
            # Not list_repo_files, which tries for half a minute when there is no network.
            files = HfApi(token=hub.token).model_info(repo_id, revision=hub.revision).siblings or []
        except (RepositoryNotFoundError, RevisionNotFoundError):
            raise
        except Exception:  # noqa: BLE001 - no network, in the words of whatever carries it: the cache may hold it
            files = []
        if files:
            return weight_files([file.rfilename for file in files])
    return ["*.safetensors"]


def weight_files(files: Iterable[str]) -> list[str]:
    """Those that hold weights: of each module, or adapter, safetensors where it has any, else PyTorch's own format.

    Args:
        files: All of a repository, by their paths inside it.
    """
    found: dict[tuple[PurePosixPath, bool], dict[str, list[str]]] = {}
    for path in map(PurePosixPath, files):
        if path.suffix in (".safetensors", ".bin"):
            formats = found.setdefault((path.parent, path.name.startswith("adapter_")), {})
            formats.setdefault(path.suffix, []).append(str(path))
    return [file for formats in found.values() for file in formats.get(".safetensors") or formats[".bin"]]


def aliases(name: str) -> list[str]:
    """A hub id as given, then as its other spelling.

    The cross-encoder organisation renamed its checkpoints from `...-L-6-v2`, which cards and code still say, to
    `...-L6-v2`.
    """
    old = re.sub(r"-L(\d+)(?=-|$)", r"-L-\1", name)
    new = re.sub(r"-L-(\d+)(?=-|$)", r"-L\1", name)
    return list(dict.fromkeys([name, new, old]))
