"""Connections that may not dawdle: what uvicorn waits for without end, ends here."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# Seconds for the head of a request from its first byte (of a connection: from its beginning), and for the rest of a
# body that nobody reads any more, because its request has been answered without it.
HEAD_SECONDS, UNREAD_SECONDS = 10.0, 10.0


class TimedConnection(H11Protocol):
    """A connection that is closed where the head of a request, or a body that was refused, comes too slowly.

    uvicorn itself only limits how long a connection may rest between two requests. The time of a body that is read is
    limited where it is read.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for a first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came, and go on waiting where that was not all."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        self._stop_waiting()

    def _watch(self) -> None:
        if self.conn.their_state is h11.IDLE:
            self._wait(HEAD_SECONDS)
        elif self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE:
            self._wait(UNREAD_SECONDS)
        else:
            self._stop_waiting()

    def _wait(self, seconds: float) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
