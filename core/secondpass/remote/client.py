"""One service as its scorer sees it: documents go out, and what was found of each comes back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from secondpass.concurrency.per_process import PerProcess
from secondpass.errors import NoFingerprintError, RemoteError
from secondpass.ranking.readings import Reading
from secondpass.remote.address import address_of
from secondpass.remote.connections import Connections
from secondpass.remote.discovery import discover
from secondpass.remote.messages import Steps
from secondpass.remote.parts import PartSize, ask_part
from secondpass.remote.retries import Deadline
from secondpass.remote.server import Requests, Server
from secondpass.remote.settings import Settings
from secondpass.remote.transport import acarry_out, carry_out


class Client:
    """Asks one service, after it has found out once how that is to be asked.

    Args:
        settings: Where it is, and how patient to be.

    Raises:
        InputError: The address is none.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._address = address_of(settings.url)
        # A process that was forked opens its own.
        self._connections = PerProcess(partial(Connections, settings.api_key))
        self._known: _Known | None = None

    @property
    def shown(self) -> str:
        """The address for messages."""
        return self._address.shown

    def read(self, query: str, documents: Sequence[str], *, spans: bool) -> list[Reading]:
        """What the service finds of each document, in the given order.

        Args:
            query: What is asked.
            documents: At least one.
            spans: Ask for passages, where it has them.

        Raises:
            RemoteError: It gave no usable answer in time.
            InputError: A text is no Unicode text, or raw scores are wanted that it does not have.
        """
        deadline, client = Deadline(self._settings.timeout), self._connections.get().client()
        with self._without_key():
            known = self._known
            if known is None:
                (server,) = carry_out([self._discovery(deadline)], client, deadline)
                known = self._keep(server)
            parts = self._parts(known, query, documents, deadline, spans=spans)
            return list(chain.from_iterable(carry_out(parts, client, deadline)))

    async def aread(self, query: str, documents: Sequence[str], *, spans: bool) -> list[Reading]:
        """What `read` gives, without blocking the event loop."""
        deadline, client = Deadline(self._settings.timeout), await self._connections.get().async_client()
        with self._without_key():
            known = self._known
            if known is None:
                (server,) = await acarry_out([self._discovery(deadline)], client, deadline)
                known = self._keep(server)
            parts = self._parts(known, query, documents, deadline, spans=spans)
            return list(chain.from_iterable(await acarry_out(parts, client, deadline)))

    def fingerprint(self) -> str:
        """What the scores depend on, as the service tells it now.

        Raises:
            NoFingerprintError: It does not tell.
            RemoteError: It does not say how it is to be asked, or serves no such model.
            InputError: Raw scores are wanted, and it has none.
        """
        server = self._look(insists=True)
        if server.lacks is not None:
            raise RemoteError(f"{self.shown} must serve {self._settings.model}, it serves {server.lacks}")
        if server.fingerprint is None:
            raise NoFingerprintError(f"url must be of a service that tells what its scores depend on, got {self.shown}")
        return server.fingerprint

    def look_again(self) -> None:
        """Find out anew how the service is to be asked.

        Raises:
            RemoteError: It does not say.
            InputError: Raw scores are wanted, and it has none.
        """
        self._look(insists=False)

    def _look(self, *, insists: bool) -> Server:
        """What the service says of itself now, which it has to even where its API is known, if `insists`."""
        deadline, client = Deadline(self._settings.timeout), self._connections.get().client()
        with self._without_key():
            (server,) = carry_out([self._discovery(deadline, insists=insists)], client, deadline)
        return self._keep(server).server

    def close(self) -> None:
        """Close the connections, and forget what is known of the service."""
        self._known = None
        self._connections.get().close()

    async def aclose(self) -> None:
        """What `close` does, and waits for the connections of this event loop."""
        self._known = None
        await self._connections.get().aclose()

    def _discovery(self, deadline: Deadline, *, insists: bool = False) -> Steps[Server]:
        return discover(self._settings, self._address, deadline, insists=insists)

    def _keep(self, server: Server) -> "_Known":
        """Ask as this from now on; what a service was found to take at once stays known, whatever model it has now."""
        known = self._known
        if known is not None and replace(known.server, fingerprint=server.fingerprint) == server:
            size = known.size
        else:
            limits = [limit for limit in (self._settings.max_texts, server.most_documents) if limit is not None]
            size = PartSize(min(limits, default=None))
        self._known = known = _Known(server, size)
        return known

    def _parts(
        self, known: "_Known", query: str, documents: Sequence[str], deadline: Deadline, *, spans: bool
    ) -> list[Steps[list[Reading]]]:
        requests = Requests(known.server, query, self._settings, spans=spans)
        return [
            ask_part(requests, part, known.size, self._settings.retries, deadline)
            for part in known.size.split(documents)
        ]

    @contextmanager
    def _without_key(self) -> Iterator[None]:
        """Keep the API key out of errors, in which a service may repeat it."""
        key = self._settings.api_key
        try:
            yield
        except RemoteError as error:
            if key is None:
                raise
            parts = tuple(_without(key, part) if isinstance(part, str) else part for part in error.message_parts)
            if parts == error.message_parts:
                raise
            raise RemoteError(*parts, status=error.status) from None


def _without(key: str, said: str) -> str:
    """What is said, without a key, nor its beginning where long words were cut within it."""
    said = said.replace(key, "...")
    for n_left in range(len(key) - 1, 0, -1):
        if said.endswith(f"{key[:n_left]}..."):
            return f"{said[: -n_left - 3]}..."
    return said


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the service: how it is asked, and how much it takes at once."""

    server: Server
    size: PartSize
