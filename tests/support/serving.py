"""A service in this process: clients for it, and scorers that can be watched, stopped and broken."""

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpx
from fastapi import FastAPI

from secondpass.ranking import Pair
from secondpass.service import ServedModel, create_app
from secondpass.testing import OverlapScorer


class Recorder:
    """A pair scorer that keeps every call, and scores a pair by the length of its document.

    Args:
        broken: It raises for a pair with one of these documents.
        held: Each call waits for `go` before it returns.
    """

    def __init__(self, *, broken: Iterable[str] = (), held: bool = False) -> None:
        self.passes: list[list[Pair]] = []
        self.began = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self._broken = set(broken)
        self._held = held

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        return self.predict([(query, document) for document in documents])

    def predict(self, pairs: Iterable[Pair]) -> list[float]:
        given = list(pairs)
        self.passes.append(given)
        self.began.release()
        if self._held:
            assert self.go.acquire(timeout=20), "nobody let the pass go on"
        for _, document in given:
            if document in self._broken:
                raise RuntimeError(f"cannot read {document}")
        return [float(len(document)) for _, document in given]

    @property
    def n_scored(self) -> int:
        return sum(map(len, self.passes))


# Those that were made and not closed yet: `close_all` does it.
_MADE: list[FastAPI] = []


def overlap_app(**options: Any) -> FastAPI:
    """A service whose one model, `overlap`, scores by the share of the query's words."""
    return app_of(ServedModel(name="overlap", scorer=OverlapScorer(), aliases=("rerank-v3.5",)), **options)


def app_of(*scorers: Any, **options: Any) -> FastAPI:
    """A service of these scorers; one that is no `ServedModel` is called `tested`."""
    models = [s if isinstance(s, str | ServedModel) else ServedModel(name="tested", scorer=s) for s in scorers]
    app = create_app(models, **options)
    _MADE.append(app)
    return app


def close_all() -> None:
    """Stop the threads of all services that were made."""
    while _MADE:
        _MADE.pop().state.service.close()


def ask(app: FastAPI, method: str, url: str, **options: Any) -> httpx.Response:
    """One request to a service in this process."""

    async def one() -> httpx.Response:
        async with client_of(app) as client:
            return await client.request(method, url, **options)

    return asyncio.run(one())


def post(app: FastAPI, path: str, body: Mapping[str, object], **options: Any) -> httpx.Response:
    return ask(app, "POST", path, json=body, **options)


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service", timeout=30)
