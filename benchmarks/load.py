"""`secondpass serve` under load and faults: is every answer right, is any lost, does memory grow, and does it recover.

Clients and server share the machine, so milliseconds say how they are spread and not how fast a server of its own is.

    pip install ".[serve,bench]" httpx
    python benchmarks/load.py --model FOLDER/ce-minilm6 --data FOLDER
"""

import asyncio
import random
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from loopback import Request, Service, Tally, ask, keep_asking, new_client, requests, secondpass, service

from secondpass import CrossEncoder

# Documents of requests: many short ones, a few long ones.
_SIZES = (1, 1, 1, 2, 2, 3, 3, 5, 5, 5, 10, 10, 20, 50, 100) * 4
_OVERLOAD = 10
# A model that cannot read a word.
_POISON = "unreadable"
_POISONED = f"""
import logging, sys
from secondpass import CrossEncoder
from secondpass.service import ServedModel, create_app, serve

class Poisoned:
    def __init__(self, scorer):
        self._scorer = scorer

    def score(self, query, documents):
        return self.predict([(query, document) for document in documents])

    def predict(self, pairs):
        pairs = list(pairs)
        if any("{_POISON}" in document for _, document in pairs):
            raise RuntimeError("cannot read that")
        return self._scorer.predict(pairs)

logging.basicConfig(level=logging.INFO, format="%(message)s")
model = CrossEncoder(sys.argv[1], activation="identity")
serve(create_app([ServedModel(name="poisoned", scorer=Poisoned(model))]), port=0)
"""


def main(
    model: Annotated[str, typer.Option(help="The checkpoint that is served.")] = "secondpass/mini",
    data: Annotated[Path | None, typer.Option(help="Folder with trec-dl/dl19, for real text.")] = None,
    clients: Annotated[int, typer.Option(help="How many ask at a time.")] = 200,
    seconds: Annotated[float, typer.Option(help="For how long they ask; overload lasts half as long.")] = 60.0,
) -> None:
    """Print what came of every phase."""
    asked = requests(CrossEncoder(model, activation="sigmoid"), _SIZES, data)
    with service(secondpass(model)) as server:
        rate = steady(server, asked, clients, seconds)
        vanishing(server, asked, clients, seconds / 4)
    # About two seconds of work may wait, as long as a request of a hundred documents fits.
    work = [sum(len(text) for text in request.documents) // 4 for request in asked]
    room = max(2 * rate * sum(work) / len(work), 3 * max(work))
    with service(secondpass(model, "--max-queued-tokens", str(int(room)))) as server:
        overloaded(server, asked, rate, seconds / 2)
    with service(secondpass(model, "--drain-seconds", "300")) as server:
        stopped(server, asked, clients, seconds / 6)
    with service([sys.executable, "-W", "ignore", "-c", _POISONED, model]) as server:
        poisoned(server, asked, clients // 4, seconds / 4)


def steady(server: Service, asked: list[Request], n_clients: int, seconds: float) -> float:
    """Requests of mixed sizes from many clients; gives the right answers per second."""
    asyncio.run(keep_asking(server.url, asked, n_clients=n_clients, seconds=seconds / 2))  # until memory has its size
    memory = [server.resident_mib()]

    async def watch() -> Tally:
        asking = asyncio.create_task(keep_asking(server.url, asked, n_clients=n_clients, seconds=seconds))
        while not asking.done():
            await asyncio.wait((asking,), timeout=seconds / 4)
            memory.append(server.resident_mib())
        return await asking

    began = time.perf_counter()
    tally = asyncio.run(watch())
    rate = tally.outcomes["right"] / (time.perf_counter() - began)
    print(f"{n_clients} clients: {tally}; {rate:.1f} requests/s")
    print(f"  resident memory in MiB, from warm to the end: {', '.join(f'{mib:.0f}' for mib in memory)}")
    return rate


def vanishing(server: Service, asked: list[Request], n_clients: int, seconds: float) -> None:
    """Clients that leave without waiting for their answer, among others that wait."""

    async def leave(end: float, number: int) -> None:
        chance = random.Random(number)  # noqa: S311 - for a workload
        while time.perf_counter() < end:
            request = chance.choice(asked)
            async with new_client(chance.uniform(0.01, 0.5)) as client:
                await ask(client, server.url, request, Tally())

    async def both() -> Tally:
        end = time.perf_counter() + seconds
        staying = asyncio.create_task(keep_asking(server.url, asked, n_clients=n_clients // 4, seconds=seconds))
        await asyncio.gather(*(leave(end, number) for number in range(n_clients // 4)))
        return await staying

    tally = asyncio.run(both())
    wait_until_idle(server)
    left = server.metric("secondpass_gone_clients_total")
    print(f"{n_clients // 4} clients beside as many that leave: {tally}; {left:.0f} left, nothing waits any more")


def overloaded(server: Service, asked: list[Request], rate: float, seconds: float) -> None:
    """Ten times the requests that can be answered, whether answered or not; then as many as before."""
    before = asyncio.run(keep_asking(server.url, asked, n_clients=2, seconds=seconds / 3))
    print(f"two clients: {before}")

    async def flood() -> Tally:
        tally = Tally()
        chance = random.Random(0)  # noqa: S311 - for a workload
        async with new_client() as client, asyncio.TaskGroup() as running:
            end = time.perf_counter() + seconds
            due = time.perf_counter()
            while due < end:
                running.create_task(ask(client, server.url, chance.choice(asked), tally))
                due += chance.expovariate(_OVERLOAD * rate)
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
        return tally

    tally = asyncio.run(flood())
    print(f"{_OVERLOAD} times too many: {tally}; {tally.without_retry_after} of 429 without Retry-After")
    wait_until_idle(server)
    after = asyncio.run(keep_asking(server.url, asked, n_clients=2, seconds=seconds / 3))
    print(f"two clients afterwards: {after}; {server.resident_mib():.0f} MiB")


def stopped(server: Service, asked: list[Request], n_clients: int, seconds: float) -> None:
    """SIGTERM while many ask: what the server answered has to have arrived, and the other way round."""

    async def stop() -> Tally:
        asking = asyncio.create_task(keep_asking(server.url, asked, n_clients=n_clients, seconds=2 * seconds))
        await asyncio.sleep(seconds)
        server.process.send_signal(signal.SIGTERM)
        return await asking

    tally = asyncio.run(stop())
    status = server.process.wait()
    n_answered = sum(" /rerank 200 " in line for line in server.said)
    print(f"SIGTERM: {tally}; {n_answered} answered by the server, which ended with {status}")


def poisoned(server: Service, asked: list[Request], n_clients: int, seconds: float) -> None:
    """One client of them sends what the model cannot read."""
    request = Request("query", ("a text", _POISON), (0.0, 0.0))

    async def both() -> tuple[Tally, Tally]:
        others = keep_asking(server.url, asked, n_clients=n_clients, seconds=seconds)
        return await asyncio.gather(others, keep_asking(server.url, [request], n_clients=1, seconds=seconds))

    others, own = asyncio.run(both())
    print(f"one client sends what the model cannot read: {own}; {n_clients} others: {others}")


def wait_until_idle(server: Service) -> None:
    """Until no request waits."""
    while server.metric("te_queue_size"):
        time.sleep(0.1)


if __name__ == "__main__":
    typer.run(main)
