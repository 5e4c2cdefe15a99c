"""What Ray's proxies say by themselves becomes an answer of the API that was spoken; a replica's answers pass."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secondpass.service.ray_refusals import RayRefusals


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """A proxy whose replica has died says nothing."""


def leading(proxy: ASGIApp, *, prefix: str = "") -> ASGIApp:
    """A proxy that leads to an application with this route prefix, which it notes as Ray's do."""

    async def lead(scope: Scope, receive: Receive, send: Send) -> None:
        scope["root_path"] = scope.get("root_path", "") + prefix
        await proxy(scope, receive, send)

    return lead


def ask(proxy: ASGIApp, path: str) -> httpx.Response:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(RayRefusals(proxy))
        async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as client:
            return await client.post(path)

    return asyncio.run(one())


@pytest.mark.parametrize("proxy", [_nothing, PlainTextResponse("full", 503), PlainTextResponse("full", 429)])
@pytest.mark.parametrize(
    ("prefix", "place", "keys"),
    [
        ("", "/rerank", ["error", "error_type"]),
        ("/mounted", "/v1/rerank", ["detail", "message"]),
        ("", "/v2/rerank", ["message"]),
        ("/a/b", "/v1/score", ["error"]),
    ],
)
def test_where_no_replica_answered_clients_are_told_to_ask_again(
    proxy: ASGIApp, prefix: str, place: str, keys: Sequence[str]
) -> None:
    answered = ask(leading(proxy, prefix=prefix), prefix + place)
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


# Places of other applications beside ours, below their own route prefixes.
OTHERS = [
    ("", "/elsewhere"),
    ("", "/credit/score"),
    ("/shop", "/shop/v1/score/rerank"),
    ("/shop", "/shop/credit/score"),
]


@pytest.mark.parametrize(("prefix", "path"), OTHERS)
def test_what_other_applications_answer_passes(prefix: str, path: str) -> None:
    given = leading(PlainTextResponse("no scores today", 503), prefix=prefix)
    answered = ask(given, path)
    assert (answered.status_code, answered.text) == (503, "no scores today")
    assert "retry-after" not in answered.headers


@pytest.mark.parametrize(("prefix", "path"), OTHERS)
def test_nothing_is_said_for_other_applications(prefix: str, path: str) -> None:
    """Whether their requests may be sent again, only they know."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "path": path, "headers": []}
    asyncio.run(RayRefusals(leading(_nothing, prefix=prefix))(scope, receive, send))
    assert sent == []
