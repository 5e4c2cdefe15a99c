"""What is said between a scorer and a service, apart from how it travels.

A conversation is a generator. It yields what is to be done next, an `Ask` or a `Wait`, gets what came of it, and
returns its result: threads and event loops both can carry it out.
"""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request to send.

    Args:
        url: Where to.
        body: JSON to post; None gets the page.
        most_seconds: How long to wait for the answer, where that is less than what the call has left.
    """

    url: str
    body: bytes | None = None
    most_seconds: float | None = None

    @property
    def shown(self) -> str:
        """The address for messages: behind a `?` some services take their keys."""
        return self.url.partition("?")[0]

    @property
    def method(self) -> Literal["GET", "POST"]:
        """Of HTTP."""
        return "GET" if self.body is None else "POST"


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Args:
        status: Of HTTP.
        headers: By their names in lower case.
        content: The body.
        location: Where it sends whoever asked, as it says that, which may be no URL; "" where it does not.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    location: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it is an answer and no refusal."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's

    @property
    def is_redirect(self) -> bool:
        """Whether what was asked for is elsewhere."""
        return 300 <= self.status < 400  # noqa: PLR2004 - HTTP's

    @property
    def is_server_error(self) -> bool:
        """Whether the server could not do what it was asked."""
        return self.status >= 500  # noqa: PLR2004 - HTTP's

    def json(self) -> object:
        """The body, read as JSON.

        Raises:
            ValueError: It is none.
        """
        try:
            return json.loads(self.content)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


@dataclass(frozen=True, slots=True)
class Lost:
    """A request without an answer.

    Args:
        reason: What went wrong, in words that follow on the address.
        is_final: Whether there is no time left to try again.
    """

    reason: str
    is_final: bool = False


Outcome: TypeAlias = Answer | Lost | None
"""What came of a step; None of a `Wait`."""

ResultT = TypeVar("ResultT")
Steps: TypeAlias = Generator[Ask | Wait, Outcome, ResultT]
