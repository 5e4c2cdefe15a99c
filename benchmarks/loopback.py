"""Services as processes on loopback, requests whose answers are known, and clients that keep asking."""

import asyncio
import math
import os
import random
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import httpx

from secondpass import CrossEncoder
from secondpass.bench.texts import load_material

# Made once: httpx takes longer for it than for a request, though loopback has no use for it.
_TLS = ssl.create_default_context()
# What requests that share a pass with others may differ by from the library's own call.
_TOLERANCE = 1e-5


@dataclass(slots=True)
class Service:
    """A server that listens.

    Args:
        process: Its process.
        url: Where it listens.
        said: What it has logged so far, by lines.
    """

    process: "subprocess.Popen[str]"
    url: str
    said: list[str]

    def resident_mib(self) -> float:
        """Resident memory of the process, in MiB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def metric(self, name: str) -> float:
        """A counter of its own, summed over labels."""
        lines = httpx.get(f"{self.url}/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


@contextmanager
def service(command: Sequence[str], sign: str = "serving at ", **environment: str) -> Iterator[Service]:
    """A server, from the line on that says that it listens.

    Args:
        command: Starts it.
        sign: What that line holds; behind it comes the address.
        environment: Variables for it, on top of ours.
    """
    with subprocess.Popen(  # noqa: S603 - our own commands
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        said: list[str] = []
        listens = threading.Event()

        def read() -> None:
            for line in process.stderr or ():
                said.append(line)
                if sign in line:
                    listens.set()
            listens.set()

        reader = threading.Thread(target=read)
        reader.start()
        try:
            listens.wait()
            lines = [line for line in said if sign in line]
            if not lines:
                raise RuntimeError("".join(said))
            yield Service(process, lines[0].split(sign)[1].split()[0], said)
        finally:
            process.kill()
            reader.join()


def secondpass(model: str, *options: str) -> list[str]:
    """The command that serves a model at a free port."""
    return [sys.executable, "-m", "secondpass", "serve", "--model", model, "--port", "0", *options]


@dataclass(frozen=True, slots=True)
class Request:
    """A request, and the scores that are right.

    Args:
        query: The query.
        documents: What is to be ordered.
        scores: The library's, in the given order.
    """

    query: str
    documents: tuple[str, ...]
    scores: tuple[float, ...]

    def is_right(self, answer: object) -> bool:
        """Whether an answer in TEI's form has every document once, best first, with its score."""
        if not isinstance(answer, list):
            return False
        given = [(result["index"], result["score"]) for result in answer]
        return (
            sorted(index for index, _ in given) == list(range(len(self.documents)))
            and all(math.isclose(score, self.scores[index], abs_tol=_TOLERANCE, rel_tol=0) for index, score in given)
            and all(before >= after for (_, before), (_, after) in pairwise(given))
        )


def requests(model: CrossEncoder, sizes: Sequence[int], data: Path | None) -> list[Request]:
    """Requests of these numbers of documents."""
    candidates = load_material(data).candidates
    chance = random.Random(5)  # noqa: S311 - for a workload
    made = []
    for number, size in enumerate(sizes):
        query, passages = candidates[number % len(candidates)]
        documents = tuple(chance.choices(passages, k=size))
        made.append(Request(query, documents, tuple(model.score(query, documents).tolist())))
    return made


@dataclass(slots=True)
class Tally:
    """What came of requests.

    Args:
        outcomes: How many ended how: "right", "wrong", the status of an error, or the name of an exception.
        seconds: Of every right answer.
        without_retry_after: 429s that do not say when to come back.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    without_retry_after: int = 0

    def __str__(self) -> str:
        """Outcomes and percentiles, in a line."""
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        if not self.seconds:
            return counts
        of = sorted(self.seconds)
        shares = ((name, of[min(len(of) - 1, int(share * len(of)))]) for name, share in _PERCENTILES)
        return f"{counts}; " + ", ".join(f"{name} {1000 * seconds:,.0f} ms" for name, seconds in shares)


_PERCENTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))


def new_client(timeout: float | None = None) -> httpx.AsyncClient:
    """A client with connections of its own, as many as it needs; the timeout in seconds."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    return httpx.AsyncClient(timeout=timeout, verify=_TLS, limits=limits)


async def ask(client: httpx.AsyncClient, url: str, request: Request, tally: Tally) -> str:
    """One request; how it ended."""
    began = time.perf_counter()
    try:
        answered = await client.post(f"{url}/rerank", json={"query": request.query, "texts": request.documents})
    except httpx.HTTPError as error:
        outcome = type(error).__name__
    else:
        if answered.status_code == httpx.codes.OK:
            outcome = "right" if request.is_right(answered.json()) else "wrong"
        else:
            outcome = str(answered.status_code)
            is_told = answered.headers.get("retry-after", "").isdecimal()
            tally.without_retry_after += outcome == "429" and not is_told
    if outcome == "right":
        tally.seconds.append(time.perf_counter() - began)
    tally.outcomes[outcome] += 1
    return outcome


async def keep_asking(url: str, asked: Sequence[Request], *, n_clients: int, seconds: float) -> Tally:
    """Clients that each ask again as soon as they are answered, for so long."""
    tally = Tally()
    end = time.perf_counter() + seconds

    async def one(number: int) -> None:
        chance = random.Random(number)  # noqa: S311 - for a workload
        async with new_client() as client:
            while time.perf_counter() < end:
                await ask(client, url, chance.choice(asked), tally)

    await asyncio.gather(*map(one, range(n_clients)))
    return tally
