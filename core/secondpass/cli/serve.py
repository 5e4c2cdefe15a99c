"""`secondpass serve`: models behind every API that rerank clients speak."""

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from secondpass.arguments import check_unicode
from secondpass.calibration import Calibration
from secondpass.cli.loading import silence_transformers
from secondpass.cli.options import (
    DEFAULT_MODEL,
    takes_model_options,
)
from secondpass.errors import InputError
from secondpass.files.text import read_text
from secondpass.options import ModelOptions

_ACCESS = "Who may ask"
_LIMITS = "What is refused"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@takes_model_options("activation", "calibration")
def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="Hub id, folder, or bundled model; repeatable. The first answers requests that name none.",
            show_default=DEFAULT_MODEL,
        ),
    ] = None,
    alias: Annotated[
        list[str] | None,
        typer.Option(help="Another name for the first model, or NAME=MODEL for any; repeatable.", show_default="none"),
    ] = None,
    calibration: Annotated[
        list[str] | None,
        typer.Option(
            help="File of `secondpass calibrate` for the first model, or MODEL=FILE for any: scores are probabilities.",
            show_default="none",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 8080,
    api_key: Annotated[
        list[str] | None,
        typer.Option(
            help="A key that has to come with a request; repeatable. Other users of the machine can see it here: "
            "better in the environment or in a file, whose keys count as well.",
            envvar="SECONDPASS_API_KEYS",
            show_default="everyone may ask",
            rich_help_panel=_ACCESS,
        ),
    ] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            help="Keys, one per line; a line that begins with # is a comment.",
            show_default="none",
            rich_help_panel=_ACCESS,
        ),
    ] = None,
    max_queued_tokens: Annotated[
        int, typer.Option(help="Tokens that may wait for a model; more is answered 429.", rich_help_panel=_LIMITS)
    ] = 2_000_000,
    max_body_bytes: Annotated[
        int, typer.Option(help="Bytes of a request; more is answered 413.", rich_help_panel=_LIMITS)
    ] = 64_000_000,
    max_held_bytes: Annotated[
        int,
        typer.Option(
            help="Bytes of all requests and answers at a time; more is answered 429.", rich_help_panel=_LIMITS
        ),
    ] = 1_000_000_000,
    max_documents: Annotated[
        int, typer.Option(help="Documents of a request; more is answered 422.", rich_help_panel=_LIMITS)
    ] = 10_000,
    max_text_characters: Annotated[
        int, typer.Option(help="Characters of a text; more is answered 422.", rich_help_panel=_LIMITS)
    ] = 1_000_000,
    body_seconds: Annotated[
        float,
        typer.Option(
            help="Time for a request's body to arrive, then 408; also for its head, and for a client to take more of "
            "its answer, then the connection is closed.",
            rich_help_panel=_LIMITS,
        ),
    ] = 30.0,
    drain_seconds: Annotated[
        float, typer.Option(help="Time to finish what was accepted, once told to stop.", rich_help_panel=_LIMITS)
    ] = 30.0,
    pass_tokens: Annotated[
        int | None,
        typer.Option(
            help="Tokens of one pass over waiting requests; beside a long one, a short one takes two passes at most.",
            show_default="the device's",
        ),
    ] = None,
    log_lengths: Annotated[
        bool, typer.Option("--log-lengths", help="Also log the number of characters; texts are never logged.")
    ] = False,
    *,
    options: ModelOptions,
) -> None:
    """Serve models over HTTP to clients of TEI, Cohere, Jina, vLLM, infinity and Voyage."""
    from secondpass.service import Limits, create_app, load_model
    from secondpass.service.api_keys import ApiKeys
    from secondpass.service.server import bind, serve_at

    names = model or [DEFAULT_MODEL]
    if len(set(names)) < len(names):
        raise InputError(f"model must be given once for each, got {', '.join(names)}")
    for name in names:
        check_unicode(name, "model")
    aliases = aliases_of(names, alias or [])
    calibrations = calibrations_of(names, calibration or [])
    keys = ApiKeys(keys_of(api_key or [], api_key_file))
    limits = Limits(
        max_queued_tokens=max_queued_tokens,
        max_body_bytes=max_body_bytes,
        max_held_bytes=max_held_bytes,
        max_documents=max_documents,
        max_text_characters=max_text_characters,
        pass_tokens=pass_tokens,
        body_seconds=body_seconds,
        drain_seconds=drain_seconds,
    )
    with _logging_to_stderr(), bind(host, port) as bound:  # before the models are loaded, which takes longer
        if host not in _LOOPBACK and not keys:
            logging.getLogger("secondpass.service").warning("no API key is set: whoever reaches %s may ask", host)
        silence_transformers()
        models = [
            load_model(name, replace(options, calibration=calibrations.get(name)), aliases=aliases[name])
            for name in names
        ]
        have_ended = serve_at(bound, create_app(models, api_keys=keys, limits=limits, log_lengths=log_lengths))
        if not have_ended:  # a model hangs, and threads of its own may keep the process for ever
            logging.shutdown()
            os._exit(0)


