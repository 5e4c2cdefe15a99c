"""What `secondpass models` shows: checkpoints side by side with those that a user would choose between."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from rich.text import Text

from secondpass.cli.sheets import Column, Kind, Row, Sheet, one_line

if TYPE_CHECKING:
    from secondpass.checkpoint.known import KnownCheckpoint

# More languages than this are counted, not listed.
_LISTED = 3
_BILLION = 1000
# Figures of the tables, by the headings of their columns; JSON holds all others, too.
_MEASURES = {
    "MTEB\nen": "nDCG@10 MTEB English v2",
    "MMTEB": "MMTEB-R",
    "DL\n2019": "nDCG@10 TREC DL 2019",
    "DL\nde-en": "nDCG@10 TREC DL 2019 DE-EN",
    "German\nDPR": "MRR@10 GermanDPR DE-DE",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Checkpoints for one purpose.

    Args:
        name: In JSON.
        title: Above its table.
        figures: Headings of its figures, of `_MEASURES`; the first one tells which rows stand out.
        with_languages: Whether they are not all for the languages that the title names.
        is_choice: Whether one would choose among them today.
    """

    name: str
    title: str
    figures: tuple[str, ...] = ()
    with_languages: bool = True
    is_choice: bool = True


BUNDLED = Group("bundled", "English, in the package: a start without a network", ("DL\n2019",), with_languages=False)
ENGLISH = Group("English", "English", ("MTEB\nen", "DL\n2019"), with_languages=False)
GERMAN = Group("German", "German, alone or with English", ("German\nDPR", "DL\nde-en"))
SEVERAL = Group("several languages", "Several languages", ("MMTEB", "MTEB\nen"))
PROMPTED = Group("language models", "Language models, asked by a prompt: slow without a GPU", ("MTEB\nen", "MMTEB"))
OWN_CODE = Group(
    "own code", "English, with code of their own, which --trust-remote-code lets run", with_languages=False
)
OLDER = Group(
    "older",
    "English, older: their own card lists better ones that are no larger",
    ("DL\n2019",),
    with_languages=False,
    is_choice=False,
)
BI_ENCODERS = Group(
    "bi-encoders", "Bi-encoders, for secondpass.BiEncoder", ("German\nDPR", "DL\nde-en"), is_choice=False
)
REFUSED = Group("refused", "Not scored here", is_choice=False)
_ORDER = (BUNDLED, ENGLISH, GERMAN, SEVERAL, PROMPTED, OWN_CODE, OLDER, BI_ENCODERS, REFUSED)

Grouped: TypeAlias = Sequence[tuple[Group, "Sequence[KnownCheckpoint]"]]


def grouped(known: "Iterable[KnownCheckpoint]") -> Grouped:
    """Groups in order, each from the smallest checkpoint to the largest; none that is empty."""
    members: dict[Group, list[KnownCheckpoint]] = {group: [] for group in _ORDER}
    for row in known:
        members[next(group for group, belongs in _BELONGS if belongs(row))].append(row)
    return [(group, sorted(rows, key=lambda row: row.parameters or 0.0)) for group, rows in members.items() if rows]


def nothing_fits(most: float | None) -> str:
    """What is said where no checkpoint is what was asked for, such as one of at most so many million weights."""
    size = "" if most is None else f", with at most {round(most * 1e6):,} weights"
    return f"no known checkpoint is all of that{size}; any other of their architectures loads, too"


def models_sheets(groups: Grouped, most: float | None = None, *, more: int = 0) -> list[Sheet]:
    """A table per group.

    Args:
        groups: What to show.
        most: How many million weights they were to have at most; None: any number.
        more: How many fit, too, but would not be chosen today.
    """
    sheets = [_refusals(rows) if group is REFUSED else _sheet(group, rows) for group, rows in groups]
    if not sheets:
        sheets = [Sheet(f"{nothing_fits(most).capitalize()}.", (), ())]
    if more:
        hint = f"{more} more with --all: older ones, bi-encoders, and what is not scored here"
        sheets[-1] = replace(sheets[-1], caption="\n\n".join(filter(None, (sheets[-1].caption, hint))))
    return sheets


