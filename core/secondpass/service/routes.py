"""What the service answers at each place."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from pydantic_core import to_json
from starlette.types import Scope

from secondpass.errors import SecondPassError
from secondpass.ranking.readings import Reading
from secondpass.service.bodies import ClientGone
from secondpass.service.info import info, models
from secondpass.service.problems import Kind, Problem
from secondpass.service.queued_requests import QueuedRequest
from secondpass.service.request_log import CLIENT_GONE, LOGGER, where
from secondpass.service.requests import RerankRequest, ScoreRequest
from secondpass.service.reranking import answer, answer_pairs, check_instruction, check_sizes, estimate
from secondpass.service.served_model import ServedModel
from secondpass.service.service import Service
from secondpass.service.shapes import VLLM, Shape, at, check_fields, check_one_documents_field, spoken
from secondpass.service.shortening import mark_shortened, pairs_to_read


@dataclass(slots=True)
class _Exchange:
    """One request on its way to an answer.

    Args:
        request: What came.
        path: Where it came, as seen from where the service is mounted.
        shape: The API it speaks, as far as is known.
        began: When it came, on the monotonic clock.
    """

    request: Request
    path: str
    shape: Shape
    began: float


@dataclass(frozen=True, slots=True)
class _ReadRequest:
    """What a model made of a request.

    Args:
        model: The model.
        readings: Of every pair, in the given order.
        queued: How long it took.
        n_characters: Of all pairs.
        n_tokens: Read of all pairs; estimated where the scorer does not say.
    """

    model: ServedModel
    readings: list[Reading]
    queued: QueuedRequest
    n_characters: int
    n_tokens: int

    @property
    def n_truncated(self) -> int:
        """Of how many documents a part was not read, as far as the scorer says."""
        return sum(reading.truncated is True for reading in self.readings)


class Routes:
    """The endpoints of a service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._began = int(time.time())

    async def rerank(self, request: Request) -> Response:
        """Put documents in order for a query, in the API that the request speaks."""
        return await self._answer(request, self._rerank)

    async def score(self, request: Request) -> Response:
        """Score pairs; the answer keeps their order. vLLM's API."""
        return await self._answer(request, self._score)

    async def info(self, request: Request) -> Response:
        """The models and limits of this server."""
        return self._refusal_of(request) or _json(await info(self._service))

    async def models(self, request: Request) -> Response:
        """The names of the models. OpenAI's API."""
        return self._refusal_of(request) or _json(models(self._service, self._began))

    async def health(self) -> Response:
        """Whether the process is alive."""
        return _json({"status": "alive"})

    async def ready(self) -> Response:
        """Whether requests are taken: the models are loaded, and the server is not about to stop."""
        if self._service.is_draining:
            return _json({"status": "stopping"}, status=Kind.UNAVAILABLE.status)
        return _json({"status": "ready"})

    async def metrics(self) -> Response:
        """Counters, in Prometheus' text format."""
        metrics = self._service.metrics
        return Response(metrics.page(self._service.queue_sizes), media_type=metrics.content_type)

    def _refusal_of(self, request: Request) -> Response | None:
        """What a request without a key gets; None for one that has what it needs."""
        try:
            self._service.api_keys.check(request.headers.get("authorization"))
        except Problem as problem:
            return refusal(at(place(request.scope)), problem)
        return None

    async def _answer(self, request: Request, endpoint: Callable[[_Exchange], Awaitable[Response]]) -> Response:
        """Run an endpoint; whatever it raises becomes an answer in the API that was spoken."""
        service = self._service
        path = place(request.scope)
        exchange = _Exchange(request, path, at(path), time.monotonic())
        failure: str | None = None
        try:
            service.api_keys.check(request.headers.get("authorization"))
            service.check_open()
            return await endpoint(exchange)
        except ClientGone:
            failure = "client_gone"
            service.metrics.client_left()
            return Response(status_code=CLIENT_GONE)
        except asyncio.CancelledError:  # how Ray Serve tells that the client has gone
            failure = "client_gone"
            service.metrics.client_left()
            raise
        except Problem as problem:
            failure = problem.kind.name.lower()
            return refusal(exchange.shape, problem)
        except Exception as error:  # noqa: BLE001 - a request that fails is told so, and the next one is served
            failure = Kind.FAILED.name.lower()
            LOGGER.error("%s failed: %s", path, where(error))
            return refusal(exchange.shape, _failed(error))
        finally:
            service.metrics.answered(path.strip("/"), time.monotonic() - exchange.began, failure)

    async def _rerank(self, exchange: _Exchange) -> Response:
        body = await self._service.bodies.read(exchange.request)
        agent = exchange.request.headers.get("user-agent", "")
        exchange.shape = shape = spoken(exchange.path, body, agent)
        check_one_documents_field(body)
        check_fields(shape, body)
        asked = shape.read(body)
        read = await self._read(exchange, asked)
        content = shape.answer(asked, answer(asked, read.readings, read.model, read.n_tokens))
        return _json(content, headers=_costs(exchange, read))

    async def _score(self, exchange: _Exchange) -> Response:
        body = await self._service.bodies.read(exchange.request)
        check_fields(VLLM, body)
        asked = VLLM.read_score_request(body)
        read = await self._read(exchange, asked)
        scores = answer_pairs(asked, read.readings, read.model, read.n_tokens)
        return _json(VLLM.answer_pairs(scores, int(time.time())), headers=_costs(exchange, read))

    async def _read(self, exchange: _Exchange, asked: RerankRequest | ScoreRequest) -> _ReadRequest:
        """Wait in the model's queue for the readings of a request's pairs, unless the client leaves."""
        service, request = self._service, exchange.request
        model = service.models.named(asked.options.model)
        n_characters = sum(len(query) + len(document) for query, document in asked.pairs)
        request.state.n_documents = len(asked.pairs)
        request.state.n_characters = sum(len(document) for _, document in asked.pairs)
        check_sizes(asked, service.limits)
        check_instruction(asked, model)
        pairs, shortened = pairs_to_read(asked, model)
        sizes = estimate(pairs, model.most_tokens)
        queue = service.queue(model)
        queued = queue.submit(list(zip(pairs, sizes, strict=True)))
        scored = asyncio.wrap_future(queued.future)
        gone = asyncio.ensure_future(_disconnection(request))
        try:
            waited: set[asyncio.Future[Any]] = {scored, gone}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not scored.done():
                raise ClientGone
            readings = mark_shortened(scored.result(), shortened)
        finally:
            gone.cancel()
            queue.cancel(queued)
        counted = [reading.n_tokens for reading in readings if reading.n_tokens is not None]
        n_tokens = sum(counted) if len(counted) == len(readings) else sum(sizes)
        read = _ReadRequest(model, readings, queued, n_characters, n_tokens)
        self._count(read)  # now: the answer may yet be refused, for what was truncated
        return read

    def _count(self, read: _ReadRequest) -> None:
        """Add a request that was scored to the metrics."""
        self._service.metrics.scored(
            read.model.name,
            n_documents=len(read.readings),
            n_truncated=read.n_truncated,
            queue_seconds=read.queued.queue_seconds,
            scoring_seconds=read.queued.scoring_seconds,
        )


