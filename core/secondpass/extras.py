"""Optional dependencies: there, or named with the extra that installs them."""

from importlib import import_module

from secondpass.errors import MissingExtraError


def require(*modules: str, feature: str, extra: str) -> None:
    """Raise MissingExtraError unless these modules can be imported.

    Args:
        modules: What is needed.
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
