"""A checkpoint's folder on disk: its files, and the JSON in them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from secondpass.arguments import describe
from secondpass.errors import CheckpointError, CheckpointNotFoundError
from secondpass.options import HubOptions

_TRANSFORMER_SETTINGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)


# What transformers calls the weights of a whole model.
_BASE_WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")


@dataclass(frozen=True)
class Folder:
    """A checkpoint that lies on disk.

    An adapter's folder need not hold the model that the adapter changes: then `base` does, and every file that the
    folder itself lacks is read from there.

    Args:
        name: What the user called it, for messages.
        path: Where its files are.
        hub: How it was reached, which is also the way to the checkpoint it was made from; and whether its code may run.
        base: What an adapter that lies here changes, where that is another checkpoint.
        is_part: Whether this is the subfolder of a module, which the folder around it lists.
    """

    name: str
    path: Path
    hub: HubOptions = field(default_factory=HubOptions)
    base: "Folder | None" = None
    is_part: bool = False

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.json as it is written; {} where there is none."""
        return self.json("config.json")

    @cached_property
    def architectures(self) -> list[str]:
        """The classes that config.json names; [] where it names none.

        Raises:
            CheckpointError: It holds something other than names.
        """
        stated = self.config.get("architectures") or []
        if not isinstance(stated, list) or not all(isinstance(name, str) for name in stated):
            raise CheckpointError(
                f"{self.name}: config.json: architectures must be a list of names, got {describe(stated)}"
            )
        return stated

    @property
    def is_classifier(self) -> bool:
        """Whether one of its classes scores whole texts; a name such as `BertForTokenClassification` is no such one.

        Those of every library, and of code of a checkpoint's own, are called as transformers' are.
        """
        return any("ForSequenceClassification" in name for name in self.architectures)

    @property
    def lists_modules(self) -> bool:
        """Whether sentence-transformers saved this as modules; of any other folder it reads no settings of its own."""
        return self.is_part or self.has("modules.json")

    @cached_property
    def sentence_transformers_config(self) -> dict[str, Any]:
        """config_sentence_transformers.json of a folder of modules; {} where there is none."""
        return self.json("config_sentence_transformers.json") if self.lists_modules else {}

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

    def transformer_settings(self) -> tuple[str, dict[str, Any]]:
        """The file in which sentence-transformers keeps how its modules read texts, and what it says; {} if none does.

        Before sentence-transformers 1.0 its name said the architecture; the first that exists counts, as there.
        """
        for file in _TRANSFORMER_SETTINGS:
            if self.lists_modules and self.has(file):
                return file, self.json(file)
        return _TRANSFORMER_SETTINGS[0], {}

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
        return any(self.file(file).is_file() for file in files)

    def file(self, name: str) -> Path:
        """Where a file is, or would be."""
        own = self.path / name
        return own if self.base is None or own.is_file() else self.base.file(name)

    def levels(self) -> "Iterator[Folder]":
        """This folder by itself, then its base."""
        yield replace(self, base=None)
        if self.base is not None:
            yield from self.base.levels()

    @property
    def runs_code(self) -> bool:
        """Whether the checkpoint's model is code that lies here, and that code may run."""
        return self.hub.trust_remote_code and bool(self.config.get("auto_map"))

    @property
    def has_adapter(self) -> bool:
        """Whether an adapter lies here, in PEFT's format."""
        return (self.path / "adapter_config.json").is_file()

    @property
    def has_weights(self) -> bool:
        """Whether weights of a whole model lie here."""
        return any(any(self.path.glob(pattern)) for pattern in _BASE_WEIGHTS)

    @property
    def whole(self) -> "Folder":
        """Where the weights of a whole model are: here, or in the base."""
        return self if self.base is None else self.base

    def require_config(self) -> None:
        """Raise CheckpointNotFoundError unless there is a config.json."""
        if not self.has("config.json"):
            raise CheckpointNotFoundError(f"{self.name} is not a checkpoint: {self.path} holds no config.json")

    def subfolder(self, path: str) -> "Folder":
        """A folder inside this one, under the same name in messages."""
        base = None if self.base is None else self.base.subfolder(path)
        return replace(self, path=self.path / path, base=base, is_part=True)

    def _parse(self, file: str) -> object:
        try:
            return json.loads(self.file(file).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:
            raise CheckpointError(f"{self.name}: {file} cannot be read as JSON: {error}") from error