def aliases_of(models: Sequence[str], aliases: Sequence[str]) -> dict[str, list[str]]:
    """The other names of each model.

    Args:
        models: As they are loaded; the first takes aliases that name no model.
        aliases: `NAME`, or `NAME=MODEL`.
    """
    found: dict[str, list[str]] = {model: [] for model in models}
    for alias in aliases:
        name, equals, model = alias.partition("=")
        target = model if equals else models[0]
        if target not in found:
            raise InputError(f"alias must be NAME or NAME=MODEL, MODEL one of {', '.join(models)}, got {alias}")
        if not name:
            raise InputError(f"alias must begin with a name, got {alias!r}")
        check_unicode(name, "alias")
        found[target].append(name)
    return found


def calibrations_of(models: Sequence[str], files: Sequence[str]) -> dict[str, Calibration]:
    """The calibration of each model that has one.

    Args:
        models: As they are loaded; the first takes a file that names no model.
        files: `FILE`, or `MODEL=FILE`.
    """
    found: dict[str, Calibration] = {}
    for given in files:
        model, equals, file = given.partition("=")
        model, file = (model, file) if equals and model in models else (models[0], given)
        if model in found:
            raise InputError(f"calibration must be given once for each model, got two for {model}")
        found[model] = Calibration.load(file)
    return found


def keys_of(given: Sequence[str], file: Path | None) -> list[str]:
    """All keys that open the service: those given, those of the environment, and those of a file.

    Args:
        given: What typer has for `--api-key`; where the command line says nothing, that is the environment's.
        file: See `keys_in`.
    """
    from secondpass.service.settings import ServiceSettings

    return list(dict.fromkeys([*given, *ServiceSettings().api_keys(), *keys_in(file)]))


def keys_in(file: Path | None) -> list[str]:
    """The keys of a file, one per line; none without a file. Lines that begin with # are comments.

    Raises:
        InputError: The file holds none or cannot be read, or a line is no key.
    """
    if file is None:
        return []
    keys = []
    for number, line in enumerate(map(str.strip, read_text(file).splitlines()), start=1):
        if not line or line.startswith("#"):
            continue
        if len(line.split()) > 1:  # a comment behind a key, or a file of something else; the line may be secret
            raise InputError(f"api_key_file must hold keys without blanks, one per line, got blanks in line {number}")
        keys.append(line)
    if not keys:
        raise InputError(f"api_key_file must hold a key, got none in {file}")
    return keys


@contextmanager
def _logging_to_stderr() -> Iterator[None]:
    """A line per request; of uvicorn only what goes wrong, which holds no text of a request."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    with ExitStack() as undo:
        for name, level in (("secondpass.service", logging.INFO), ("uvicorn", logging.WARNING)):
            logger = logging.getLogger(name)
            undo.callback(_set_up, logger, logger.level, propagates=logger.propagate)
            undo.callback(logger.removeHandler, handler)
            logger.addHandler(handler)
            _set_up(logger, level, propagates=False)
        yield


def _set_up(logger: logging.Logger, level: int, *, propagates: bool) -> None:
    logger.setLevel(level)
    logger.propagate = propagates
