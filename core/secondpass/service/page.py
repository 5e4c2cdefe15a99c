"""The page at `/`: one file of ours, of which a browser runs what is in it and nothing else."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

from fastapi import Response

_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


async def page() -> Response:
    """The page on which people try the models that are served."""
    html, policy = _page()
    headers = {
        "content-security-policy": policy,
        "cache-control": "no-cache",  # another version may be served at the same place tomorrow
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return Response(html, headers=headers, media_type="text/html")


@cache
def _page() -> tuple[str, str]:
    """The page, and what a browser may do for it."""
    # Line ends as browsers hash them, however the file was checked out.
    html = (files(__package__) / "page.html").read_text(encoding="utf-8")
    return html, content_security_policy(html)


def content_security_policy(html: str) -> str:
    """A policy under which a page runs its own script and style, and asks its own server.

    Both are named by their hashes, so that markup in a document could run nothing even if the page let it in; and
    Trusted Types forbid the script every call that makes markup of a text.
    """
    allowed: dict[str, list[str]] = {"script": [], "style": []}
    for tag, text in _INLINE.findall(html):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        allowed[tag].append(f"'sha256-{digest}'")
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(allowed['script'])}",
            f"style-src {' '.join(allowed['style'])}",
            "connect-src 'self'",
            "img-src data:",  # its icon
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
