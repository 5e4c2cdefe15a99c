"""Options that several commands share."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from secondpass import options
from secondpass.calibration import as_calibration
from secondpass.cli.output import OutputFormat

ModelName: TypeAlias = Annotated[str, typer.Option("--model", "-m", help="Hub id, folder, or bundled model.")]
ModelOrService: TypeAlias = Annotated[
    str, typer.Option("--model", "-m", help="Hub id, folder, bundled model, or http(s) URL of a service.")
]
Device: TypeAlias = Annotated[str | None, typer.Option(help="Such as cpu or cuda:0.", show_default="the best there is")]
DType: TypeAlias = Annotated[
    options.DType | None,
    typer.Option("--dtype", help="Arithmetic of the transformer.", show_default="float32 on a CPU"),
]
MaxLength: TypeAlias = Annotated[
    int | None, typer.Option(help="Tokens per pair, special tokens included.", show_default="the checkpoint's own")
]

_SCORES = "How the model scores"
Activation: TypeAlias = Annotated[
    options.ActivationName | None,
    typer.Option(help="From logit to score.", show_default="the checkpoint's own", rich_help_panel=_SCORES),
]
Instruction: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="What to look for, for models whose prompt has a place for it.",
        show_default="the checkpoint's own",
        rich_help_panel=_SCORES,
    ),
]
Label: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Of several labels, the one that means relevant: its name or number.",
        show_default="the checkpoint's own",
        rich_help_panel=_SCORES,
    ),
]
CalibrationFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        help="File of secondpass calibrate: scores become probabilities.",
        show_default="none",
        rich_help_panel=_SCORES,
    ),
]
BatchTokens: TypeAlias = Annotated[
    int | None,
    typer.Option(help="Tokens of one forward pass.", show_default="the device's", rich_help_panel=_SCORES),
]

_LONG = "Documents longer than the model reads"
LongDocuments: TypeAlias = Annotated[
    options.LongDocuments,
    typer.Option(
        help="truncate: read what fits beside the query; windows: read all, in overlapping windows.",
        rich_help_panel=_LONG,
    ),
]
WindowOverlap: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="Tokens that neighbouring windows share.", show_default="a quarter of a window", rich_help_panel=_LONG
    ),
]
WindowAggregation: TypeAlias = Annotated[
    options.WindowAggregation,
    typer.Option(help="A document's score from its windows: the best, or the mean of three.", rich_help_panel=_LONG),
]

_HUB = "Where the model comes from"
Revision: TypeAlias = Annotated[
    str | None, typer.Option(help="Branch, tag or commit on the hub.", show_default="main", rich_help_panel=_HUB)
]
Token: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Access token for the hub; for rank and score also the API key of a service that --model names.",
        show_default="for the hub, the one of hf auth login",
        rich_help_panel=_HUB,
    ),
]
CacheDir: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Where downloads are kept.", show_default="huggingface_hub's place", rich_help_panel=_HUB),
]
LocalFilesOnly: TypeAlias = Annotated[
    bool, typer.Option("--local-files-only", help="Never ask the network.", rich_help_panel=_HUB)
]
TrustRemoteCode: TypeAlias = Annotated[
    bool, typer.Option("--trust-remote-code", help="Let code of the checkpoint run.", rich_help_panel=_HUB)
]

Output: TypeAlias = Annotated[
    OutputFormat | None,
    typer.Option("--format", help="What to write.", show_default="table on a terminal, json in a pipe"),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="The same as --format json.")]

# What commands load where no model is named: it is in the package.
DEFAULT_MODEL = "secondpass/mini"


def takes_model_options(*left_out: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags of every load option; it gets them as one value, `options: ModelOptions`.

    Args:
        left_out: Options that the command has no flags for; they keep their defaults.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def with_flags(*arguments: object, **values: object) -> None:
            given = {name: values.pop(name) for name in flags}
            command(*arguments, **values, options=_model_options(**given))  # type: ignore[arg-type] # typer checked them

        model_options = inspect.signature(_model_options).parameters
        flags = {name: flag for name, flag in model_options.items() if name not in left_out}
        own = inspect.signature(command).parameters
        parameters = [parameter for name, parameter in own.items() if name != "options"] + list(flags.values())
        # By these typer learns of its parameters.
        with_flags.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # any function may have one
        with_flags.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return with_flags

    return decorate


def _model_options(
    device: Device = None,
    dtype: DType = None,
    max_length: MaxLength = None,
    instruction: Instruction = None,
    activation: Activation = None,
    label: Label = None,
    calibration: CalibrationFile = None,
    batch_tokens: BatchTokens = None,
    long_documents: LongDocuments = "truncate",
    window_overlap: WindowOverlap = None,
    window_aggregation: WindowAggregation = "max",
    revision: Revision = None,
    token: Token = None,
    cache_dir: CacheDir = None,
    local_files_only: LocalFilesOnly = False,
    trust_remote_code: TrustRemoteCode = False,
) -> options.ModelOptions:
    return options.ModelOptions(
        revision=revision,
        token=token,
        cache_dir=None if cache_dir is None else str(cache_dir),
        local_files_only=local_files_only,
        trust_remote_code=trust_remote_code,
        device=device,
        dtype=dtype,
        max_length=max_length,
        instruction=instruction,
        activation=activation,
        label=_label_of(label),
        calibration=as_calibration(calibration),
        batch_tokens=batch_tokens,
        long_documents=long_documents,
        window_overlap=window_overlap,
        window_aggregation=window_aggregation,
    )


def _label_of(text: str | None) -> int | str | None:
    """What `--label` names: a number means the label's index."""
    return int(text) if text is not None and text.isdecimal() else text
