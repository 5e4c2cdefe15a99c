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
