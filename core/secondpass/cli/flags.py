"""Errors in the caller's words: Python's names of options become the flags of the command that was called."""

import re
from collections.abc import Mapping, Sequence

from secondpass.cli.usage_errors import flag_of

# What stands for the options that a command does not have but the library may speak of: where else they are given.
_ELSEWHERE = {"token": "HF_TOKEN in the environment", "local_files_only": "HF_HUB_OFFLINE in the environment"}
# What a service is asked with, and which options say it where `--model` names one.
_OF_SERVICES = {"url": "model", "api_key": "token"}
# What may stand around a name in a path or a longer name, where it is not that of an option.
_BEFORE, _AFTER = r"(?<![\w./-])", r"(?![\w/-])(?!\.\w)"


def in_flags(message: str, arguments: Sequence[str]) -> str:
    """The message of an error as the command line says it.

    Args:
        message: The library's, which names parameters as Python does: `top_k must be ...`, `pass token=`.
        arguments: Those of the command line, of which the first is the command.
    """
    flags = command_flags(arguments[0]) if arguments else {}
    of_services = {name: flags[ours] for name, ours in _OF_SERVICES.items() if ours in flags}
    names = {**_ELSEWHERE, **of_services, **flags}
    for name, flag in names.items():
        message = _replace(message, name, flag)
    return message


def command_flags(command: str) -> Mapping[str, str]:
    """The flags of a command, and the names of its arguments, by the names of its parameters."""
    from secondpass.cli.app import SUMMARIES, load_command

    parameters = load_command(command).params if command in SUMMARIES else ()
    return {parameter.name: flag_of(parameter) for parameter in parameters}


def _replace(message: str, name: str, flag: str) -> str:
    # pass token=; local_files_only=True; activation="identity"; may be missing (api_key=...)
    message = re.sub(rf"{_BEFORE}{name}=True\b", flag, message)
    message = re.sub(rf"{_BEFORE}{name}=(?=[\"'\w]|\.\.\.)", f"{flag} ", message)
    message = re.sub(rf"{_BEFORE}{name}=", flag, message)
    # top_k must be at least 1; dtype 'int8' needs; queries must be given
    message = re.sub(rf"^{name}(?=(?:\[\d+\])? (?:must|needs|says|'))", flag, message)
    # lower max_length: no word of English
    return re.sub(rf"{_BEFORE}{name}{_AFTER}", flag, message) if "_" in name else message
