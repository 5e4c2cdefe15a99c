"""What serving costs: requests of many clients through services, and the library's own call on the same pairs.

The library, `secondpass serve`, a FastAPI app around sentence-transformers' CrossEncoder, and infinity (where its
command is named) take turns on the same machine with the same model. No two pairs of a turn are equal, so none is
shared.

    pip install ".[serve,bench]" httpx
    python benchmarks/service.py FOLDER/ce-minilm6 --data FOLDER --infinity VENV/bin/infinity_emb
"""

import asyncio
import socket
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import typer
from loopback import new_client, secondpass, service

from secondpass import CrossEncoder
from secondpass.bench.texts import load_material
from secondpass.bench.workloads import searches

# What a team writes that puts sentence-transformers behind HTTP: FastAPI runs the function in its thread pool.
_APP = """
import sys
import torch, uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import CrossEncoder

model = CrossEncoder(sys.argv[1], device="cpu", model_kwargs={"dtype": sys.argv[2]})
app = FastAPI()

class Asked(BaseModel):
    query: str
    texts: list[str]

@app.post("/rerank")
def rerank(asked: Asked):
    pairs = [(asked.query, text) for text in asked.texts]
    scores = model.predict(pairs, activation_fn=torch.nn.Sigmoid(), show_progress_bar=False).tolist()
    ranked = [{"index": index, "score": score} for index, score in enumerate(scores)]
    return sorted(ranked, key=lambda result: -result["score"])

uvicorn.run(app, port=int(sys.argv[3]), access_log=False)
"""
# What uvicorn says when it listens.
_UVICORN = "Uvicorn running on "

_Dtype = Literal["float32", "bfloat16", "int8"]
_Asked = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Contender:
    """A service.

    Args:
        name: What it is called in the table.
        url: Where it reranks.
        texts: The field that holds the documents.
        fields: What else it wants to be sent.
        results: The documents of an answer.
        score: The field that holds a score.
    """

    name: str
    url: str
    texts: str = "texts"
    fields: tuple[tuple[str, object], ...] = ()
    results: Callable[[Any], list[dict[str, Any]]] = list
    score: str = "score"

    async def ask(self, client: httpx.AsyncClient, asked: _Asked) -> list[float]:
        """The scores of a query's documents, in the given order."""
        query, documents = asked
        body = {"query": query, self.texts: documents, **dict(self.fields)}
        answered = (await client.post(f"{self.url}/rerank", json=body)).raise_for_status()
        by_index = {result["index"]: result[self.score] for result in self.results(answered.json())}
        return [by_index[index] for index in range(len(documents))]

    async def turn(self, asked: Sequence[Sequence[_Asked]]) -> tuple[float, list[float]]:
        """Seconds that it takes clients to get all theirs answered, each one after the other; and all scores."""

        async def one(client: httpx.AsyncClient, own: Sequence[_Asked]) -> list[float]:
            return [score for request in own for score in await self.ask(client, request)]

        async with new_client() as client:
            began = time.perf_counter()
            scores = await asyncio.gather(*(one(client, own) for own in asked))
            return time.perf_counter() - began, [score for own in scores for score in own]

    async def latencies(self, asked: Sequence[_Asked], library: CrossEncoder) -> tuple[list[float], list[float]]:
        """Seconds of a single client's requests, and of the library's call on the same texts before or after each."""
        served: list[float] = []
        called: list[float] = []
        async with new_client() as client:
            for number, (query, documents) in enumerate(asked):
                for is_served in (True, False) if number % 2 else (False, True):
                    began = time.perf_counter()
                    if is_served:
                        await self.ask(client, (query, documents))
                    else:
                        library.score(query, documents)
                    (served if is_served else called).append(time.perf_counter() - began)
        return served, called