# The first that holds says where a checkpoint belongs.
_BELONGS: tuple[tuple[Group, "Callable[[KnownCheckpoint], bool]"], ...] = (
    (REFUSED, lambda known: known.refused is not None),
    (BUNDLED, lambda known: known.name.startswith("secondpass/")),
    (BI_ENCODERS, lambda known: known.kind == "bi-encoder"),
    (OWN_CODE, lambda known: known.takes == "trust_remote_code"),
    (PROMPTED, lambda known: known.architecture in {"Gemma", "Qwen2", "Qwen3"}),
    (OLDER, lambda known: known.older),
    (ENGLISH, lambda known: known.languages == ("en",)),
    (GERMAN, lambda known: set(known.languages) <= {"de", "en"}),
    (SEVERAL, lambda _: True),
)


def _sheet(group: Group, rows: "Sequence[KnownCheckpoint]") -> Sheet:
    figures = {heading: _MEASURES[heading] for heading in group.figures}
    figures = {heading: measure for heading, measure in figures.items() if any(row.figure(measure) for row in rows)}
    first = next(iter(figures.values()), "")
    best = _best_of_their_size(rows, first)
    facts: dict[Column, list[str | Text]] = {
        Column("tokens"): [str(row.max_length or "-") for row in rows],
        Column("reads", Kind.NAME): [_languages(row.languages) for row in rows if group.with_languages],
        **{
            Column(heading): [_figure(row, measure, starred=best if measure == first else ()) for row in rows]
            for heading, measure in figures.items()
        },
        Column("licence", Kind.NAME): [_license(row) for row in rows],
    }
    # What all have in common needs no column.
    columns: dict[Column, list[str | Text]] = {Column("size"): [_size(row.parameters) for row in rows]}
    common = []
    for column, cells in facts.items():
        if column.name in figures or len(set(map(str, cells))) > 1:
            columns[column] = cells
        elif cells:
            common.append(f"{column.name} {cells[0]}")
    table = [
        Row((row.name, *(cells[i] for cells in columns.values())), style="bold" if row.name in best else "")
        for i, row in enumerate(rows)
    ]
    return Sheet(
        f"{group.title} ({', '.join(common)})" if common else group.title,
        (Column("checkpoint", Kind.NAME), *columns),
        table,
        _caption(rows, figures, starred=bool(best)),
    )


def _refusals(rows: "Sequence[KnownCheckpoint]") -> Sheet:
    columns = (Column("checkpoint", Kind.NAME), Column("because", Kind.NAME))
    return Sheet(REFUSED.title, columns, [Row((row.name, row.refused or "")) for row in rows])


def _best_of_their_size(rows: "Sequence[KnownCheckpoint]", measure: str) -> set[str]:
    """Those that are better than every smaller one beside them, unless nothing is known of those."""
    best, highest = set(), 0.0
    for row in rows:
        figure = row.figure(measure)
        if figure is not None and figure.value > highest:
            best.add(row.name)
            highest = figure.value
    return best if sum(row.figure(measure) is not None for row in rows) > 1 else set()


def _caption(rows: "Sequence[KnownCheckpoint]", shown: dict[str, str], *, starred: bool) -> str:
    """What the figures are, and who published them."""
    lines = []
    for heading, measure in shown.items():
        sources = dict.fromkeys(figure.source for row in rows if (figure := row.figure(measure)) is not None)
        lines.append(f"{one_line(heading)}: {measure} ({'; '.join(sources)})")
    if starred:
        lines.append("*: better than all smaller ones here")
    without = [row.name for row in rows if row.takes != "instruction"]
    if len(without) < len(rows):
        lines.append(f"an instruction can be given to all{' but ' if without else ''}{', '.join(without)}")
    return "\n".join(lines)


def _figure(known: "KnownCheckpoint", measure: str, starred: Collection[str]) -> str:
    figure = known.figure(measure)
    return "" if figure is None else f"{figure.value:.1f}{'*' if known.name in starred else ' '}"


def _size(millions: float | None) -> str:
    if millions is None:
        return "-"
    return f"{millions / _BILLION:.1f}B" if millions >= _BILLION else f"{millions:.0f}M"


def _languages(codes: Sequence[str]) -> str:
    if len(codes) > _LISTED:
        return f"{len(codes)}"
    return ", ".join("many" if code == "multilingual" else code for code in codes)


def _license(known: "KnownCheckpoint") -> str | Text:
    if known.is_non_commercial:
        return Text(f"{known.license}\nnon-commercial", style="red")
    return known.license or "not stated"
