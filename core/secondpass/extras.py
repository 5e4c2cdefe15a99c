"""Optional dependencies: checked where they are needed, with an error that names the extra to install."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from secondpass.errors import MissingExtraError


def require(*modules: str, feature: str, extra: str) -> None:
    """Raise MissingExtraError unless these modules can be imported.

    Args:
        modules: What is imported.
        feature: What needs them, as the user knows it.
        extra: The extra of this distribution that installs them.
    """
    try:
        for module in modules:
            import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(feature, extra) from error


def require_matplotlib(extra: str) -> None:
    """Raise MissingExtraError unless pictures can be drawn: to be asked before hours of work, not after.

    Args:
        extra: The extra of this distribution that installs matplotlib for this feature.
    """
    require("matplotlib.figure", feature="drawing pictures", extra=extra)


@contextmanager
def optional_import(*modules: str, feature: str, extra: str) -> Iterator[None]:
    """Raise MissingExtraError where an import inside fails because one of these modules is not installed.

    A module that is installed and fails to import something of its own raises what it raises: "not installed" would
    send its user the wrong way.

    Args:
        modules: The names under which the dependency may be reported missing: itself, and what it lies in.
        feature: What needs it, as the user knows it.
        extra: The extra of this distribution that installs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in modules:
            raise
        raise MissingExtraError(feature, extra) from None
