"""What Ray's proxies refuse by themselves, said in the API that was spoken, and so that clients ask again."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secondpass.service.problems import Kind, Problem
from secondpass.service.routes import refusal
from secondpass.service.shapes import at

_PLACES = ("/v2/rerank", "/v1/rerank", "/rerank", "/v1/score", "/score")
# What a proxy says where no replica has answered: a full queue or no replica at all. Ours are JSON.
_BARE_STATUSES = (429, 503)
_BARE_TYPE = b"text/plain"
_RETRY_AFTER = 1


class RayRefusals:
    """Answers in a proxy's place where no replica did.

    A replica that dies takes the requests that it was answering with it, for which Ray says 500, in plain text. Nothing
    of them is left, so that they may be sent again: 503 with Retry-After is what clients do that for.

    Args:
        app: The proxy.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the proxy answer; where that is no answer of the service, give one."""
        place = _place(scope)
        if place is None:
            await self._app(scope, receive, send)
            return
        has_begun = is_bare = False

        async def pass_on(message: Message) -> None:
            nonlocal has_begun, is_bare
            if message["type"] == "http.response.start":
                has_begun = True
                is_bare = _is_bare(message)
            if not is_bare:
                await send(message)

        await self._app(scope, receive, pass_on)
        if is_bare or not has_begun:
            message = "no replica is there to answer" if is_bare else "the replica that was to answer has gone"
            problem = Problem(Kind.UNAVAILABLE, message, retry_after=_RETRY_AFTER)
            await refusal(at(place), problem)(scope, receive, send)


def _place(scope: Scope) -> str | None:
    """The place of the service that was asked, wherever it is mounted; None for others, and for what is not HTTP."""
    path = scope["path"] if scope["type"] == "http" else ""
    return next((place for place in _PLACES if path.endswith(place)), None)


def _is_bare(start: Message) -> bool:
    kinds = [value for name, value in start.get("headers", ()) if name.lower() == b"content-type"]
    return start["status"] in _BARE_STATUSES and any(kind.startswith(_BARE_TYPE) for kind in kinds)
