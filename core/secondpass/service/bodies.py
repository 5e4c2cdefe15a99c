"""A request's body, read within limits: never more bytes, seconds or depth than agreed."""

import asyncio
import codecs
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import Request
from pydantic_core import from_json
from starlette.requests import ClientDisconnect

from secondpass.service.held_bytes import RequestBytes
from secondpass.service.limits import Limits
from secondpass.service.problems import Kind, Problem, stopping


class ClientGone(Exception):  # noqa: N818 - an event, and nobody's error
    """The client has closed its connection: there is nobody to answer."""


class Bodies:
    """The bodies of all requests that are being answered.

    Args:
        limits: Of one.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._arriving: set[asyncio.Timeout] = set()
        self._is_closed = False

    def close(self) -> None:
        """Wait no longer for bodies that have not arrived; their requests fail."""
        self._is_closed = True
        for arriving in self._arriving:
            if not arriving.expired():
                arriving.reschedule(0)  # long ago, on the event loop's clock

    def reopen(self) -> None:
        """Wait for bodies again."""
        self._is_closed = False

    async def read(self, request: Request) -> Mapping[str, object]:
        """The JSON object that an open request holds.

        Raises:
            Problem: It is too large, too slow, or no JSON object, or there is no room for it now.
            ClientGone: The connection ended before the body did.
        """
        content = await self._receive(request)
        try:
            value = from_json(content.removeprefix(codecs.BOM_UTF8), allow_inf_nan=False)
        except ValueError as error:
            raise _no_json(request, error) from None
        if not isinstance(value, dict):
            raise Problem(Kind.MALFORMED, "the body must be a JSON object")
        return value

    async def _receive(self, request: Request) -> bytes:
        """The body, held from its first byte on."""
        # What all requests together may hold, one alone may not exceed: it would never be its turn.
        most = min(self._limits.max_body_bytes, self._limits.max_held_bytes)
        held: RequestBytes = request.state.held
        parts: list[bytes] = []
        too_large = Problem(Kind.TOO_LARGE, f"the body must have at most {most} bytes")
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > most:
            raise too_large
        size = 0
        try:
            async with self._in_time():
                async for part in request.stream():
                    size += len(part)
                    if size > most:
                        raise too_large
                    held.receive(len(part))
                    parts.append(part)
        except ClientDisconnect:
            raise ClientGone from None
        return b"".join(parts)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """Raise Problem where a body takes longer than it may, or the service is closed meanwhile."""
        seconds = self._limits.body_seconds
        try:
            async with asyncio.timeout(seconds) as arriving:
                self._arriving.add(arriving)
                try:
                    yield
                finally:
                    self._arriving.remove(arriving)
        except TimeoutError:
            if self._is_closed:
                raise stopping("this server stopped before the body had arrived") from None
            raise Problem(Kind.TOO_SLOW, f"the body must arrive within {seconds:g} seconds") from None


def _no_json(request: Request, error: ValueError) -> Problem:
    """Why a body is no JSON. Its headers count only here: of what can be read, clients say it wrongly."""
    coding = request.headers.get("content-encoding", "identity")
    if coding.lower() != "identity":
        return Problem(Kind.UNREADABLE, f"the body must be sent as it is, got it encoded as {coding[:40]}")
    charset = re.search(r"charset=\"?([\w.:-]{1,40})", request.headers.get("content-type", ""), re.IGNORECASE)
    if charset is not None and charset[1].lower() not in ("utf-8", "utf8"):
        return Problem(Kind.UNREADABLE, f"the body must be UTF-8, got {charset[1]}")
    if "hex escape" in str(error):
        return Problem(Kind.MALFORMED, f"the \\u escapes of the body must be whole characters: {error}")
    return Problem(Kind.MALFORMED, f"the body must be JSON: {error}")
