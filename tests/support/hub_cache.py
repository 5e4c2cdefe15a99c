"""A cache of the hub with small checkpoints under the names of published ones, for code that knows those names."""

import hashlib
import os
import shutil
from pathlib import Path


class HubCache:
    """A folder laid out as huggingface_hub keeps its downloads.

    Args:
        root: Where it is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def new(self, repo_id: str) -> Path:
        """A snapshot's folder, yet to be filled, which is the main branch of `repo_id`."""
        commit = hashlib.sha1(repo_id.encode(), usedforsecurity=False).hexdigest()
        repository = self.root / f"models--{repo_id.replace('/', '--')}"
        (repository / "refs").mkdir(parents=True, exist_ok=True)
        (repository / "refs" / "main").write_text(commit)
        return repository / "snapshots" / commit

    def add(self, repo_id: str, folder: Path) -> None:
        """A copy of a checkpoint under this name."""
        shutil.copytree(folder, self.new(repo_id))

    def environment(self) -> dict[str, str]:
        """This process's environment, for another one that finds only these checkpoints."""
        return {**os.environ, "HF_HUB_CACHE": str(self.root), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
