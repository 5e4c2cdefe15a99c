"""A service in place of a model: what a URL as the model's name means."""

import re
from typing import TYPE_CHECKING, Final

from secondpass.errors import InputError
from secondpass.options import ModelOptions

if TYPE_CHECKING:
    from secondpass.remote import RemoteScorer

_URL: Final = re.compile(r"https?://", re.IGNORECASE)
# The options that mean something to a service: its key, and the unit of scores.
_KEPT: Final = frozenset({"token", "activation"})


def is_url(model: object) -> bool:
    """Whether a model's name is the address of a service."""
    return isinstance(model, str) and _URL.match(model) is not None


def scorer_at(url: str, options: ModelOptions) -> "RemoteScorer":
    """The scorer that asks a service; nothing is sent yet.

    Args:
        url: Its address.
        options: The token is the service's API key; the activation "identity" asks for raw scores, "sigmoid" and None
            take them as they are served, by most from 0 to 1. Anything else says how to load a model here.

    Raises:
        InputError: There are other options, or the address is none.
    """
    meaningless = [name for name in options.given() if name not in _KEPT]
    if meaningless:
        behind = ": write scorer=Calibrated(RemoteScorer(url, raw_scores=True), calibration)"
        raise InputError(
            f"{', '.join(meaningless)} says how to load a model and means nothing to a service, and model= is the "
            f"address of one{behind if 'calibration' in meaningless else ''}"
        )
    from secondpass.remote import RemoteScorer  # noqa: PLC0415 - httpx, which local models do without

    key = None if options.token is False else options.token
    return RemoteScorer(url, api_key=key, raw_scores=options.activation == "identity")
