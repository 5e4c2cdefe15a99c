"""A line per request: what was asked for and how it went, and not a word of any text."""

import asyncio
import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOGGER = logging.getLogger("secondpass.service")
CLIENT_GONE = 499
"""nginx's status for a client that closed its connection: only the log sees it."""


class RequestLog:
    """Logs every request with its status, its milliseconds and how many documents it had.

    Args:
        app: What answers.
        shows_lengths: Also log how many characters the documents had.
    """

    def __init__(self, app: ASGIApp, *, shows_lengths: bool = False) -> None:
        self._app = app
        self._shows_lengths = shows_lengths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and log."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except asyncio.CancelledError:
            status = status or CLIENT_GONE
            raise
        except Exception as error:
            LOGGER.error("%s %s failed: %s", scope["method"], _path(scope), where(error))  # noqa: TRY400 - a traceback may hold texts
            if status:
                raise
            status = 500
            await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body"})
        finally:
            milliseconds = 1000 * (time.monotonic() - began)
            self._log(scope, status, milliseconds)

    def _log(self, scope: Scope, status: int, milliseconds: float) -> None:
        state = scope.get("state", {})
        n_documents, n_characters = state.get("n_documents"), state.get("n_characters")
        documents = "" if n_documents is None else f" {n_documents} documents"
        lengths = f" {n_characters} characters" if self._shows_lengths and n_characters is not None else ""
        LOGGER.info("%s %s %d %.1f ms%s%s", scope["method"], _path(scope), status, milliseconds, documents, lengths)


def where(error: BaseException) -> str:
    """What an error is and where it was raised; its message may hold a request's text and is left out."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return type(error).__name__
    return f"{type(error).__name__} at {traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"


def _path(scope: Scope) -> str:
    """The path, without what would break a line of the log."""
    return ascii(scope["path"])[1:-1]
