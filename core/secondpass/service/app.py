"""The service as an ASGI application."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from secondpass.arguments import check_flag, check_kind
from secondpass.service.api_keys import ApiKeys
from secondpass.service.freed_memory import keep_giving_back
from secondpass.service.limits import Limits
from secondpass.service.open_requests import OpenRequests
from secondpass.service.openapi import REFUSALS, RERANK_BODIES, RERANKED, SCORE_BODY, SCORED, describe
from secondpass.service.page import page
from secondpass.service.request_log import RequestLog
from secondpass.service.routes import Routes
from secondpass.service.served_model import ServedModel, check_models, load_model
from secondpass.service.service import Service
from secondpass.service.shapes import SCORE_PLACES

_DESCRIPTION = """Rerankers behind every API that clients speak: TEI, Cohere, Jina, vLLM, infinity and Voyage are told
apart by what is sent, and where. Scores are between 0 and 1 unless raw ones are asked for."""


def create_app(
    models: Sequence[str | ServedModel],
    *,
    api_keys: Iterable[str] | ApiKeys = (),
    limits: Limits | None = None,
    log_lengths: bool = False,
) -> FastAPI:
    """The application that `secondpass serve` runs, for any ASGI server.

    The app's `state.service` is the running `Service`. Every request is logged in a line by the logger
    `secondpass.service`, without a word of its texts.

    Args:
        models: What is served: names, which are loaded now, or models with what they are called. The first answers
            requests that name none.
        api_keys: One of these has to come with a request for scores; none lets everyone in.
        limits: What is refused.
        log_lengths: Also log how many characters the documents of a request had.

    Raises:
        CheckpointError: A checkpoint cannot be scored the way its authors meant.
        InputError: An argument breaks a rule.
    """
    named = check_models(models)
    check_kind("limits", limits, Limits)
    check_flag("log_lengths", log_lengths)
    keys = api_keys if isinstance(api_keys, ApiKeys) else ApiKeys(api_keys)
    loaded = [load_model(model) if isinstance(model, str) else model for model in named]
    service = Service(loaded, keys, Limits() if limits is None else limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.reopen()  # what an earlier run of this app has closed
        giving_back = asyncio.create_task(keep_giving_back())
        yield
        giving_back.cancel()
        service.close()

    app = FastAPI(
        title="secondpass",
        version=version("secondpass"),
        description=_DESCRIPTION,
        redoc_url=None,
        redirect_slashes=False,  # the redirection would lead to whatever host a request names
        lifespan=lifespan,
    )
    app.state.service = service
    app.add_middleware(OpenRequests, service=service)
    app.add_middleware(RequestLog, shows_lengths=log_lengths)
    routes = Routes(service)
    for path, body in RERANK_BODIES.items():
        app.add_api_route(path, routes.rerank, methods=["POST"], responses=RERANKED, openapi_extra=body)
    for path in SCORE_PLACES:
        app.add_api_route(path, routes.score, methods=["POST"], responses=SCORED, openapi_extra=SCORE_BODY)
    app.add_api_route("/info", routes.info, methods=["GET"], responses={401: REFUSALS[401]})
    app.add_api_route("/v1/models", routes.models, methods=["GET"], responses={401: REFUSALS[401]})
    app.add_api_route("/health", routes.health, methods=["GET"])
    app.add_api_route("/ready", routes.ready, methods=["GET"], responses={503: REFUSALS[503]})
    app.add_api_route("/metrics", routes.metrics, methods=["GET"], response_class=PlainTextResponse)
    # Load balancers may probe with HEAD. In the document, one operation of two methods would have one id twice.
    for path, endpoint in (("/health", routes.health), ("/ready", routes.ready)):
        app.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)
    app.add_api_route("/", page, methods=["GET", "HEAD"], include_in_schema=False)
    describe(app, needs_key=bool(keys))
    return app
