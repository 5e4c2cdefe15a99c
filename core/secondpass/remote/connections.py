"""Connections to one service: a pool for the threads of a process, and one for each of its event loops."""

import asyncio
import os
import ssl
import threading
import weakref
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from typing import Final, TypeAlias

import httpx

from secondpass.arguments import describe_error
from secondpass.errors import RemoteError

# Variables of the environment that httpx reads, in capitals; the first ones may be in small letters too.
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_CERTIFICATES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")

# Where the extensions of a response hold what its header of that name said.
LOCATION: Final = "location"

_Holder: TypeAlias = AsyncGenerator[httpx.AsyncClient, None]


class Connections:
    """The connections of a scorer in one process, opened when they are needed, and again after they were closed.

    Its threads share one pool, and every event loop has its own.

    Args:
        api_key: Sent with every request; None: none.
    """

    def __init__(self, api_key: str | None) -> None:
        self._headers = {"accept": "application/json", "user-agent": f"secondpass/{version('secondpass')}"}
        if api_key is not None:
            self._headers["authorization"] = f"Bearer {api_key}"
        self._guard = threading.Lock()
        self._client: httpx.Client | None = None
        self._of_loops: dict[asyncio.AbstractEventLoop, tuple[httpx.AsyncClient, _Holder]] = {}
        self._process = os.getpid()

    def client(self) -> httpx.Client:
        """That of the threads.

        Raises:
            RemoteError: The environment names proxies or certificates that httpx cannot use.
        """
        with self._guard:
            if self._client is None:
                certificates = _certificates()
                with _settings_of_environment(_PROXIES):
                    hooks = {"response": [_set_location_aside]}
                    self._client = httpx.Client(headers=self._headers, verify=certificates, event_hooks=hooks)
                weakref.finalize(self, _close, self._client, self._process)
            return self._client

    async def async_client(self) -> httpx.AsyncClient:
        """That of the running event loop.

        Raises:
            RemoteError: As `client`.
        """
        loop = asyncio.get_running_loop()
        held = self._of_loops.get(loop)
        if held is not None:
            return held[0]
        certificates = await asyncio.to_thread(_certificates)
        with self._guard:
            held = self._of_loops.get(loop)
            if held is not None:  # another task of this loop was faster
                return held[0]
            for ended in [other for other in self._of_loops if other.is_closed()]:
                del self._of_loops[ended]
            with _settings_of_environment(_PROXIES):
                hooks = {"response": [_aset_location_aside]}
                client = httpx.AsyncClient(headers=self._headers, verify=certificates, event_hooks=hooks)
            holder = _hold(client)
            self._of_loops[loop] = client, holder
        return await anext(holder)

    def close(self) -> None:
        """Close them; those of event loops that run are closed by these."""
        with self._guard:
            client, self._client = self._client, None
            # A generator that nobody holds is closed by its event loop.
            self._of_loops.clear()
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close them, and wait for those of the running event loop."""
        with self._guard:
            held = self._of_loops.pop(asyncio.get_running_loop(), None)
        if held is not None:
            await held[1].aclose()
        self.close()


def _set_location_aside(response: httpx.Response) -> None:
    """Keep httpx from the place that a redirect names: it reads that even where it is told not to follow it.

    What is no URL there, such as a login page's `gateway:8080/login`, is then an exception in place of the answer.
    """
    if "location" in response.headers:
        response.extensions[LOCATION] = response.headers.pop("location")


async def _aset_location_aside(response: httpx.Response) -> None:
    _set_location_aside(response)


@cache
def _certificates() -> ssl.SSLContext:
    """Those that httpx trusts, read once: that takes longer than a request."""
    with _settings_of_environment(_CERTIFICATES):
        return httpx.create_ssl_context()


@contextmanager
def _settings_of_environment(names: tuple[str, ...]) -> Iterator[None]:
    """Let httpx read variables of the environment; RemoteError, with those that are set, where it cannot use one.

    What it raises then has many types, and names neither the variable nor, of certificates, the file.
    """
    try:
        yield
    except Exception as error:
        given = [name for name in os.environ if name.upper() in names]
        raise RemoteError(
            f"{', '.join(given) or 'the environment'} must name what httpx can use, which says {describe_error(error)}"
        ) from error


async def _hold(client: httpx.AsyncClient) -> _Holder:
    """Hold a client for an event loop, which closes its generators before it ends, and so the client."""
    try:
        yield client
    finally:
        await client.aclose()


def _close(client: httpx.Client, process: int) -> None:
    """Close a client that nobody holds, in its own process: another one's connections are not to be ended here."""
    if os.getpid() == process:
        client.close()
