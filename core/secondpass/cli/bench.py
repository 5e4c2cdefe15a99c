"""`secondpass bench`: how fast this machine scores, beside other libraries, in figures that can be repeated."""

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from secondpass.cli.options import Device, Json, MaxLength
from secondpass.errors import InputError

if TYPE_CHECKING:
    from secondpass.bench import Results, Setting, Workload
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
        list[str] | None, typer.Option("--contender", "-c", help="Part of a name.", show_default="all that can run")
    ] = None,
    pairs: Annotated[int | None, typer.Option(help="Of each workload but latency.", show_default="its own")] = None,
    repeats: Annotated[int, typer.Option(help="Interleaved turns of each contender.")] = 5,
    batch_tokens: Annotated[
        int | None, typer.Option(help="Tokens of one of our forward passes.", show_default="the device's")
    ] = None,
    memory: Annotated[bool, typer.Option(help="Measure peak memory, in processes of their own.")] = True,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for results.json and pictures.")] = None,
    tiny: Annotated[bool, typer.Option("--tiny", help="A toy model and few pairs: does it run at all?")] = False,
    json_: Json = False,
    device: Device = None,
    max_length: MaxLength = None,
) -> None:
    """Measure our precisions against other libraries: same pairs, one process, interleaved repeats, medians."""
    from secondpass.bench import material, measure
    from secondpass.bench import workloads as cut
    from secondpass.bench.contenders import chosen
    from secondpass.bench.plots import check_plots

    if repeats < 1:
        raise InputError(f"repeats must be at least 1, got {repeats}")
    if output is not None:
        check_plots()
    if tiny:
        shape, pairs, memory = "tiny", 20 if pairs is None else pairs, False
    contenders = chosen(contender or [])
    to_score = cut(workload or ["passages", "latency-20"], material(data), pairs)
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="secondpass-bench-") as folder:
        setting, described = _setting(
            Path(folder), to_score, model=model, shape=shape, tokenizer=tokenizer, max_length=max_length
        )
        setting = type(setting)(setting.model, device, setting.max_length, batch_tokens)
        with console.status("") as status:
            results = measure(
                setting, described, to_score, contenders, repeats=repeats, memory=memory, say=status.update
            )
    if output is not None:
        _write(output, results)
    if json_ or not sys.stdout.isatty():
        typer.echo(json.dumps(results.as_json(), indent=2))
    else:
        _print(results)


def result_table(result: "WorkloadResult") -> Table:
    """A row a contender; the fastest of all stands out."""
    n_pairs, n_requests = len(result.workload.pairs), len(result.workload.requests)
    tokens = result.tokens
    table = Table(
        title=Text(f"{result.workload.name}: {n_pairs} pairs in {n_requests} calls"),
        caption=f"{result.workload.source}; tokens a pair: mean {tokens['mean']:.0f}, p50 {tokens['p50']:.0f}, "
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


def _setting(
    folder: Path,
    workloads: "list[Workload]",
    *,
    model: str | None,
    shape: str,
    tokenizer: Path | None,
    max_length: int | None,
) -> "tuple[Setting, str]":
    """What to load, and its name for the signature."""
    from transformers.utils import logging

    from secondpass.bench import Setting, save_random

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if model is None:
        texts = (text for workload in workloads for pair in workload.pairs for text in pair)
        save_random(shape, folder, texts, tokenizer)
        model, described = str(folder), f"{shape}, random weights"
    else:
        described = Path(model).name if Path(model).is_dir() else model
    from secondpass import CrossEncoder
    from secondpass.checkpoint.source import find
    from secondpass.options import HubOptions

    # Not the name: peers know neither bundled models nor both aliases of a hub id.
    path = find(model, HubOptions()).path
    loaded = CrossEncoder(path, device="cpu", max_length=max_length)
    if len(loaded.labels) != 1:
        raise InputError(f"model must have a head with one label, got {len(loaded.labels)} in {described!r}")
    return Setting(str(path), None, loaded.max_length), described


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
