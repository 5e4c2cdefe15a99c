"""Connections that may not dawdle: what uvicorn waits for without end, ends here."""

import asyncio
import socket
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# Bytes of an answer that the system keeps for a client to take. It tells us that some were taken once it has room for
# about a third of them: a client that takes that many in `seconds` is seen to take any.
_SYSTEM_BUFFER = 262_144


class TimedConnection(H11Protocol):
    """A connection that is closed where a request comes too slowly, or its answer is not taken.

    uvicorn itself only limits how long a connection may rest between two requests. The time of a body that is read is
    limited where it is read.

    Attributes:
        seconds: For the head of a request from its first byte (the first one's: from the connection's beginning); for
            the rest of a body that nobody reads any more, because its request has been answered without it; and for the
            client to take any part of an answer.
    """

    seconds: ClassVar[float]
    _deadline: asyncio.TimerHandle | None = None
    _untaken: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for a first request."""
        super().connection_made(transport)
        # Writing pauses from the first byte on that the system does not take, and goes on when it has taken all: an
        # answer has been sent when the server goes on behind it.
        transport.set_write_buffer_limits(high=0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SYSTEM_BUFFER)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came, and go on waiting where that was not all."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        self._stop_waiting()
        self._stop_sending()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: a client that offers HTTP/2, as Java's does with each request, is answered in HTTP/1.1.

        uvicorn, whose method this is, warns twice of each, the second time of a missing library for WebSockets.
        """

    def pause_writing(self) -> None:
        """Begin to wait for the client to take what has been written."""
        super().pause_writing()
        self._wait_for_taker(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Write on."""
        super().resume_writing()
        self._stop_sending()

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

    def _wait_for_taker(self, n_bytes: int) -> None:
        """Look later whether any of the bytes that are left have been taken."""
        self._untaken = self.loop.call_later(self.seconds, self._look_for_taker, n_bytes)

    def _look_for_taker(self, n_before: int) -> None:
        n_bytes = self.transport.get_write_buffer_size()
        if n_bytes < n_before:
            self._wait_for_taker(n_bytes)
        else:
            self.transport.abort()

    def _stop_sending(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None


def timed_connection(limit: float) -> type[TimedConnection]:
    """Connections that wait for so many seconds."""

    class Timed(TimedConnection):
        seconds = limit

    return Timed
