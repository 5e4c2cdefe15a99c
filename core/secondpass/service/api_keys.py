"""Who may ask: API keys, compared in constant time and never shown."""

import hmac
from collections.abc import Iterable

from secondpass.arguments import describe
from secondpass.errors import InputError, InputTypeError
from secondpass.service.problems import Kind, Problem

_SCHEME = "bearer "
# Around a header's value. Others, as Python knows them, may be bytes of a letter in UTF-8.
_BLANKS = " \t"


class ApiKeys:
    """The keys that open a service; without any, it is open to all.

    Args:
        keys: Non-empty strings.

    Raises:
        InputError: A key is empty, not a string, or no Unicode text.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        if isinstance(keys, str):
            raise InputTypeError("api_keys must be a list of strings, got one string")
        self._keys: list[bytes] = []
        for key in keys:
            if not isinstance(key, str):
                raise InputTypeError(f"api_keys must be strings, got {describe(type(key))}")
            if not key.strip():
                raise InputError("api_keys must hold at least one character each, got a blank one")
            try:
                self._keys.append(key.strip().encode())
            except UnicodeEncodeError:
                raise InputError("api_keys must be Unicode text, got a key that holds other bytes") from None

    def __bool__(self) -> bool:
        return bool(self._keys)

    def check(self, authorization: str | None) -> None:
        """Raise Problem unless a request with this header may be answered.

        Args:
            authorization: `Bearer KEY`, or the key alone, as some clients send it; its bytes decoded as Latin-1.
        """
        if not self._keys:
            return
        given = (authorization or "").strip(_BLANKS)
        if given[: len(_SCHEME)].lower() == _SCHEME:
            given = given[len(_SCHEME) :].strip(_BLANKS)
        # Some clients write a key with an accent in Latin-1, and some in UTF-8.
        spellings = (given.encode(), given.encode("latin-1"))
        # Every key is compared to its end, whichever is right: the time taken tells nothing.
        matches = [hmac.compare_digest(spelling, key) for spelling in spellings for key in self._keys]
        if not any(matches):
            raise Problem(Kind.UNAUTHORIZED, "a valid API key must be sent: Authorization: Bearer KEY")

    def __repr__(self) -> str:
        return f"ApiKeys({len(self._keys)} keys)"
