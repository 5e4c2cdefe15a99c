"""The service as a process: it listens, and when it is told to stop it first finishes what it accepted."""

import errno
import socket
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from secondpass.errors import InputError
from secondpass.service.connections import timed_connection
from secondpass.service.request_log import LOGGER
from secondpass.service.service import Service

_CLOSE = (b"connection", b"close")
# How long a connection without a request stays open: longer than load balancers and clients keep theirs (60 seconds are
# common, httpx has 5, as uvicorn has), for who closes first must be the one that sends the next request.
_IDLE_SECONDS = 75


def serve(app: FastAPI, *, host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serve an app of `create_app` until a signal ends it.

    SIGTERM or SIGINT: new requests are refused with 503 and `/ready` says no, accepted ones are answered, and the call
    returns when that is done or the app's `limits.drain_seconds` are over; then who still waits is told so, with 503. A
    second signal ends these seconds. A model that hangs is left to its thread, which the log tells.

    Args:
        app: What is served.
        host: The address to listen at; "0.0.0.0" for all of the machine's.
        port: 0 takes a free one.

    Raises:
        InputError: The address cannot be listened at.
    """
    with bind(host, port) as listener:
        serve_at(listener, app)


def bind(host: str, port: int) -> socket.socket:
    """A socket that alone has the address, and does not listen yet: who connects now is refused, and need not wait.

    Raises:
        InputError: The address is not to be had, as where another socket of `bind` has it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    try:
        _bind_alone(bound, host, port)
    except (OSError, OverflowError) as error:
        bound.close()
        raise _not_free(host, port, error) from error
    return bound


def _bind_alone(bound: socket.socket, host: str, port: int) -> None:
    """Bind a socket so that no other one can be, even before it listens.

    Linux lets any number of sockets have one address as long as all of them have SO_REUSEADDR and none listens. Without
    the option, though, connections that have just ended keep the address for a minute from a server that starts again:
    there it is needed, and only for the moment of binding.
    """
    try:
        bound.bind((host, port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)


def _listen(bound: socket.socket, backlog: int) -> None:
    """Begin to listen: uvloop would only log where that fails.

    Raises:
        InputError: Another socket listens at the address by now.
    """
    # Its connections inherit the option, without which they would keep the address from the next server.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.listen(backlog)
    except OSError as error:
        host, port = bound.getsockname()[:2]
        raise _not_free(host, port, error) from error


def _not_free(host: str, port: int, error: Exception) -> InputError:
    return InputError(f"host and port must be free to listen at, got {host}:{port}: {error}")


def serve_at(bound: socket.socket, app: FastAPI, *, last_seconds: float = 5.0) -> bool:
    """Serve an app at a socket of `bind`; see `serve`.

    Args:
        bound: Where.
        app: What is served.
        last_seconds: For the last answers to reach their clients when the time to drain is over.

    Returns:
        Whether all models came back; one that hangs in its own code cannot be stopped.

    Raises:
        InputError: Another socket listens at the address by now.
    """
    service: Service = app.state.service
    config = uvicorn.Config(
        app,
        http=timed_connection(service.limits.body_seconds),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=last_seconds,  # type: ignore[arg-type] # asyncio waits for parts of seconds, too
    )
    _listen(bound, config.backlog)
    _DrainingServer(config, service).run(sockets=[bound])
    has_ended = service.close(timeout=1.0)
    if not has_ended:
        LOGGER.error("a model did not come back: leaving without it")
    return has_ended


class _DrainingServer(uvicorn.Server):
    """Answers what it accepted before it ends, and tells others to go elsewhere meanwhile."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._end: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say where."""
        addresses = [bound.getsockname()[:2] for bound in sockets or ()]
        await super().startup(sockets)
        for host, port in addresses:
            LOGGER.info("serving at http://%s:%d", f"[{host}]" if ":" in host else host, port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Begin to stop; at a second signal, wait no longer for what was accepted.

        Connections end with their next answer: kept open, they would lead here until they are cut, if amid a request.
        uvicorn would end the process by the signal, and not with 0.
        """
        if self._end is None:
            # uvicorn makes its headers anew once a second, of those of its settings.
            self.config.encoded_headers = [*self.config.encoded_headers, _CLOSE]
            self.server_state.default_headers = [*self.server_state.default_headers, _CLOSE]
        seconds = self._service.limits.drain_seconds if self._end is None else 0.0
        self._end = time.monotonic() + seconds
        self._service.drain()

    async def on_tick(self, counter: int) -> bool:
        """Whether to leave the main loop; asked ten times a second."""
        if self._end is not None:
            is_late = time.monotonic() > self._end
            if is_late:
                self._service.close()
            self.should_exit = self.should_exit or is_late or self._service.n_open == 0
        return await super().on_tick(counter)
