"""What Ray's proxies refuse by themselves, said in the API that was spoken, and so that clients ask again."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secondpass.service.problems import Kind, Problem
from secondpass.service.routes import place, refusal
from secondpass.service.shapes import PLACES, at

# What a proxy says where no replica has answered: a full queue or no replica at all. Ours are JSON.
_BARE_STATUSES = (429, 503)
_BARE_TYPE = b"text/plain"
_RETRY_AFTER = 1


class RayRefusals:
    """Answers in a proxy's place where no replica did.

    A replica that dies takes the requests that it was answering with it, for which Ray says 500, in plain text. Nothing
    of them is left, so that they may be sent again: 503 with Retry-After is what clients do that for.

    A proxy leads to other applications, too, whose answers are their own: only what lies right below an application's
    route prefix, as the service's places do, is taken for one of them.

    Args:
        app: The proxy.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the proxy answer; where that is no answer of the service, give one."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = is_bare = False

        async def pass_on(message: Message) -> None:
            nonlocal has_begun, is_bare
            if message["type"] == "http.response.start":
                has_begun = True
                is_bare = place(scope) in PLACES and _is_bare(message)
            if not is_bare:
                await send(message)

        await self._app(scope, receive, pass_on)
        # Where the application begins is known only now: the proxy has added its route prefix to the root path.
        asked = place(scope)
        if asked in PLACES and (is_bare or not has_begun):
            message = "no replica is there to answer" if is_bare else "the replica that was to answer has gone"
            problem = Problem(Kind.UNAVAILABLE, message, retry_after=_RETRY_AFTER)
            await refusal(at(asked), problem)(scope, receive, send)


def _is_bare(start: Message) -> bool:
    kinds = [value for name, value in start.get("headers", ()) if name.lower() == b"content-type"]
    return start["status"] in _BARE_STATUSES and any(kind.startswith(_BARE_TYPE) for kind in kinds)
