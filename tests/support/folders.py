"""Small checkpoints by the name of their layout, made when they are first asked for."""

from pathlib import Path

import checkpoints


class FolderOf:
    """Makes checkpoints when they are first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __call__(self, layout: str) -> Path:
        folder = self._root / layout
        if folder.exists():
            return next((inner for inner in folder.glob("*/*") if inner.is_dir()), folder)
        built: Path = getattr(checkpoints, layout)(folder)
        return built
