"""What single arguments may be: one check for each kind, one wording for all of them."""

from secondpass.errors import InputError, InputTypeError


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise InputError unless `value` is None or one of `choices`."""
    if value is not None and value not in choices:
        listed = ", ".join(f'"{choice}"' for choice in choices)
        raise InputError(f"{name} must be one of {listed} or None, got {value!r}")


def check_count(name: str, value: object) -> None:
    """Raise InputError unless `value` is None or an integer of at least 1."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputTypeError(f"{name} must be an integer or None, got {describe(value)}")
    if value < 1:
        raise InputError(f"{name} must be at least 1, got {value}")


def describe(value: object) -> str:
    """A value as an error shows it: its type, and a short repr."""
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"  # noqa: PLR2004 - one line


def describe_error(error: Exception) -> str:
    """The type of an error and the first line of what it says, for errors that tell of others."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"
