"""Why a request gets no answer: one exception, which every API's shape puts into its own words."""

from enum import Enum


class Kind(Enum):
    """What went wrong.

    Attributes:
        status: The HTTP status that most APIs give it.
        meaning: What it is, for readers of the OpenAPI document.
    """

    MALFORMED = (400, "The body is no JSON object.")
    UNAUTHORIZED = (401, "The API key is missing or unknown.")
    UNKNOWN_MODEL = (404, "No model of that name is served.")
    TOO_SLOW = (408, "The body did not arrive in time.")
    TOO_LARGE = (413, "The request is larger than this server takes.")
    UNREADABLE = (415, "The body is in an encoding that is not read.")
    INVALID = (422, "A field breaks a rule.")
    OVERLOADED = (429, "Too much waits already; Retry-After says for how long.")
    FAILED = (500, "The model gave no scores.")
    UNAVAILABLE = (503, "The server is about to stop.")

    def __init__(self, status: int, meaning: str) -> None:
        self.status = status
        self.meaning = meaning


class Problem(Exception):  # noqa: N818 - the word of RFC 9457 for what an HTTP API could not do
    """A request that gets no answer.

    Args:
        kind: What went wrong.
        message: For the caller, in the caller's words.
        parameter: The field that is to blame, if it is one.
        retry_after: Seconds until it is worth another try, if it ever is.
    """

    def __init__(
        self, kind: Kind, message: str, *, parameter: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.parameter = parameter
        self.retry_after = retry_after


def stopping(message: str) -> Problem:
    """This server is about to stop, and another one or its successor may answer."""
    return Problem(Kind.UNAVAILABLE, message, retry_after=1)


def invalid(message: str, parameter: str | None = None) -> Problem:
    """A field breaks a rule."""
    return Problem(Kind.INVALID, message, parameter=parameter)
