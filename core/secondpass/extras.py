"""Optional dependencies: checked where they are needed, with an error that names the extra to install."""

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


def check_plots(extra: str) -> None:
    """Find out, before hours of work, whether pictures can be drawn; raise MissingExtraError if not.

    Args:
        extra: The extra that installs matplotlib for this feature.
    """
    require("matplotlib.figure", feature="drawing pictures", extra=extra)
