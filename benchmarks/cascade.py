r"""A cascade: 8 bits on the beginning of every candidate, then float32 on the best in full.

Both stages and the cascade take turns on the judged queries of a collection; quality, and time per query.

    python benchmarks/cascade.py FOLDER/trec-dl/dl19 --run FOLDER/trec-dl/dl19/run.bm25.top100.trec.gz \
        --small FOLDER/ce-minilm6
"""

import statistics
from pathlib import Path
from typing import Annotated

import typer

from secondpass import Cascade, CrossEncoder, Scorer
from secondpass.evaluation import Report, read_collection, read_run, report, rerank


def main(
    collection: Annotated[Path, typer.Argument(help="Folder with queries, corpus and judgements.")],
    run: Annotated[Path, typer.Option(help="TREC run to re-rank.")],
    model: Annotated[str, typer.Option(help="The checkpoint of the second stage.")] = "secondpass/mini",
    small: Annotated[str | None, typer.Option(help="The first stage's, by default the same.")] = None,
    max_length: Annotated[int, typer.Option(help="Tokens of a pair in the first stage.")] = 48,
    keep: Annotated[int, typer.Option(help="Candidates that go on to the second stage.")] = 20,
    depth: Annotated[int, typer.Option(help="Candidates of a query.")] = 100,
    turns: Annotated[int, typer.Option(help="How often each one scores everything.")] = 3,
) -> None:
    """Print a table: nDCG@10, its difference from the second stage alone, time per query, and the part of its time.

    Times are medians over the turns; so is the part, which is taken within each turn.
    """
    data, first = read_collection(collection), read_run(run)
    first_stage = CrossEncoder(small or model, dtype="int8", max_length=max_length)
    large = CrossEncoder(model, dtype="float32")
    contenders: dict[str, Scorer] = {
        f"int8, {max_length} tokens": first_stage,
        "float32": large,
        f"cascade, keep {keep}": Cascade([first_stage, large], keep=keep),
    }
    reports: dict[str, list[Report]] = {name: [] for name in contenders}
    for scorer in contenders.values():
        scorer.score("warm", ["up"] * depth)
    for _ in range(turns):
        for name, scorer in contenders.items():
            scored = rerank(scorer, data, first, depth=depth)
            reports[name].append(
                report(name, data, first, scored, measures=["nDCG@10"], depth=depth, smaller_depths=())
            )
    milliseconds = {name: statistics.median(turn.ms_per_query for turn in of) for name, of in reports.items()}
    print("| what | nDCG@10 | difference | p | ms per query | time |\n|---|---|---|---|---|---|")
    for name, of in reports.items():
        comparison = of[0].compare_with(reports["float32"][0])
        pairs_of_turns = zip(of, reports["float32"], strict=True)
        share = statistics.median(turn.ms_per_query / alone.ms_per_query for turn, alone in pairs_of_turns)
        p_value = "-" if comparison.p_value is None else f"{comparison.p_value:.2g}"
        print(
            f"| {name} | {comparison.after:.4f} | {comparison.difference:+.4f} | {p_value} | {milliseconds[name]:.0f} "
            f"| {share:.0%} |"
        )


if __name__ == "__main__":
    typer.run(main)
