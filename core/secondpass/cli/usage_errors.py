"""Mistakes in a call as one line each, with option, rule and value; typer shows boxes, in other libraries' words."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from secondpass.arguments import check_choice
from secondpass.errors import InputError

# What they all are: a class of click's, or of typer's copy of it, by typer's version.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


@contextmanager
def as_input_errors(command: Any, given: Mapping[str, object]) -> Iterator[None]:  # noqa: ANN401 - as in `app.load_command`
    """Turn typer's errors of usage into InputErrors.

    Args:
        command: The command that is called, or the group of all.
        given: The values on the command line by the names of their parameters, as far as they are known.
    """
    try:
        yield
    except _UsageError as error:
        _check_value(error, command, given)
        raise InputError(_line(error, command)) from error


def flag_of(parameter: Any) -> str:  # noqa: ANN401 - typer's own class, or click's, by its version
    """The flag of a command's option, or the name of an argument, as its help writes it."""
    flag: str = next((flag for flag in parameter.opts if flag.startswith("--")), parameter.name.upper())
    return flag


def _check_value(error: Any, command: Any, given: Mapping[str, object]) -> None:  # noqa: ANN401 - as above
    """Raise InputError where a value is none of its parameter's type, which is what most errors are about."""
    parameter = getattr(error, "param", None)
    if parameter is None or given.get(parameter.name) is None:
        return
    value, flag = given[parameter.name], flag_of(parameter)
    for kind in _types_of(inspect.signature(command.callback).parameters[parameter.name].annotation):
        for text in value if isinstance(value, list | tuple) else [value]:
            if get_origin(kind) is Literal:
                check_choice(flag, text, get_args(kind), optional=False)
            elif issubclass(kind, Enum):
                check_choice(flag, text, tuple(choice.value for choice in kind), optional=False)
            elif kind in (int, float) and not _is_number(text, kind):
                raise InputError(f"{flag} must be {'an integer' if kind is int else 'a number'}, got {text!r}")


def _types_of(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - annotations are of no type
    """The types in an annotation, without None."""
    parts = get_args(annotation)
    if get_origin(annotation) is Annotated:
        yield from _types_of(parts[0])
    elif parts and get_origin(annotation) is not Literal:
        for part in parts:
            yield from _types_of(part)
    elif annotation is not type(None):
        yield annotation


def _is_number(text: object, kind: type[int] | type[float]) -> bool:
    try:
        kind(str(text))
    except ValueError:
        return False
    return True


def _line(error: Any, command: Any) -> str:  # noqa: ANN401 - as above
    """What an error says, in the form of our own."""
    option = getattr(error, "option_name", None)
    if option is not None and hasattr(error, "possibilities"):
        return f"no such option: {option}" + (
            f"; did you mean {error.possibilities[0]}?" if error.possibilities else ""
        )
    if option is not None:
        (parameter,) = [known for known in command.params if option in (*known.opts, *known.secondary_opts)]
        return f"{option} must {'come without' if parameter.is_flag else 'have'} a value"
    if hasattr(error, "param_type"):
        return f"{flag_of(error.param)} must be given"
    said = " ".join(error.format_message().split()).rstrip(".")
    return said[:1].lower() + said[1:]
