"""A service that is known: where it is asked, in which API, and how much at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.remote.apis import Api
from secondpass.remote.messages import Ask
from secondpass.remote.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A service as it is asked.

    Args:
        api: What it speaks.
        url: Where requests go.
        most_documents: The most documents of a request; None: no known limit.
        fingerprint: What its scores depend on; None where it does not say.
        lacks: What it serves in place of the model that is asked for, in words, where it says that it has no such one.
    """

    api: Api
    url: str
    most_documents: int | None = None
    fingerprint: str | None = None
    lacks: str | None = None


@dataclass(frozen=True, slots=True)
class Requests:
    """What is sent for one query.

    Args:
        server: Where to.
        query: What is asked.
        settings: Which model and which unit.
        spans: Ask for passages, where the API has them.
    """

    server: Server
    query: str
    settings: Settings
    spans: bool

    def of(self, documents: Sequence[str]) -> Ask:
        """The request for these documents.

        Raises:
            InputError: A text is no Unicode text.
        """
        settings = self.settings
        body = self.server.api.body(
            self.query, documents, model=settings.model, raw=settings.raw_scores, spans=self.spans
        )
        return Ask(url=self.server.url, body=body)
