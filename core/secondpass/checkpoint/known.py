"""The checkpoints known by name: what their files do not say, and what their cards report."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.source import aliases


@dataclass(frozen=True, slots=True)
class KnownCheckpoint:
    """One row of the model cards this package serves.

    Args:
        name: Hub id.
        kind: "cross-encoder" or "bi-encoder".
        architecture: In the field's words, such as "BERT".
        parameters: Weights, in millions.
        languages: ISO 639-1 codes, or "multilingual".
        max_length: Tokens of a pair, specials included.
        published: Figures of the cards, by measure.
        source: Where the figures come from.
        label: The column that means relevant, where the files do not say it.
        layout: The layout that reads it, where nothing in its files says so.
        tokenizer: Hub id of its tokenizer, where it has none.
        prompt: The prompt of a causal language model that judges pairs, by its name in `checkpoint.prompts`.
    """

    name: str
    kind: str
    architecture: str
    parameters: float
    languages: str
    max_length: int
    source: str
    published: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    label: int | None = None
    layout: str | None = None
    tokenizer: str | None = None
    prompt: str | None = None


@cache
def known_checkpoints() -> tuple[KnownCheckpoint, ...]:
    """All of them, in the order of their cards."""
    text = (resources.files("secondpass.checkpoint") / "known.toml").read_text(encoding="utf-8")
    return tuple(
        KnownCheckpoint(**{**row, "published": MappingProxyType(row.get("published", {}))})
        for row in tomllib.loads(text)["checkpoint"]
    )


def lookup(folder: Folder) -> KnownCheckpoint | None:
    """The known checkpoint in a folder, by the hub id it was asked for, or cloned into.

    A local copy is recognised by the hub's cache layout (`models--owner--name`) or by a path that ends in `owner/name`.
    Its config.json's `_name_or_path` does not count: whatever was fine-tuned from a known checkpoint may hold its name.
    """
    path = folder.path.absolute()
    cached = [part.removeprefix("models--").replace("--", "/") for part in path.parts if part.startswith("models--")]
    candidates = [folder.name, *cached, "/".join(path.parts[-2:])]
    by_name = {known.name: known for known in known_checkpoints()}
    for candidate in candidates:
        for spelling in aliases(Path(candidate).as_posix()):
            if spelling in by_name:
                return by_name[spelling]
    return None
