"""What `secondpass demo` shows of each question and of all of them together."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from secondpass.cli.demo.passes import TOP, Outcome, Pass
from secondpass.cli.demo.reasons import in_words
from secondpass.cli.output import score_bar
from secondpass.cli.sheets import Column, Kind, Row, Sheet
from secondpass.quantities import count


def findings(done: Pass) -> Text:
    """What a second pass changed, and why its first passage is first, in a line each."""
    outcome = done.outcome
    ranks = Text(f"BM25 {rank_text(outcome.before)}, second pass {rank_text(outcome.after)}", style=colour(outcome))
    first = Text.assemble(("answer: ", "dim"), outcome.answer, ("; its passage: ", "dim"), ranks)
    return first if done.reason is None else Text("\n").join([first, Text(in_words(done.reason))])


def question_table(done: Pass) -> Sheet:
    """The model's best passages, where BM25 had them, and how sure the model is."""
    outcome = done.outcome
    scores = [ranked.score for ranked in done.ranking]
    rows = []
    for position, ranked in enumerate(done.ranking[:TOP], 1):
        before = ranked.index + 1
        arrow = "↑" if before > position else "↓" if before < position else " "
        is_answer = outcome.after == position
        passage = done.candidates[ranked.index]
        bar = score_bar(ranked.score, min(scores), max(scores))
        rows.append(
            Row(
                (
                    str(position),
                    f"{before} {arrow}",
                    f"{ranked.score:.2f}",
                    Text(bar, style="green" if is_answer else "dim"),
                    f"{passage.title}: {passage.text}",
                ),
                style="bold" if is_answer else "",
            )
        )
    columns = (
        Column("#"), Column("BM25"), Column("score"), Column("", Kind.BAR), Column("passage", Kind.TEXT),
    )  # fmt: skip
    caption = (
        f"answer: {outcome.answer} | its passage: BM25 {rank_text(outcome.before)}, "
        f"second pass {rank_text(outcome.after)}"
    )
    return Sheet(outcome.question, columns, rows, caption)


def totals_table(passes: Sequence[Pass], model: str, caption: str = "") -> Sheet:
    """All questions: where the answer stood, and how often it is among the first three.

    Args:
        passes: At least one.
        model: The model's name.
        caption: What belongs below it.
    """
    outcomes = [done.outcome for done in passes]
    rows = []
    for outcome in outcomes:
        after = Text(rank_text(outcome.after), style=colour(outcome))
        rows.append(Row((outcome.question, rank_text(outcome.before), after)))
    in_top = [
        share_within(TOP, ranks)
        for ranks in ([outcome.before for outcome in outcomes], [outcome.after for outcome in outcomes])
    ]
    rows.append(Row((f"answer in the top {TOP}", *in_top), is_total=True))
    return Sheet(
        f"rank of the passage with the answer; {time_taken(passes, model)}",
        (Column("question", Kind.NAME), Column("BM25"), Column("second pass")),
        rows,
        caption,
    )


def time_taken(passes: Sequence[Pass], model: str) -> str:
    """The mean time of a second pass, and over how many candidates, in words; at least one pass."""
    ms = 1000 * sum(done.outcome.seconds for done in passes) / len(passes)
    n_candidates = sum(len(done.candidates) for done in passes) / len(passes)
    return f"{model}, {ms:.0f} ms for {count(n_candidates, 'candidate')}"


def share_within(last: int, ranks: Sequence[int | None]) -> str:
    """How many of these ranks are no lower than `last`, as "2/11"."""
    return f"{n_within(last, ranks)}/{len(ranks)}"


def n_within(last: int, ranks: Iterable[int | None]) -> int:
    """How many of these ranks are no lower than `last`."""
    return sum(rank is not None and rank <= last for rank in ranks)


def rank_text(rank: int | None) -> str:
    """A rank in a table."""
    return "-" if rank is None else str(rank)


def colour(outcome: Outcome) -> str:
    """Green for what moved up, red for what moved down."""
    return "green" if outcome.gain > 0 else "red" if outcome.gain < 0 else ""
