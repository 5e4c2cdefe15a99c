"""The checkpoints known by name: what their files do not say, and what a choice between them needs."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.score_activation import ScoreActivation
from secondpass.checkpoint.source import aliases

# What stands for a card's languages where it does not list them.
MULTILINGUAL = "multilingual"


@dataclass(frozen=True, slots=True)
class Figure:
    """A published figure.

    Args:
        measure: With its benchmark, such as "nDCG@10 TREC DL 2019".
        value: In percent.
        source: Who published it.
    """

    measure: str
    value: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCheckpoint:
    """What is known of a checkpoint apart from its files.

    Args:
        name: Hub id as the hub writes it.
        kind: Whether it scores pairs, or embeds texts one by one.
        architecture: In the field's words, such as "BERT".
        languages: ISO 639-1 codes, or "multilingual" alone.
        parameters: Weights, in millions; None where nothing says.
        max_length: Tokens of a pair, specials included; None where nothing says.
        license: As its card states it; None where it does not.
        published: Figures of cards and announcements.
        takes: What can be given to it beside texts, an "instruction", or must be, "trust_remote_code".
        refused: Why it is not scored here; None where it is.
        older: Whether its own card lists a better one that is no larger.
        aliases: Other names under which the hub, or its card, has it.
        label: The column that means relevant, where the files do not say it.
        layout: The layout that reads it, where nothing in its files says so.
        tokenizer: Hub id of its tokenizer, where it has none.
        prompt: The prompt of a causal language model that judges pairs, by its name in `checkpoint.prompts`.
        activation: The unit of its authors' scores, where the files do not say it.
    """

    name: str
    kind: Literal["cross-encoder", "bi-encoder"]
    architecture: str
    languages: tuple[str, ...]
    parameters: float | None = None
    max_length: int | None = None
    license: str | None = None
    published: tuple[Figure, ...] = ()
    takes: str | None = None
    refused: str | None = None
    older: bool = False
    aliases: tuple[str, ...] = ()
    label: int | None = None
    layout: str | None = None
    tokenizer: str | None = None
    prompt: str | None = None
    activation: ScoreActivation | None = None

    @property
    def is_non_commercial(self) -> bool:
        """Whether its licence forbids commercial use."""
        return self.license is not None and "-nc" in self.license

    def reads(self, language: str) -> bool:
        """Whether it is meant for texts in a language, by its ISO 639-1 code."""
        return language in self.languages or MULTILINGUAL in self.languages

    def figure(self, measure: str) -> Figure | None:
        """The published figure of a measure."""
        return next((figure for figure in self.published if figure.measure == measure), None)


@cache
def known_checkpoints() -> tuple[KnownCheckpoint, ...]:
    """All of them, the bundled one first."""
    text = (resources.files("secondpass.checkpoint") / "known.toml").read_text(encoding="utf-8")
    return tuple(_read(row) for row in tomllib.loads(text)["checkpoint"])


def lookup(folder: Folder) -> KnownCheckpoint | None:
    """The known checkpoint in a folder, by the hub id it was asked for, or cloned into.

    A local copy is recognised by the hub's cache layout (`models--owner--name`) or by a path that ends in `owner/name`.
    Its config.json's `_name_or_path` does not count: whatever was fine-tuned from a known checkpoint may hold its name.
    """
    path = folder.path.absolute()
    cached = [part.removeprefix("models--").replace("--", "/") for part in path.parts if part.startswith("models--")]
    for candidate in (folder.name, *cached, "/".join(path.parts[-2:])):
        known = known_by_name(Path(candidate).as_posix())
        if known is not None:
            return known
    return None


def known_by_name(name: str) -> KnownCheckpoint | None:
    """The known checkpoint of a hub id, in its present spelling or an earlier one."""
    return next((_by_name()[spelling] for spelling in aliases(name) if spelling in _by_name()), None)


@cache
def _by_name() -> dict[str, KnownCheckpoint]:
    return {name: known for known in known_checkpoints() for name in (known.name, *known.aliases)}


def _read(row: dict[str, Any]) -> KnownCheckpoint:
    published = tuple(
        Figure(measure, value, source)
        for source, figures in row.get("published", {}).items()
        for measure, value in figures.items()
    )
    activation = row.get("activation")
    return KnownCheckpoint(
        **{
            **row,
            "languages": tuple(row["languages"]),
            "aliases": tuple(row.get("aliases", ())),
            "published": published,
            "activation": None if activation is None else ScoreActivation(activation),
        }
    )
