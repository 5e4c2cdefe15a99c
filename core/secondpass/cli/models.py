"""`secondpass models`: the checkpoints this package knows by name, to choose one from."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from secondpass.cli.notices import say_warning
from secondpass.cli.options import Json, Output
from secondpass.cli.output import OutputFormat, output_format, write
from secondpass.errors import InputError

if TYPE_CHECKING:
    from secondpass.checkpoint.known import KnownCheckpoint

_MILLIONS = {"": 1e-6, "K": 1e-3, "M": 1.0, "B": 1e3}
# What `--license` takes for all licences that allow commercial use.
_COMMERCIAL = "commercial"

Language = Annotated[
    str | None, typer.Option(help="Only those for texts in a language: its ISO 639-1 code, such as de.")
]
License = Annotated[
    list[str] | None,
    typer.Option(
        "--license",
        help="Only those under a licence, such as apache-2.0, or, with commercial, any that allows commercial use; "
        "repeat for several.",
    ),
]
MaxParameters = Annotated[str | None, typer.Option(help="Only those with at most so many weights: 100M, 1.5B.")]
All = Annotated[
    bool, typer.Option("--all", help="Also older ones, bi-encoders, and what is not scored here, with the reason.")
]


def models(
    language: Language = None,
    license_: License = None,
    max_parameters: MaxParameters = None,
    all_: All = False,
    format_: Output = None,
    json_: Json = False,
) -> None:
    """Known checkpoints to choose from, with published figures. Others of their architectures load just as well."""
    from secondpass.checkpoint.known import known_checkpoints
    from secondpass.cli.models_tables import grouped, models_sheets, nothing_fits

    asked = output_format(format_, json_)
    most = None if max_parameters is None else _millions(max_parameters)
    chosen = _select(known_checkpoints(), language, license_ or (), most)
    fitting = grouped(chosen)
    groups = [(group, rows) for group, rows in fitting if all_ or group.is_choice]
    content = [_row(known, group.name) for group, rows in groups for known in rows]
    if asked is OutputFormat.JSON and not content:  # where nobody reads of it in a table
        say_warning(nothing_fits(most))
    write(asked, content, models_sheets(groups, most, more=len(chosen) - len(content)))


def _select(
    known: "Sequence[KnownCheckpoint]", language: str | None, licenses: Sequence[str], most: float | None
) -> "list[KnownCheckpoint]":
    """Those that every option allows, and that have at most so many million weights.

    What a card does not state, no option allows.

    Raises:
        InputError: An option has no meaning.
    """
    if language is not None and not re.fullmatch("[a-z]{2,3}", language):
        raise InputError(f"language must be an ISO 639-1 code, such as de, got {language!r}")
    allowed = _licenses(known, licenses) if licenses else None
    return [
        row
        for row in known
        if (language is None or row.reads(language))
        and (allowed is None or row.license in allowed)
        and (most is None or (row.parameters is not None and row.parameters <= most))
    ]


def _licenses(known: "Iterable[KnownCheckpoint]", asked: Sequence[str]) -> set[str]:
    stated = {row.license: row.is_non_commercial for row in known if row.license is not None}
    names = {name.casefold() for name in asked}
    unknown = sorted(names - stated.keys() - {_COMMERCIAL})
    if unknown:
        raise InputError(f"--license must be {', '.join(sorted(stated))} or {_COMMERCIAL}, got {', '.join(unknown)}")
    commercial = {name for name, is_non_commercial in stated.items() if not is_non_commercial}
    return names | (commercial if _COMMERCIAL in names else set())


def _millions(text: str) -> float:
    number = re.fullmatch(r"(\d+(?:\.\d+)?)([KMB]?)", text.strip().upper())
    if number is None or float(number[1]) == 0:
        raise InputError(
            f"max_parameters must be a number of weights above 0, alone or with K, M or B behind it, got {text!r}"
        )
    return float(number[1]) * _MILLIONS[number[2]]


def _row(known: "KnownCheckpoint", group: str) -> dict[str, object]:
    """A checkpoint in JSON: the keys are part of the command's output."""
    return {
        "name": known.name,
        "group": group,
        "kind": known.kind,
        "architecture": known.architecture,
        "parameters": known.parameters,
        "languages": list(known.languages),
        "max_length": known.max_length,
        "license": known.license,
        "non_commercial": known.is_non_commercial,
        "takes": known.takes,
        "refused": known.refused,
        "published": [
            {"measure": figure.measure, "value": figure.value, "source": figure.source} for figure in known.published
        ],
        "aliases": list(known.aliases),
        "label": known.label,
        "layout": known.layout,
        "tokenizer": known.tokenizer,
        "activation": known.activation,
    }
