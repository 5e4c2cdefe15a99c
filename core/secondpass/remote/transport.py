"""Conversations carried out: in threads, and in event loops."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Final

import httpx

from secondpass.concurrency.threads import map_in_threads
from secondpass.remote.connections import LOCATION
from secondpass.remote.messages import Answer, Ask, Lost, Outcome, ResultT, Steps, Wait
from secondpass.remote.retries import Deadline

# Requests of one call that are under way together.
_AT_ONCE: Final = 4
# Seconds to wait for a connection: a machine that is off does not answer at all.
_CONNECT_SECONDS: Final = 5.0
# Bytes of a request that are sent at a time.
_PIECE: Final = 65_536
# httpx lets out what it meets while it reads a URL, such as one that is too long for it, and in event loops all that
# went wrong on the way to a proxy: a port that no machine has.
_FAILURES: Final = (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OverflowError, ExceptionGroup)


def carry_out(conversations: Sequence[Steps[ResultT]], client: httpx.Client, deadline: Deadline) -> list[ResultT]:
    """Carry out conversations, several at once, and give their results in order.

    Raises:
        Exception: What the first one raises that fails; nothing more is sent for the others then.
    """
    one = partial(_carry_out, client=client, deadline=deadline)
    if len(conversations) == 1:
        return [one(conversations[0])]
    return map_in_threads(one, conversations, _AT_ONCE, give_up=deadline.end)


async def acarry_out(
    conversations: Sequence[Steps[ResultT]], client: httpx.AsyncClient, deadline: Deadline
) -> list[ResultT]:
    """What `carry_out` does, without blocking the event loop."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(conversation: Steps[ResultT]) -> ResultT:
        async with free:
            return await _acarry_out(conversation, client, deadline)

    tasks = [asyncio.ensure_future(one(conversation)) for conversation in conversations]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _carry_out(conversation: Steps[ResultT], *, client: httpx.Client, deadline: Deadline) -> ResultT:
    outcome: Outcome = None
    try:
        while True:
            match conversation.send(outcome):
                case Ask() as ask:
                    outcome = _send(ask, client, deadline.within(ask.most_seconds))
                case Wait(seconds):
                    outcome = None
                    deadline.pause(seconds)
    except StopIteration as done:
        result: ResultT = done.value
        return result


async def _acarry_out(conversation: Steps[ResultT], client: httpx.AsyncClient, deadline: Deadline) -> ResultT:
    outcome: Outcome = None
    try:
        while True:
            match conversation.send(outcome):
                case Ask() as ask:
                    outcome = await _asend(ask, client, deadline.within(ask.most_seconds))
                case Wait(seconds):
                    outcome = None
                    await asyncio.sleep(seconds)
    except StopIteration as done:
        result: ResultT = done.value
        return result


def _send(ask: Ask, client: httpx.Client, deadline: Deadline) -> Answer | Lost:
    remaining = deadline.remaining()
    if not remaining:
        return deadline.passed
    try:
        request = _request(ask, client, remaining)
        if ask.body is not None:
            request.stream = _Pieces(ask.body, request, deadline)
        response = client.send(request, stream=True)
        with closing(response):
            if not (remaining := deadline.remaining()):
                return deadline.passed
            # httpx waits for the body as long as it was told to for the headers; each time, where it comes in pieces.
            response.request.extensions["timeout"]["read"] = remaining
            content = bytearray()
            for block in response.iter_bytes():
                content += block
                if not deadline.remaining():
                    return deadline.passed
        return _answer(response, bytes(content))
    except _FAILURES as error:
        return _lost(error, deadline)


async def _asend(ask: Ask, client: httpx.AsyncClient, deadline: Deadline) -> Answer | Lost:
    remaining = deadline.remaining()
    if not remaining:
        return deadline.passed
    try:
        async with asyncio.timeout(remaining):
            response = await client.send(_request(ask, client, remaining))
    except TimeoutError:
        return deadline.passed
    except _FAILURES as error:
        return _lost(error, deadline)
    return _answer(response, response.content)


class _Pieces(httpx.SyncByteStream):
    """A body that is sent in the time that a call has: httpx begins to wait anew whenever a service takes some of it.

    Args:
        body: What is sent.
        request: Whose body it is; for the answer it is to wait as long as is left then.
        deadline: When to give up.
    """

    def __init__(self, body: bytes, request: httpx.Request, deadline: Deadline) -> None:
        self._body = body
        self._request = request
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        """Each piece while there is time; httpx.WriteTimeout when there is none left."""
        for start in range(0, len(self._body), _PIECE):
            yield self._body[start : start + _PIECE]
            if not (remaining := self._deadline.remaining()):
                raise httpx.WriteTimeout("", request=self._request)
            self._request.extensions["timeout"]["read"] = remaining


def _request(ask: Ask, client: httpx.Client | httpx.AsyncClient, seconds: float) -> httpx.Request:
    return client.build_request(
        ask.method,
        ask.url,
        content=ask.body,
        headers=None if ask.body is None else {"content-type": "application/json"},
        timeout=httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
    )


def _answer(response: httpx.Response, content: bytes) -> Answer:
    return Answer(response.status_code, response.headers, content, response.extensions.get(LOCATION, ""))


def _lost(error: Exception, deadline: Deadline) -> Lost:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    match error:
        case httpx.ConnectTimeout() if deadline.remaining():
            return Lost(f"could not be reached within {_CONNECT_SECONDS:g} s")
        case httpx.TimeoutException():
            return deadline.passed
        case httpx.ConnectError():
            return Lost(f"could not be reached: {error}")
        case httpx.ReadError() | httpx.WriteError() | httpx.RemoteProtocolError():
            return Lost(f"closed the connection before its answer was complete: {error}".removesuffix(": "))
        case _:
            return Lost(f"could not be asked: {type(error).__name__} {error}", is_final=True)
