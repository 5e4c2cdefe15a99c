"""The service as a process: it listens, and when it is told to stop it first finishes what it accepted."""

import logging
import os
import socket
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from secondpass.errors import InputError
from secondpass.service.connections import timed_connection
from secondpass.service.request_log import LOGGER
from secondpass.service.service import Service

# Seconds for the last answers to reach their clients when the time to drain is over.
_LAST_ANSWERS = 5


def serve(app: FastAPI, *, host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serve an app of `create_app` until a signal ends it.

    SIGTERM or SIGINT: new requests are refused with 503 and `/ready` says no, accepted ones are answered, and the call
    returns when that is done or the app's `limits.drain_seconds` are over; then who still waits is told so, with 503. A
    second signal ends these seconds.

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
    """A socket that has the address, and does not listen yet: who connects now is refused, and need not wait.

    Raises:
        InputError: The address is not to be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise InputError(f"host and port must be free to listen at, got {host}:{port}: {error}") from error
    return bound


def serve_at(bound: socket.socket, app: FastAPI) -> None:
    """Serve an app at a socket of `bind`; see `serve`."""
    service: Service = app.state.service
    config = uvicorn.Config(
        app,
        http=timed_connection(service.limits.body_seconds),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_LAST_ANSWERS,
    )
    _DrainingServer(config, service).run(sockets=[bound])
    if not service.close(timeout=1.0):
        # A model that hangs in its own code cannot be stopped, and must not keep the process.
        LOGGER.error("a model did not come back: leaving without it")
        logging.shutdown()
        os._exit(0)


class _DrainingServer(uvicorn.Server):
    """Answers what it accepted before it ends, and tells others to go elsewhere meanwhile."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._end: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        for bound in sockets or ():
            host, port = bound.getsockname()[:2]
            LOGGER.info("serving at http://%s:%d", f"[{host}]" if ":" in host else host, port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Begin to stop; at a second signal, wait no longer for what was accepted.

        uvicorn would end the process by the signal, and not with 0.
        """
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