def _costs(exchange: _Exchange, read: _ReadRequest) -> dict[str, str]:
    """Headers that say what the answer took, under TEI's names; times in milliseconds."""
    queued = read.queued
    headers = {
        "x-compute-type": ",".join(read.model.devices) or "unknown",
        "x-compute-time": _milliseconds(queued.queue_seconds + queued.scoring_seconds),
        "x-compute-characters": str(read.n_characters),
        "x-compute-tokens": str(read.n_tokens),
        "x-total-time": _milliseconds(time.monotonic() - exchange.began),
        "x-queue-time": _milliseconds(queued.queue_seconds),
        "x-inference-time": _milliseconds(queued.scoring_seconds),
    }
    if read.n_truncated or all(reading.truncated is not None for reading in read.readings):
        headers["x-truncated"] = str(read.n_truncated)
    return headers


def refusal(shape: Shape, problem: Problem) -> Response:
    """The answer that says, in an API's form, why there is none."""
    headers = {}
    if problem.retry_after is not None:
        headers["retry-after"] = str(problem.retry_after)
    if problem.kind is Kind.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    return _json(shape.error(problem), status=shape.status(problem), headers=headers)


async def _disconnection(request: Request) -> None:
    """Return when the client closes its connection: behind a body that was read, nothing else can come."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def place(scope: Scope) -> str:
    """The path of a request below the one where the service is mounted, if it is."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _failed(error: Exception) -> Problem:
    """What the client is told of an error: our own in full, for they name no text; of others, what they are."""
    if isinstance(error, SecondPassError):
        return Problem(Kind.FAILED, f"the model gave no scores: {error}")
    return Problem(Kind.FAILED, f"the model gave no scores: {type(error).__name__}")


def _json(content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(to_json(content), status, dict(headers or {}), "application/json")


def _milliseconds(seconds: float) -> str:
    return str(round(1000 * seconds))
