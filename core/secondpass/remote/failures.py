"""What went wrong with a service, in one line: its address, its status, and what it says itself."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urldefrag, urljoin

from secondpass.errors import RemoteError
from secondpass.files.printable import printable
from secondpass.remote.messages import Answer, Ask, Lost, Outcome

# Characters of a server's own words that are repeated.
_MOST_WORDS: Final = 300
# How services name one of the documents of a request: `documents[3]`, FastAPI's `documents.3`, and the words of our own
# errors.
_PLACE: Final = re.compile(
    r"((?:(?<=\bdocuments[.\[])|(?<=\btexts[.\[])"
    r"|(?<=\bfor document )|(?<=\bfor pair )|(?<=\bof pair )|(?<=: pair ))\d+)\b"
)


def refusal(ask: Ask, answer: Answer, behind: str = "") -> RemoteError:
    """The error for an answer that is none.

    Args:
        ask: What was sent.
        answer: What came.
        behind: More to say.
    """
    # Every other part is the number of a document.
    words = [int(part) if number % 2 else part for number, part in enumerate(_PLACE.split(_quoted(words_of(answer))))]
    answered = f"{ask.shown} answered {status_in_words(answer.status)}{_moved(ask, answer)}"
    return RemoteError(answered, *words, behind, status=answer.status)


def given_up(ask: Ask, outcome: Outcome, behind: str = "") -> RemoteError:
    """The error for a request that nobody will send again."""
    if isinstance(outcome, Answer):
        return refusal(ask, outcome, behind)
    reason = outcome.reason if isinstance(outcome, Lost) else "did not answer"
    return RemoteError(f"{ask.shown} {reason}{behind}")


def words_of(answer: Answer) -> str:
    """What a server says of a failure, in any of the forms that APIs have for it; "" where it says nothing readable.

    A page of HTML says nothing: it is a proxy's, and long.
    """
    try:
        said = _message(answer.json())
    except (ValueError, RecursionError):
        kind = answer.headers.get("content-type", "")
        said = answer.content.decode(errors="replace") if kind.startswith("text/plain") else ""
    line = printable(re.sub(r"\s+", " ", said).strip())
    return line if len(line) <= _MOST_WORDS else line[: _MOST_WORDS - 3] + "..."


def _message(content: object) -> str:
    """The message in a body: `{error}`, `{message}`, `{detail}`, and what lies in these."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return next(
            (found for name in ("message", "error", "detail", "msg") if (found := _message(content.get(name)))), ""
        )
    if isinstance(content, list):
        return "; ".join(filter(None, map(_message, content[:3])))
    return ""


def _moved(ask: Ask, answer: Answer) -> str:
    """Where a redirect leads, and what to make of it; without a query string, in which some services take their keys.

    A page that was asked what the service is says of no more than its server that it is elsewhere.
    """
    if not answer.location:
        return ""
    try:
        target = urldefrag(urljoin(ask.url, answer.location)).url
    except ValueError:
        target = answer.location
    place, mark, _ = target.partition("?")
    advice = ": give that as url" if ask.body is not None else ": give the address of that server as url"
    is_url = place.startswith(("http://", "https://"))
    return f" to {printable(place)}{mark and '?...'}{advice if is_url else ''}"


def status_in_words(status: int) -> str:
    """As people write it, such as "503 Service Unavailable"."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _quoted(words: str) -> str:
    return f": {words}" if words else ""
