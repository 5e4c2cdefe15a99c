"""A request's body, read within limits: never more bytes, seconds or depth than agreed."""

import asyncio
from collections.abc import Mapping

from fastapi import Request
from pydantic_core import from_json
from starlette.requests import ClientDisconnect

from secondpass.service.limits import Limits
from secondpass.service.problems import Kind, Problem


class ClientGone(Exception):  # noqa: N818 - an event, and nobody's error
    """The client has closed its connection: there is nobody to answer."""


async def read_object(request: Request, limits: Limits) -> Mapping[str, object]:
    """The JSON object that a request holds.

    Raises:
        Problem: It is too large, too slow, or no JSON object.
        ClientGone: The connection ended before the body did.
    """
    body = await _read(request, limits)
    try:
        value = from_json(body)
    except ValueError as error:
        raise Problem(Kind.MALFORMED, f"the body must be JSON: {error}") from None
    if not isinstance(value, dict):
        raise Problem(Kind.MALFORMED, "the body must be a JSON object")
    return value


async def _read(request: Request, limits: Limits) -> bytes:
    too_large = Problem(Kind.TOO_LARGE, f"the body must have at most {limits.max_body_bytes} bytes")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limits.max_body_bytes:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for part in request.stream():
                size += len(part)
                if size > limits.max_body_bytes:
                    raise too_large
                parts.append(part)
    except TimeoutError:
        raise Problem(Kind.TOO_SLOW, f"the body must arrive within {limits.body_seconds:g} seconds") from None
    except ClientDisconnect:
        raise ClientGone from None
    return b"".join(parts)
