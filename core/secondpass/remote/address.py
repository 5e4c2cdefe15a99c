"""Where a service is: the forms in which people write its URL."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

from secondpass.arguments import describe
from secondpass.errors import InputError, InputTypeError

_RULE: Final = "url must be an address such as http://localhost:8080"
_VERSIONED: Final = re.compile(r"(?P<root>.*?)(?P<version>/v[12])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A service's address, taken apart.

    Args:
        host: The host's name, in lower case.
        root: What every path of the service is put behind; without a slash at its end.
        version: "/v1" or "/v2" where the address ended in it, else "".
        endpoint: The place for requests where the whole of it was given, as it was written, else None.
    """

    host: str
    root: str
    version: str = ""
    endpoint: str | None = None

    @property
    def shown(self) -> str:
        """The address for messages: without a query string, in which some services take their keys."""
        if self.endpoint is None:
            return self.root + self.version
        return self.endpoint.partition("?")[0]

    def rerank_url(self, path: str) -> str:
        """Where requests go, if the API has them at `path`: what was given wins."""
        if self.endpoint is not None:
            return self.endpoint
        return f"{self.root}{self.version}/rerank" if self.version else self.root + path

    def only_url(self, path: str) -> str:
        """Where requests go, if the server has the API at `path` alone: what was given tells which server that is."""
        query = "" if self.endpoint is None else "".join(self.endpoint.partition("?")[1:])
        return self.root + path + query


def address_of(url: object) -> Address:
    """The address in a URL: of a server, of a version of its API (`…/v1`), or of the endpoint itself (`…/v1/rerank`).

    Raises:
        InputError: It is no http(s) address, or holds what belongs elsewhere, such as a password.
    """
    if not isinstance(url, str):
        raise InputTypeError(f"{_RULE}, got {describe(url)}")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = httpx.URL(url).host  # httpx has rules of its own for names of hosts
        host.encode("idna")  # and so have sockets: they would say so of every request
    except (ValueError, httpx.InvalidURL) as error:
        raise InputError(f"{_RULE}: {error}, got {url!r}") from error
    if parts.username is not None or parts.password is not None:  # it would be shown wherever the address is
        raise InputError("url must hold no user name or password: give the service's key as api_key=...")
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise InputError(f"{_RULE}, got {url!r}")
    if parts.fragment:
        raise InputError(f"url must have no fragment (#...), got {url!r}")
    written = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    origin = f"{parts.scheme}://{written}" + ("" if port is None else f":{port}")
    path = parts.path.rstrip("/")  # behind a base; to an endpoint it may be another place, which answers a redirect
    is_endpoint = path.rpartition("/")[2] == "rerank"
    if parts.query and not is_endpoint:
        raise InputError("url must have no query string (?...) unless it is the whole URL of an endpoint, …/rerank")
    base = path.rpartition("/")[0] if is_endpoint else path
    versioned = _VERSIONED.fullmatch(base)
    root, version = (base, "") if versioned is None else (versioned["root"], versioned["version"] or "")
    return Address(
        host=parts.hostname,
        root=origin + root,
        version=version,
        endpoint=origin + parts.path + (f"?{parts.query}" if parts.query else "") if is_endpoint else None,
    )
