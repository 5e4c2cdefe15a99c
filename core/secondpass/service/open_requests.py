"""A request is open until its answer has been sent: until then its bytes count, and a server that stops waits."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secondpass.service.held_bytes import RequestBytes
from secondpass.service.service import Service

# Bytes of an answer that the server is given at a time: it takes the next ones when the client has taken enough.
_PIECE = 262_144


class OpenRequests:
    """Counts requests as open, and holds their bytes, until the last byte of their answers has been taken.

    A request finds what it holds in its state, as `held`.

    Args:
        app: What answers.
        service: Whose requests they are.
    """

    def __init__(self, app: ASGIApp, *, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in pieces."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        held = RequestBytes(self._service.held_bytes)

        async def send_in_pieces(message: Message) -> None:
            body = message.get("body", b"")
            held.answer(len(body))
            for start in range(0, len(body), _PIECE):
                await send({**message, "body": body[start : start + _PIECE], "more_body": True})
            # Behind the last piece, for a server does not begin to send before it has sent what it was given earlier.
            await send({**message, "body": b""} if body else message)

        scope.setdefault("state", {})["held"] = held
        self._service.n_open += 1
        try:
            await self._app(scope, receive, send_in_pieces)
        finally:
            self._service.n_open -= 1
            held.release()
