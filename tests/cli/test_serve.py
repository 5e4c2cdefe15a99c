"""What `secondpass serve` makes of its options, before anything is loaded."""

import inspect
import logging
from dataclasses import fields
from pathlib import Path

import pytest
from judgements import platt
from typer.testing import CliRunner

from secondpass.cli.app import app
from secondpass.cli.serve import aliases_of, calibrations_of, keys_in, keys_of, serve
from secondpass.errors import InputError
from secondpass.service import Limits


def test_aliases_belong_to_the_first_model_or_to_the_one_they_name() -> None:
    assert aliases_of(["a/b", "c"], ["rerank-v3.5", "x=c", "y=a/b", "z=c"]) == {
        "a/b": ["rerank-v3.5", "y"],
        "c": ["x", "z"],
    }
    assert aliases_of(["a"], []) == {"a": []}


@pytest.mark.parametrize("alias", ["x=other", "x=", "=a", ""])
def test_an_alias_names_something(alias: str) -> None:
    with pytest.raises(InputError, match="alias must "):
        aliases_of(["a"], [alias])


def test_a_calibration_is_the_first_models_or_that_of_the_one_it_names(tmp_path: Path) -> None:
    files = [tmp_path / "first.json", tmp_path / "x=y.json"]
    for number, file in enumerate(files):
        platt(slope=1.0 + number).save(file)
    found = calibrations_of(["a", "b"], [f"b={files[1]}", str(files[0])])
    assert found == {"a": platt(slope=1.0), "b": platt(slope=2.0)}
    assert calibrations_of(["a"], [str(files[1])]) == {"a": platt(slope=2.0)}
    with pytest.raises(InputError, match="calibration must be given once for each model, got two for a"):
        calibrations_of(["a"], [str(files[0]), f"a={files[1]}"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-documents", "0"], "max_documents must be greater than 0, got 0"),
        (["--body-seconds", "-1"], "body_seconds must be greater than 0, got -1.0"),
        (["--api-key", " "], "api_keys must hold at least one character each"),
        (["--alias", "caf\udce9"], "alias must be Unicode text"),  # as Python reads a byte that is no text
        (["--model", "caf\udce9"], "model must be Unicode text"),
        (["--alias", "x=y"], "alias must be NAME or NAME=MODEL, MODEL one of secondpass/mini"),
        (["--model", "a", "--model", "a"], "model must be given once for each, got a, a"),
        (["--host", "256.0.0.1"], "host and port must be free to listen at, got 256.0.0.1:8080"),
    ],
)
def test_a_mistake_is_found_before_a_model_is_loaded(options: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["serve", *options])
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


def test_a_file_of_keys_may_begin_with_a_mark_of_its_encoding(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes("\ufefffirst\r\n\n# a comment\n #another\n schlüssel \n".encode())
    assert keys_in(file) == ["first", "schlüssel"]
    assert keys_in(None) == []


def test_keys_of_the_command_line_the_environment_and_a_file_all_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys"
    file.write_text("filed\n")
    monkeypatch.delenv("SECONDPASS_API_KEYS", raising=False)
    assert keys_of([], None) == []
    assert keys_of(["new"], file) == ["new", "filed"]
    monkeypatch.setenv("SECONDPASS_API_KEYS", "old older")
    assert keys_of(["new"], file) == ["new", "old", "older", "filed"]
    assert keys_of(["old", "older"], None) == ["old", "older"]  # as typer reads them, too


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n \n", "api_key_file must hold a key"),
        (b"# a comment\n", "api_key_file must hold a key"),
        (b"\nfirst # secret", "api_key_file must hold keys without blanks, one per line, got blanks in line 2"),
        ("schlüssel".encode("latin-1"), "must be UTF-8 text; invalid byte at offset 4"),
        (None, "no such file"),
    ],
)
def test_a_file_of_keys_is_text_and_holds_one(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content)
    result = CliRunner().invoke(app, ["serve", "--api-key-file", str(file)])
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


def test_limits_are_the_services_own_unless_others_are_given() -> None:
    options = inspect.signature(serve).parameters
    assert {limit.name: options[limit.name].default for limit in fields(Limits)} == {
        limit.name: limit.default for limit in fields(Limits)
    }


def test_a_server_that_has_ended_logs_no_more() -> None:
    def settings() -> list[object]:
        loggers = map(logging.getLogger, ("secondpass.service", "uvicorn"))
        return [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]

    before = settings()
    CliRunner().invoke(app, ["serve", "--host", "256.0.0.1"])
    assert settings() == before
