"""What Ray's proxies say by themselves becomes an answer of the API that was spoken; a replica's answers pass."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from secondpass.service.ray_refusals import RayRefusals


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """A proxy whose replica has died says nothing."""


def ask(proxy: ASGIApp, path: str) -> httpx.Response:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(RayRefusals(proxy))
        async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as client:
            return await client.post(path)

    return asyncio.run(one())


@pytest.mark.parametrize("proxy", [_nothing, PlainTextResponse("full", 503), PlainTextResponse("full", 429)])
@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/rerank", ["error", "error_type"]),
        ("/mounted/v1/rerank", ["detail", "message"]),
        ("/v2/rerank", ["message"]),
        ("/v1/score", ["error"]),
    ],
)
def test_where_no_replica_answered_clients_are_told_to_ask_again(
    proxy: ASGIApp, path: str, keys: Sequence[str]
) -> None:
    answered = ask(proxy, path)
    assert (answered.status_code, answered.headers["retry-after"]) == (503, "1")
    assert sorted(answered.json()) == keys


@pytest.mark.parametrize(
    "given",
    [
        JSONResponse({"message": "full"}, 429, {"retry-after": "7"}),
        JSONResponse({"message": "stopping"}, 503),
        PlainTextResponse("not here", 404),
        JSONResponse({"results": []}),
    ],
)
def test_what_a_replica_answered_passes(given: Response) -> None:
    answered = ask(given, "/v2/rerank")
    assert (answered.status_code, answered.content) == (given.status_code, given.body)
    assert answered.headers.get("retry-after") == given.headers.get("retry-after")


def test_other_places_are_left_alone() -> None:
    assert ask(PlainTextResponse("no route", 503), "/elsewhere").text == "no route"
