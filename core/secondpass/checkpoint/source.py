"""A name becomes a folder: a local path, a bundled model, or a download from the hub."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from secondpass.checkpoint.folder import Folder
from secondpass.errors import CheckpointNotFoundError

_BUNDLED = Path(__file__).parent.parent / "models"
# Everything a tokenizer, config or head may need; weights are chosen apart, code only on request.
_SMALL_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "README.md"]
_ELSEWHERE = ["onnx/*", "openvino/*", "original/*", "*/onnx/*"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a checkpoint comes from.

    Args:
        name: Hub id, local folder, or the name of a bundled model.
        revision: Branch, tag or commit on the hub; None: its main branch.
        token: Hub token; None: the one huggingface_hub finds.
        cache_dir: Where downloads are kept; None: huggingface_hub's own place.
        local_files_only: Never ask the network.
        trust_remote_code: Allow code that the checkpoint brings along to run.
    """

    name: str
    revision: str | None = None
    token: str | None = field(default=None, repr=False)
    cache_dir: str | Path | None = None
    local_files_only: bool = False
    trust_remote_code: bool = False

    def folder(self, *, weights: bool = True) -> Folder:
        """The checkpoint's files on disk, downloaded if need be.

        Args:
            weights: False where only the small files are wanted, such as a tokenizer's.

        Raises:
            CheckpointNotFoundError: Nothing has this name or revision, or it cannot be reached.
        """
        bundled = _BUNDLED / self.name.removeprefix("secondpass/")
        if self.name.startswith("secondpass/") and bundled.is_dir():
            return Folder(self.name, bundled)
        local = Path(self.name).expanduser()
        if local.is_dir():
            return Folder(self.name, local)
        if local.is_absolute() or self.name.startswith((".", "~")) or self.name.count("/") > 1:
            raise CheckpointNotFoundError(
                f"model must be a folder, a hub id or a bundled name; no folder {self.name!r}"
            )
        return Folder(self.name, self._download(weights=weights))

    def base(self, name: str) -> "Source":
        """The same way to the checkpoint that this one was made from; its revisions are its own."""
        return replace(self, name=name, revision=None)

    def _download(self, *, weights: bool) -> Path:
        failure: Exception | None = None
        for repo_id in aliases(self.name):
            try:
                return self._snapshot(repo_id, weights=weights)
            except (RepositoryNotFoundError, LocalEntryNotFoundError) as error:
                failure = failure or error
            except RevisionNotFoundError as error:
                raise CheckpointNotFoundError(f"{self.name} has no revision {self.revision!r}") from error
            except HFValidationError as error:
                raise CheckpointNotFoundError(
                    f"model must be a folder, a hub id or a bundled name, got {self.name!r}"
                ) from error
            except HfHubHTTPError as error:
                raise CheckpointNotFoundError(f"{self.name} cannot be fetched from the hub: {error}") from error
        if isinstance(failure, GatedRepoError):
            raise CheckpointNotFoundError(f"{self.name} is gated: accept its terms and pass token=") from failure
        if self.local_files_only:
            raise CheckpointNotFoundError(
                f"{self.name} is not in the local cache, and local_files_only=True forbids a download"
            ) from failure
        raise CheckpointNotFoundError(
            f"{self.name} is neither a folder nor a checkpoint the hub shows us "
            "(a private one needs token=; without a network only cached ones load)"
        ) from failure

    def _snapshot(self, repo_id: str, *, weights: bool) -> Path:
        chosen = self._weight_patterns(repo_id) if weights else []
        code = ["*.py"] if self.trust_remote_code else []
        return Path(
            snapshot_download(
                repo_id,
                revision=self.revision,
                token=self.token,
                cache_dir=self.cache_dir,
                local_files_only=self.local_files_only,
                allow_patterns=[*_SMALL_FILES, *code, *chosen],
                ignore_patterns=_ELSEWHERE,
            )
        )

    def _weight_patterns(self, repo_id: str) -> list[str]:
        """Safetensors where there are any, else PyTorch's own format: never both downloads.

        Without a network the hub's client compares the cache with the files these patterns name, so asking for a format
        that was never downloaded would make a complete checkpoint look broken.
        """
        if not self.local_files_only:
            try:
                # Not list_repo_files, which tries for half a minute when there is no network.
                files = HfApi(token=self.token).model_info(repo_id, revision=self.revision).siblings or []
            except (RepositoryNotFoundError, RevisionNotFoundError):
                raise
            except Exception:  # noqa: BLE001 - no network, in the words of whatever carries it: the cache may hold it
                files = []
            if files and not any(file.rfilename.endswith(".safetensors") for file in files):
                return ["*.bin"]
        return ["*.safetensors"]


def aliases(name: str) -> list[str]:
    """A hub id as given, then as its other spelling.

    The cross-encoder organisation renamed its checkpoints from `...-L-6-v2`, which cards and code still say, to
    `...-L6-v2`.
    """
    old = re.sub(r"-L(\d+)(?=-|$)", r"-L-\1", name)
    new = re.sub(r"-L-(\d+)(?=-|$)", r"-L\1", name)
    return list(dict.fromkeys([name, new, old]))
