"""The page at `/`, as it is sent: one file, and a policy that lets a browser do what is in it and no more."""

import base64
import hashlib
import re

import pytest
from serving import ask, overlap_app

from secondpass.service.page import content_security_policy


@pytest.mark.parametrize("keys", [[], ["secret"]])
def test_everyone_who_reaches_the_server_gets_the_page(keys: list[str]) -> None:
    answered = ask(overlap_app(api_keys=keys), "GET", "/")
    assert answered.status_code == 200
    assert answered.headers["content-type"] == "text/html; charset=utf-8"
    assert answered.headers["cache-control"] == "no-cache"
    assert answered.text.startswith("<!doctype html>")
    head = ask(overlap_app(api_keys=keys), "HEAD", "/")
    assert (head.status_code, head.headers["content-length"]) == (200, answered.headers["content-length"])


def test_the_page_is_one_file_and_fetches_nothing_from_elsewhere() -> None:
    html = ask(overlap_app(), "GET", "/").text
    assert re.findall(r"\b(?:src|srcset|action|poster)=", html) == []
    assert [link[:5] for link in re.findall(r'\bhref="([^"]*)"', html)] == ["data:", "docs"]
    assert re.findall(r"url\(|@import|//[a-z0-9-]+\.", html.replace("http://www.w3.org/2000/svg", "")) == []


def test_the_policy_allows_the_pages_own_script_and_style_by_their_hashes() -> None:
    answered = ask(overlap_app(), "GET", "/")
    directives = dict(part.split(" ", 1) for part in answered.headers["content-security-policy"].split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["connect-src"] == "'self'"
    assert directives["frame-ancestors"] == directives["base-uri"] == directives["form-action"] == "'none'"
    assert directives["require-trusted-types-for"] == "'script'"
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", answered.text, re.DOTALL)
        expected = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert directives[f"{tag}-src"] == f"'sha256-{expected}'"


def test_the_policy_names_a_hash_that_is_known() -> None:
    # The example of Content Security Policy Level 2 for hashes of script elements.
    policy = content_security_policy("<script>alert('Hello, world.');</script>")
    assert "script-src 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='" in policy
