"""What a remote scorer was told, as one value."""

from dataclasses import dataclass, field
from threading import TIMEOUT_MAX
from typing import Literal, TypeAlias, get_args

from secondpass.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_number,
    check_text,
    check_unicode,
    describe,
    plain,
)
from secondpass.errors import InputError, InputTypeError
from secondpass.remote.apis import API_NAMES, APIS, ApiName, check_raw

OnFailure: TypeAlias = Literal["raise", "keep_order"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The arguments of `RemoteScorer`, which describes them, checked.

    Raises:
        InputError: One breaks a rule.
    """

    url: str
    api: ApiName | Literal["auto"] = "auto"
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    timeout: float = 30.0
    retries: int = 3
    max_texts: int | None = None
    raw_scores: bool = False
    on_failure: OnFailure = "raise"

    def __post_init__(self) -> None:
        check_choice("api", self.api, ("auto", *API_NAMES), optional=False)
        check_text("model", self.model)
        if self.model is not None:
            check_unicode(self.model, "model")
        _check_api_key(self.api_key)
        _check_timeout(self.timeout)
        check_count("retries", self.retries, least=0, optional=False)
        check_count("max_texts", self.max_texts)
        for name in ("retries", "max_texts"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        check_flag("raw_scores", self.raw_scores)
        check_choice("on_failure", self.on_failure, get_args(OnFailure), optional=False)
        if self.api != "auto":
            check_raw(APIS[self.api], raw=self.raw_scores)
        if self.raw_scores and self.on_failure != "raise":
            raise InputError(
                f'on_failure must be "raise" with raw_scores=True, got "{self.on_failure}": raw scores may be below 0 '
                "as well, so that no threshold could tell those of a failure from them"
            )


def _check_api_key(api_key: object) -> None:
    """Raise InputError unless it can be sent; what it is belongs in no message."""
    if api_key is None:
        return
    if not isinstance(api_key, str):
        raise InputTypeError(f"api_key must be text or None, got {type(api_key).__name__}")
    if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise InputError("api_key must be ASCII characters without spaces or line ends, got something else")


def _check_timeout(timeout: object) -> None:
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise InputTypeError(f"timeout must be a number of seconds, got {describe(timeout)}")
    check_number("timeout", timeout)  # an integer above all floats cannot even be shown
    if not 0 < timeout <= TIMEOUT_MAX:
        raise InputError(
            f"timeout must be greater than 0 and at most {TIMEOUT_MAX:.0f}, as long as a thread can wait, in seconds, "
            f"got {timeout}"
        )
