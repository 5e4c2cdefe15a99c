"""`secondpass bench`: how fast this machine scores, beside other libraries, in figures that can be reproduced."""

import tempfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from secondpass.arguments import check_count
from secondpass.cli.bench.tables import concurrent_table, result_table, windows_table
from secondpass.cli.loading import find_models, silence_transformers
from secondpass.cli.options import Device, Json, Output, takes_model_options
from secondpass.cli.output import OutputFormat, json_text, output_format, write, write_json_file
from secondpass.cli.streams import naming
from secondpass.cli.truncation import counted_instead
from secondpass.errors import InputError
from secondpass.files.output_folder import check_output_folder
from secondpass.model_names import local_folder
from secondpass.options import HubOptions, ModelOptions

if TYPE_CHECKING:
    from secondpass.bench import Results, Workload

_DEFAULT_SHAPE = "minilm-l6"

Workloads = Annotated[
    list[str] | None,
    typer.Option(
        "--workload",
        "-w",
        help="passages, chunks, long, mixed, latency, latency-10, latency-20, latency-100, scaling, "
        "lengths, cold-start or concurrent.",
        show_default="passages and latency-20",
    ),
]
Shape = Annotated[
    str | None,
    typer.Option(
        "--shape",
        "-s",
        help="Random weights in the size of tinybert-l2, minilm-l2, minilm-l6, minilm-l12, electra-base, xlm-r-l6, "
        "modernbert-small, deberta-v3-base, gte-base, qwen3-0.6b or qwen3-reranker-0.6b.",
        show_default=_DEFAULT_SHAPE,
    ),
]


# The others are what contenders differ in, or what they would not all do alike.
@takes_model_options(
    "device", "dtype", "instruction", "activation", "label", "calibration", "long_documents", "window_overlap",
    "window_aggregation",
)  # fmt: skip
def bench(
    workload: Workloads = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="A real checkpoint: hub id or folder.")] = None,
    shape: Shape = None,
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
        int | None,
        typer.Option(
            help="Of each workload but latency, cold-start and concurrent.", show_default="the workload's own"
        ),
    ] = None,
    repeats: Annotated[int, typer.Option(help="Interleaved turns of each contender.")] = 5,
    memory: Annotated[bool, typer.Option(help="Measure peak memory, in processes of their own.")] = True,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for results.json and pictures.")] = None,
    tiny: Annotated[bool, typer.Option("--tiny", help="A toy model and few pairs: does it run at all?")] = False,
    format_: Output = None,
    json_: Json = False,
    device: Device = None,
    *,
    options: ModelOptions,
) -> None:
    """Measure our precisions against other libraries: the same pairs, one process, interleaved repeats, medians."""
    from secondpass.bench import build_workloads, load_material, make_setting, measure, very_long
    from secondpass.bench.contenders import select_contenders
    from secondpass.bench.workloads import FIXED_SIZES
    from secondpass.extras import require_matplotlib

    result_format = output_format(format_, json_)
    check_count("repeats", repeats)
    check_output_folder(output)
    if output is not None:
        require_matplotlib("bench")
    hub_options = [field.name for field in fields(HubOptions) if field.name in options.given()]
    _check_together(model, shape, tokenizer, hub_options, tiny=tiny)
    names = workload or ["passages", "latency-20"]
    if pairs is not None and FIXED_SIZES.issuperset(names):
        raise InputError(f"--pairs must come with a workload of so many pairs, got only {', '.join(names)}")
    if tiny:
        pairs, memory = 20 if pairs is None else pairs, False
    contenders = select_contenders(contender or [])
    material = load_material(data)
    workloads = build_workloads(names, material, pairs)
    long = [workload for workload in workloads if workload.name == "long"]
    if long:
        long.append(very_long(material))
    silence_transformers()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="secondpass-bench-") as folder:
        if model is None:
            shape = "tiny" if tiny else shape or _DEFAULT_SHAPE
            described = f"{shape}, random weights"
            model = _save_shape(shape, Path(folder), [*workloads, *long], tokenizer)
        else:
            described = model if local_folder(model) is None else Path(model).name
            if hub_options:  # peers find a model by folder alone
                model = str(find_models([model], options)[0].path)
        setting = make_setting(
            model,
            device=device,
            max_length=options.max_length,
            batch_tokens=options.batch_tokens,
            trust_remote_code=options.trust_remote_code,
        )
        # All contenders truncate alike what is longer than the model reads.
        with console.status("") as status, counted_instead():
            results = measure(
                setting,
                described,
                workloads,
                contenders,
                long=long,
                repeats=repeats,
                memory=memory,
                say=status.update,
            )
    if output is not None:
        _write_files(output, results)
    sheets = [result_table(result) for result in results.workloads]
    sheets.extend(map(concurrent_table, results.concurrent))
    if results.windows:
        sheets.append(windows_table(results.windows))
    write(result_format, results.as_json(), sheets)
    if result_format is not OutputFormat.JSON:
        _print_rest(result_format, results)


def _check_together(
    model: str | None, shape: str | None, tokenizer: Path | None, hub_options: Sequence[str], *, tiny: bool
) -> None:
    """Raise InputError where an option would be ignored beside another one, or without it."""
    if model is not None and shape is not None:
        raise InputError("--shape must come without --model, which has a size of its own")
    if model is not None and tokenizer is not None:
        raise InputError("--tokenizer must come without --model, which has one of its own")
    if tiny and model is not None:
        raise InputError("--model must come without --tiny, whose model is a toy")
    if tiny and shape is not None:
        raise InputError("--shape must come without --tiny, whose model is a toy")
    if model is None and hub_options:
        flag = hub_options[0].replace("_", "-")
        raise InputError(f"--{flag} must come with --model: random weights are on no hub")


def _save_shape(shape: str, folder: Path, workloads: "list[Workload]", tokenizer: Path | None) -> str:
    """Save random weights of a shape, with the workloads' words unless there is a tokenizer; gives the model's name."""
    from secondpass.bench import save_random

    texts = (text for workload in workloads for pair in workload.pairs for text in pair)
    save_random(shape, folder, texts, tokenizer)
    return str(folder)


def _write_files(folder: Path, results: "Results") -> None:
    from secondpass.bench.plots import write_plots

    write_json_file(folder / "results.json", results.as_json())
    with naming(folder):
        write_plots(folder, results)


def _print_rest(format_: OutputFormat, results: "Results") -> None:
    """Who could not take part, and what the figures depend on."""
    signature = json_text({name: value for name, value in results.signature.items() if value is not None})
    if format_ is OutputFormat.MARKDOWN:
        left_out = [f"- left out: {name}: {reason}" for name, reason in results.left_out.items()]
        typer.echo("\n".join(["", *left_out, "", "```json", signature, "```"]))
        return
    console = Console()
    for name, reason in results.left_out.items():
        console.print(Text(f"left out: {name}: {reason}", style="dim"))
    console.print_json(signature)