def main(
    model: Annotated[str, typer.Argument(help="The checkpoint that all of them serve.")],
    data: Annotated[Path | None, typer.Option(help="Folder with trec-dl/dl19, for real text.")] = None,
    infinity: Annotated[str | None, typer.Option(help="infinity_emb, in an environment of its own.")] = None,
    dtype: Annotated[
        _Dtype, typer.Option(help="Arithmetic; the others have no int8 and take float32 then.")
    ] = "float32",
    clients: Annotated[int, typer.Option(help="Clients at a time.")] = 16,
    candidates: Annotated[int, typer.Option(help="Documents of a request.")] = 20,
    requests: Annotated[int, typer.Option(help="Requests of each client in a turn.")] = 4,
    turns: Annotated[int, typer.Option(help="How often each contender has its turn.")] = 7,
    alone: Annotated[int, typer.Option(help="Requests of a single client, each also a call of the library.")] = 50,
    peers: Annotated[bool, typer.Option(help="Also measure the other services.")] = True,
) -> None:
    """Print a table of medians, and what a single client waits beyond the library's own call."""
    searched = searches(load_material(data), candidates)
    if len(searched) < max(clients * requests, alone):
        raise SystemExit(f"the data have {len(searched)} requests: ask for fewer clients or requests")
    asked = [searched[number : clients * requests : clients] for number in range(clients)]
    pairs = [(query, text) for own in asked for query, texts in own for text in texts]
    library = CrossEncoder(model, activation="sigmoid", dtype=dtype)
    expected = library.predict(pairs).tolist()
    with ExitStack() as running:
        contenders = [ours(running, model, dtype)]
        if peers:
            contenders += others(running, model, "float32" if dtype == "int8" else dtype, infinity)
        differences = {}
        for contender in contenders:  # warm
            _, scores = asyncio.run(contender.turn(asked))
            differences[contender.name] = max(abs(a - b) for a, b in zip(scores, expected, strict=True))
        seconds: dict[str, list[float]] = {"library": [], **{contender.name: [] for contender in contenders}}
        for _ in range(turns):
            began = time.perf_counter()
            library.predict(pairs)
            seconds["library"].append(time.perf_counter() - began)
            for contender in contenders:
                seconds[contender.name].append(asyncio.run(contender.turn(asked))[0])
        print(f"{clients} clients, {candidates} documents per request, {dtype}\n")
        print("| what | docs/s | ratio | off by |\n|---|---|---|---|")
        for name, taken in seconds.items():
            ratio = statistics.median(own / its for own, its in zip(seconds["library"], taken, strict=True))
            speed = len(pairs) / statistics.median(taken)
            print(f"| {name} | {speed:,.0f} | {ratio:.2f} | {differences.get(name, 0):.0e} |")
        print("\n| one client, ms | p50 | p95 | p95 of the library's call | median beyond its call | p95 beyond |")
        print("|---|---|---|---|---|---|")
        for contender in contenders:
            served, called = asyncio.run(contender.latencies(searched[:alone], library))
            beyond = [its - own for its, own in zip(served, called, strict=True)]
            times = (
                statistics.median(served),
                _share(served, 0.95),
                _share(called, 0.95),
                statistics.median(beyond),
                _share(beyond, 0.95),
            )
            print(f"| {contender.name} | {' | '.join(f'{1000 * time:.1f}' for time in times)} |")


def ours(running: ExitStack, model: str, dtype: _Dtype) -> Contender:
    """Our service, which is up when this returns."""
    return Contender("secondpass serve", running.enter_context(service(secondpass(model, "--dtype", dtype))).url)


def others(running: ExitStack, model: str, dtype: _Dtype, infinity: str | None) -> list[Contender]:
    """The other services; all are up when this returns."""
    port = _free_port()
    app = [sys.executable, "-W", "ignore", "-c", _APP, model, dtype, str(port)]
    running.enter_context(service(app, _UVICORN))
    contenders = [Contender("FastAPI and sentence-transformers", f"http://127.0.0.1:{port}")]
    if infinity is not None:
        port = _free_port()
        options = {"--model-id": model, "--served-model-name": "model", "--dtype": dtype, "--port": str(port)}
        command = [infinity, "v2", *(part for option in options.items() for part in option)]
        command += ["--engine", "torch", "--device", "cpu", "--no-bettertransformer", "--host", "127.0.0.1"]
        running.enter_context(service(command, _UVICORN, INFINITY_ANONYMOUS_USAGE_STATS="0"))
        contenders.append(
            Contender(
                "infinity",
                f"http://127.0.0.1:{port}",
                texts="documents",
                fields=(("model", "model"),),
                results=lambda answer: list(answer["results"]),
                score="relevance_score",
            )
        )
    return contenders


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _share(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


if __name__ == "__main__":
    typer.run(main)
