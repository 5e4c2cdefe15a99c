"""Connections that may not dawdle: what uvicorn waits for without end, ends here."""

import asyncio
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class TimedConnection(H11Protocol):
    """A connection that is closed where the head of a request, or a body that was refused, comes too slowly.

    uvicorn itself only limits how long a connection may rest between two requests. The time of a body that is read is
    limited where it is read.

    Attributes:
        seconds: For the head of a request from its first byte (the first one's: from the connection's beginning), and
            for the rest of a body that nobody reads any more, because its request has been answered without it.
    """

    seconds: ClassVar[float]
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
        awaits_head = self.conn.their_state is h11.IDLE
        is_unread = self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE
        if not awaits_head and not is_unread:
            self._stop_waiting()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def timed_connection(limit: float) -> type[TimedConnection]:
    """Connections that wait for so many seconds."""

    class Timed(TimedConnection):
        seconds = limit

    return Timed
