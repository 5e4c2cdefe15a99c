"""What `secondpass eval` shows: one report per model, depths, contenders side by side, and the table of model cards."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, TypeAlias

from rich.text import Text

from secondpass.cli.sheets import Column, Kind, Row, Sheet
from secondpass.quantities import count

if TYPE_CHECKING:
    from secondpass.evaluation import Comparison, Report

# The p-value below which a difference gets its asterisk.
_SIGNIFICANT = 0.05

# Values by measure, of one system on one collection.
Values: TypeAlias = Mapping[str, float]


def report_table(report: "Report", collection: str = "") -> Sheet:
    """First stage and re-ranked run, one row per measure."""
    return differences_table(
        f"{collection}: {report.model}" if collection else report.model,
        report.comparisons,
        ("measure", "first stage", "re-ranked"),
        f"{report.documents_per_second:.0f} docs/s, {report.ms_per_query:.1f} ms per query of "
        f"{count(report.candidates, 'candidate')}{_truncated(report)}",
    )


def ways_table(report: "Report") -> Sheet:
    """A model with documents truncated and in windows, one row per measure."""
    title = f"{report.model}, against truncation"
    return differences_table(title, report.comparisons, ("measure", "truncated", "windows"))


def differences_table(
    title: str, comparisons: Mapping[str, "Comparison"], names: tuple[str, str, str], caption: str = ""
) -> Sheet:
    """Comparisons, one per row, with the difference and what it is worth.

    Args:
        title: What they compare.
        comparisons: By the name of the row.
        names: What names the rows, and what the value before and the value after are.
        caption: What belongs below them.
    """
    rows = []
    for name, comparison in comparisons.items():
        colour = "green" if comparison.difference > 0 else "red" if comparison.difference < 0 else ""
        cells = (
            name,
            f"{comparison.before:.4f}",
            f"{comparison.after:.4f}",
            Text(f"{comparison.difference:+.4f}{_asterisk(comparison)}", style=colour),
            "-" if comparison.p_value is None else f"{comparison.p_value:.3g}",
            str(comparison.helped),
            str(comparison.hurt),
        )
        rows.append(Row(cells))
    first, *values = names
    figures = (*values, "difference", "p", "helped", "hurt")
    return Sheet(title, (Column(first, Kind.NAME), *map(Column, figures)), rows, caption)


def _truncated(report: "Report") -> str:
    """How many documents were not read to their end, where there were such."""
    if not report.n_truncated:
        return ""
    return f"; {report.n_truncated} of {count(report.n_documents, 'document')} truncated"


def depth_table(report: "Report") -> Sheet:
    """How deep it pays to re-rank: the first measure and the time, by depth."""
    measure = next(iter(report.comparisons))
    rows = [
        Row(
            (
                str(point.depth),
                f"{round(point.candidates, 1):g}",
                f"{point.value:.4f}",
                f"{point.ms_per_query:.0f}",
            )
        )
        for point in report.depths
    ]
    return Sheet(f"{report.model}, by depth", tuple(map(Column, ("depth", "candidates", measure, "ms/query"))), rows)


def comparison_table(reports: Sequence["Report"]) -> Sheet:
    """Several models side by side."""
    measures = tuple(reports[0].comparisons)
    base = [f"{comparison.before:.4f} " for comparison in reports[0].comparisons.values()]
    are_truncated = any(report.n_truncated for report in reports)
    rows = [Row(("first stage", *base, "", "", *[""] * are_truncated), style="dim")]
    for report in reports:
        values = [f"{comparison.after:.4f}{_asterisk(comparison)}" for comparison in report.comparisons.values()]
        figures = [f"{report.ms_per_query:.1f}", f"{report.documents_per_second:.0f}"]
        if are_truncated:
            figures.append("-" if report.n_truncated is None else str(report.n_truncated))
        rows.append(Row((report.model, *values, *figures)))
    return Sheet(
        f"comparison; * differs from the first stage, p < {_SIGNIFICANT}",
        (Column("model", Kind.NAME), *map(Column, (*measures, "ms/query", "docs/s", *["truncated"] * are_truncated))),
        rows,
    )


def cascade_table(reports: Sequence["Report"], last: "Report") -> Sheet:
    """Cascades and their models against the last model, by the first measure and time.

    Args:
        reports: One per model and cascade.
        last: That of the model that decides in the cascades.
    """
    rows = []
    for report in reports:
        comparison = report.compare_with(last)
        cells = (
            report.model,
            f"{comparison.after:.4f}",
            "" if report is last else f"{comparison.difference:+.4f}{_asterisk(comparison)}",
            "" if report is last or comparison.p_value is None else f"{comparison.p_value:.3g}",
            f"{report.ms_per_query:.1f}",
            f"{report.seconds / last.seconds:.0%}" if last.seconds else "-",
        )
        rows.append(Row(cells, style="dim" if report is last else ""))
    measure = next(iter(last.comparisons))
    return Sheet(
        f"quality against time; * differs from {last.model}, p < {_SIGNIFICANT}",
        (Column("model", Kind.NAME), *map(Column, (measure, "difference", "p", "ms/query", "time"))),
        rows,
    )


def card_table(title: str, systems: Mapping[str, Mapping[str, Values]], caption: str = "") -> Sheet:
    """Collections with their mean, as model cards report them: in percent.

    Args:
        title: What the figures are of.
        systems: By what ranked (an empty name is the one that the title names), then by collection.
        caption: What belongs below them.
    """
    collections = list(next(iter(systems.values())))
    columns = [
        (results, measure, f"{name} {measure}".strip())
        for name, results in systems.items()
        for measure in next(iter(results.values()))
    ]
    rows = [
        Row((collection, *(_percent(measure, results[collection][measure]) for results, measure, _ in columns)))
        for collection in collections
    ]
    means = [
        _percent(measure, fmean(values[measure] for values in results.values())) for results, measure, _ in columns
    ]
    rows.append(Row(("Mean", *means), style="bold", is_total=True))
    return Sheet(title, (Column("dataset", Kind.NAME), *(Column(name) for _, _, name in columns)), rows, caption)


def _percent(measure: str, value: float) -> str:
    """Measures are shares, but for those that count."""
    return f"{value:.2f}" if measure.startswith("Num") else f"{100 * value:.2f}"


def _asterisk(comparison: "Comparison") -> str:
    is_significant = comparison.p_value is not None and comparison.p_value < _SIGNIFICANT
    return "*" if is_significant else " "
