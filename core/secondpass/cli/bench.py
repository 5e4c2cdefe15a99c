"""`secondpass bench`: how fast this machine scores, beside other libraries, in figures that can be reproduced."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from secondpass.arguments import check_count
from secondpass.cli.loading import silence_transformers
from secondpass.cli.options import Device, Json, MaxLength
from secondpass.cli.output import writes_json

if TYPE_CHECKING:
    from secondpass.bench import Results, Workload
    from secondpass.bench.measure import WorkloadResult

Workloads = Annotated[
    list[str] | None,
    typer.Option(
        "--workload",
        "-w",
        help="passages, chunks, long, mixed, latency, latency-10, latency-20, latency-100, scaling or lengths.",
        show_default="passages and latency-20",
    ),
]
Shape = Annotated[
    str,
    typer.Option(
        "--shape",
        "-s",
        help="Random weights in the size of tinybert-l2, minilm-l2, minilm-l6, minilm-l12, electra-base, xlm-r-l6 or "
        "modernbert-small.",
    ),
]


def bench(
    workload: Workloads = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="A real checkpoint: hub id or folder.")] = None,
    shape: Shape = "minilm-l6",
    tokenizer: Annotated[
        Path | None, typer.Option(help="Folder with a tokenizer.json.", show_default="the text's own words")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder with trec-dl/dl19 and docs-en, for real text.", show_default="made-up text"),
    ] = None,
    contender: Annotated[
        list[str] | None,
        typer.Option("--contender", "-c", help="Part of a name.", show_default="every one that can run"),
    ] = None,
    pairs: Annotated[
        int | None, typer.Option(help="Of each workload but latency.", show_default="the workload's own")
    ] = None,
    repeats: Annotated[int, typer.Option(help="Interleaved turns of each contender.")] = 5,
    batch_tokens: Annotated[
        int | None, typer.Option(help="Tokens in one of our forward passes.", show_default="the device's")
    ] = None,
    memory: Annotated[bool, typer.Option(help="Measure peak memory, in processes of their own.")] = True,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for results.json and pictures.")] = None,
    tiny: Annotated[bool, typer.Option("--tiny", help="A toy model and few pairs: does it run at all?")] = False,
    json_: Json = False,
    device: Device = None,
    max_length: MaxLength = None,
) -> None:
    """Measure our precisions against other libraries: the same pairs, one process, interleaved repeats, medians."""
    from secondpass.bench import build_workloads, load_material, make_setting, measure
    from secondpass.bench.contenders import select_contenders
    from secondpass.extras import require_matplotlib

    check_count("repeats", repeats)
    if output is not None:
        require_matplotlib("bench")
    if tiny:
        shape, pairs, memory = "tiny", 20 if pairs is None else pairs, False
    contenders = select_contenders(contender or [])
    workloads = build_workloads(workload or ["passages", "latency-20"], load_material(data), pairs)
    silence_transformers()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="secondpass-bench-") as folder:
        if model is None:
            described = f"{shape}, random weights"
            model = _save_shape(shape, Path(folder), workloads, tokenizer)
        else:
            described = Path(model).name if Path(model).is_dir() else model
        setting = make_setting(model, device=device, max_length=max_length, batch_tokens=batch_tokens)
        with console.status("") as status:
            results = measure(
                setting, described, workloads, contenders, repeats=repeats, memory=memory, say=status.update
            )
    if output is not None:
        _write(output, results)
    if writes_json(json_):
        typer.echo(json.dumps(results.as_json(), indent=2))
    else:
        _print(results)


def result_table(result: "WorkloadResult") -> Table:
    """One row per contender; the fastest stands out."""
    n_pairs, n_requests = len(result.workload.pairs), len(result.workload.requests)
    tokens = result.tokens
    table = Table(
        title=Text(f"{result.workload.name}: {n_pairs} pairs in {n_requests} calls"),
        caption=f"{result.workload.source}; tokens per pair: mean {tokens['mean']:.0f}, p50 {tokens['p50']:.0f}, "
        f"p95 {tokens['p95']:.0f}",
    )
    table.add_column("contender", no_wrap=True)
    for name in ("docs/s", "ratio", "p50 ms", "p95 ms", "score differs", "peak MiB"):
        table.add_column(name, justify="right", no_wrap=True)
    best = max(figure.times.per_second(n_pairs) for figure in result.figures.values())
    for name, figure in result.figures.items():
        speed = figure.times.per_second(n_pairs)
        table.add_row(
            name,
            f"{speed:.1f}",
            "-" if figure.ratio is None else f"{figure.ratio:.2f}",
            f"{figure.times.milliseconds(50):.1f}",
            f"{figure.times.milliseconds(95):.1f}",
            "-" if figure.difference is None else f"{figure.difference:.1e}",
            "-" if figure.peak_mib is None else f"{figure.peak_mib:.0f}",
            style="bold green" if speed == best else "",
        )
    return table


def _save_shape(shape: str, folder: Path, workloads: "list[Workload]", tokenizer: Path | None) -> str:
    """Save random weights of a shape, with the workloads' words unless there is a tokenizer; gives the model's name."""
    from secondpass.bench import save_random

    texts = (text for workload in workloads for pair in workload.pairs for text in pair)
    save_random(shape, folder, texts, tokenizer)
    return str(folder)


def _write(folder: Path, results: "Results") -> None:
    from secondpass.bench.plots import write_plots

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results.as_json(), indent=2) + "\n", encoding="utf-8")
    write_plots(folder, results)


def _print(results: "Results") -> None:
    console = Console()
    for result in results.workloads:
        console.print(result_table(result))
    for name, reason in results.left_out.items():
        console.print(Text(f"left out: {name}: {reason}", style="dim"))
    signature = {name: value for name, value in results.signature.items() if value is not None}
    console.print_json(json.dumps(signature))
