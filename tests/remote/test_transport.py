"""A call is over when its time is, in whatever pieces an answer comes, and when another part of it has failed."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fake_service import Reply, faking
from waiting import start

from secondpass.errors import RemoteError
from secondpass.remote.messages import Ask
from secondpass.remote.retries import Deadline, exchange
from secondpass.remote.transport import acarry_out, carry_out

URL = "http://localhost/info"
OUT_OF_TIME = r"^http://\S+/info did not answer within 1000 s$"


def asked(url: str = URL) -> Ask:
    return Ask(url=url)


def test_an_answer_that_stalls_behind_its_headers_gets_no_more_time() -> None:
    """By a clock that stands at 999.9 of 1,000 seconds when it begins to come; it would be whole after a minute."""
    with faking(pages={"/info": Reply(act="stall", seconds=60)}) as fake, httpx.Client() as client:
        deadline = Deadline(1000, clock=lambda: 999.9 if fake.gets else 0.0)
        with pytest.raises(RemoteError, match=OUT_OF_TIME):
            carry_out([exchange(asked(f"{fake.url}/info"), 0, deadline)], client, deadline)


def test_nor_does_one_that_comes_in_pieces() -> None:
    now = [0.0]

    class Drips(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                now[0] += 300
                yield b" "

    deadline = Deadline(1000, clock=lambda: now[0])
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Drips()))
    with httpx.Client(transport=transport) as client, pytest.raises(RemoteError, match=OUT_OF_TIME):
        carry_out([exchange(asked(), 0, deadline)], client, deadline)
    assert now == [1200.0]


class Takes(httpx.BaseTransport):
    """A service that takes a request byte by byte."""

    n_taken = 0
    patience: float | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as soon as it has all, and keep how long it is waited for then."""
        assert isinstance(request.stream, httpx.SyncByteStream)
        for piece in request.stream:
            self.n_taken += len(piece)
        assert request.headers["content-length"] == str(self.n_taken)
        self.patience = request.extensions["timeout"]["read"]
        return httpx.Response(200, content=b"{}")


def test_a_request_that_is_taken_slowly_leaves_its_answer_less_time() -> None:
    takes = Takes()
    deadline = Deadline(1000, clock=lambda: takes.n_taken / 2000)
    with httpx.Client(transport=takes) as client:
        carry_out([exchange(Ask(url=URL, body=bytes(1_000_000)), 0, deadline)], client, deadline)
    assert takes.patience == 500


def test_a_request_that_is_taken_too_slowly_is_not_sent_to_its_end() -> None:
    takes = Takes()
    deadline = Deadline(1000, clock=lambda: takes.n_taken / 500)
    with httpx.Client(transport=takes) as client, pytest.raises(RemoteError, match=OUT_OF_TIME):
        carry_out([exchange(Ask(url=URL, body=bytes(1_000_000)), 0, deadline)], client, deadline)
    assert 500_000 <= takes.n_taken < 1_000_000


async def test_an_event_loop_waits_no_longer_either() -> None:
    class Stalls(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b" "
            await asyncio.Event().wait()

    deadline = Deadline(0.05)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Stalls()))
    async with asyncio.timeout(20), httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(RemoteError, match=r"/info did not answer within 0\.05 s$"):
            await acarry_out([exchange(asked(), 0, deadline)], client, deadline)


@pytest.mark.parametrize(
    ("call", "part", "connect", "read"),
    [(1000, None, 5, 1000), (2, None, 2, 2), (1000, 9, 5, 9), (1000, 2, 2, 2), (2, 9, 2, 2)],
)
def test_nothing_is_waited_for_longer_than_the_call_or_its_part_lasts(
    call: float, part: float | None, connect: float, read: float
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        seconds.update(request.extensions["timeout"])
        return httpx.Response(200, content=b"{}")

    seconds: dict[str, float] = {}
    deadline = Deadline(call, clock=lambda: 0.0)
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        carry_out([exchange(Ask(url=URL, most_seconds=part), 0, deadline)], client, deadline)
    assert (seconds["connect"], seconds["read"]) == (connect, read)


async def test_nothing_is_sent_any_more_when_a_call_is_over() -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, content=b"{}")

    transport = httpx.MockTransport(answer)
    deadline = Deadline(1000)
    deadline.end()
    with httpx.Client(transport=transport) as client, pytest.raises(RemoteError, match=OUT_OF_TIME):
        carry_out([exchange(asked(), 0, deadline)], client, deadline)
    async with httpx.AsyncClient(transport=transport) as of_loop:
        with pytest.raises(RemoteError, match=OUT_OF_TIME):
            await acarry_out([exchange(asked(), 0, deadline)], of_loop, deadline)
    assert not sent


def test_a_pause_ends_with_the_call() -> None:
    deadline = Deadline(10_000)
    pausing = start(deadline.pause, 9_000)
    deadline.end()
    pausing.join(20)
    assert not pausing.is_alive()
    assert deadline.remaining() == 0
