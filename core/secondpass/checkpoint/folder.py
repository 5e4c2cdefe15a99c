"""A checkpoint's folder on disk: its files, and the JSON in them."""

import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from secondpass.errors import CheckpointError, CheckpointNotFoundError
from secondpass.options import HubOptions


@dataclass(frozen=True)
class Folder:
    """A checkpoint that lies on disk.

    Args:
        name: What the user called it, for messages.
        path: Where its files are.
        hub: How it was reached, which is also the way to the checkpoint it was made from; and whether its code may run.
    """

    name: str
    path: Path
    hub: HubOptions = field(default_factory=HubOptions)

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.json as it is written; {} where there is none."""
        return self.json("config.json")

    def json(self, file: str) -> dict[str, Any]:
        """A JSON object, {} if the file does not exist.

        Raises:
            CheckpointError: The file does not hold a JSON object.
        """
        value = self._parse(file)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise CheckpointError(f"{self.name}: {file} must hold a JSON object, got {type(value).__name__}")
        return value

    def json_list(self, file: str) -> list[dict[str, Any]]:
        """A JSON list of objects, [] if the file does not exist.

        Raises:
            CheckpointError: The file holds something else.
        """
        value = self._parse(file)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise CheckpointError(f"{self.name}: {file} must hold a JSON list of objects")
        return value

    def has(self, *files: str) -> bool:
        """Whether any of these files exists."""
        return any((self.path / file).is_file() for file in files)

    def require_config(self) -> None:
        """Raise CheckpointNotFoundError unless there is a config.json."""
        if not self.has("config.json"):
            raise CheckpointNotFoundError(f"{self.name} is not a checkpoint: {self.path} holds no config.json")

    def subfolder(self, path: str) -> "Folder":
        """A folder inside this one, under the same name in messages."""
        return replace(self, path=self.path / path)

    def _parse(self, file: str) -> object:
        try:
            return json.loads((self.path / file).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:
            raise CheckpointError(f"{self.name}: {file} cannot be read as JSON: {error}") from error
