"""What a remote scorer may be told, and what the parts of it compute."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass import RemoteScorer
from secondpass.errors import InputError, InputTypeError, RemoteError
from secondpass.remote.address import address_of
from secondpass.remote.apis import APIS
from secondpass.remote.messages import Answer, Ask, Lost, Wait
from secondpass.remote.parts import Part, PartSize
from secondpass.remote.retries import Deadline, exchange, pause, retry_after

URL = "http://localhost:8080"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "localhost:8080"}, "url must be an address such as http://localhost:8080, got 'localhost:8080'"),
        ({"url": "ftp://host"}, "url must be an address such as "),
        ({"url": "http://"}, "url must be an address such as "),
        ({"url": "http://host:99999"}, "url must be an address such as .*[Pp]ort"),
        ({"url": "http://a..b"}, "url must be an address such as .*, got 'http://a..b'"),
        ({"url": f"http://{'a' * 64}.example"}, "url must be an address such as "),
        ({"url": "http://xn--/"}, "url must be an address such as "),
        ({"url": "http://a host"}, "url must be an address such as "),
        ({"url": 3}, "url must be an address such as .*, got int 3"),
        ({"url": "http://me:secret@host"}, "url must hold no user name or password: give the service's key as api_key"),
        ({"url": "http://host/#part"}, r"url must have no fragment \(#\.\.\.\), got"),
        ({"url": "http://host?key=secret"}, r"url must have no query string \(\?\.\.\.\) unless"),
        ({"api": "tgi"}, 'api must be one of "auto", "secondpass", "tei", .*, got \'tgi\''),
        ({"model": 3}, "model must be text or None, got int 3"),
        ({"model": "m\ud800"}, r"model must be Unicode text, has the lone surrogate '\\ud800' at character 1"),
        ({"url": "http://host/\ud800"}, "url must be an address such as "),
        ({"api_key": ""}, "api_key must be ASCII characters without spaces or line ends, got something else"),
        ({"api_key": "secret\n"}, "api_key must be ASCII characters without"),
        ({"api_key": b"secret"}, "api_key must be text or None, got bytes$"),
        ({"timeout": 0}, r"timeout must be greater than 0 and at most \d+, .*, in seconds, got 0"),
        ({"timeout": float("nan")}, r"timeout must be greater than 0 and at most \d+, .*, in seconds, got nan"),
        ({"timeout": float("inf")}, r"timeout must be greater than 0 and at most \d+, .*, in seconds, got inf"),
        ({"timeout": 1e10}, r"timeout must be greater than 0 and at most \d+, .*, in seconds, got 10000000000\.0"),
        ({"timeout": 10**5000}, "timeout must be a number of double precision, got an integer above all of them"),
        ({"timeout": None}, "timeout must be a number of seconds, got NoneType None"),
        ({"retries": -1}, "retries must be at least 0, got -1"),
        ({"retries": 1.5}, "retries must be an integer, got float 1.5"),
        ({"max_texts": 0}, "max_texts must be at least 1, got 0"),
        ({"raw_scores": 1}, "raw_scores must be True or False, got int 1"),
        ({"raw_scores": True, "api": "cohere"}, 'raw_scores must be False with the API "cohere", which has none'),
        (
            {"raw_scores": True, "on_failure": "keep_order"},
            'on_failure must be "raise" with raw_scores=True, got "keep_order": raw scores may be below 0',
        ),
        ({"on_failure": "ignore"}, 'on_failure must be one of "raise", "keep_order", got \'ignore\''),
    ],
)
def test_arguments_are_checked_at_once(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        RemoteScorer(**{"url": URL, **arguments})
    assert "secret" not in str(caught.value)


def test_a_wrong_type_is_a_type_error() -> None:
    with pytest.raises(InputTypeError):
        RemoteScorer(URL, timeout="30")  # type: ignore[arg-type] # what the check is for


@pytest.mark.parametrize(
    ("url", "root", "asked"),
    [
        ("http://host", "http://host", "http://host/rerank"),
        ("HTTPS://Host:8443/", "https://host:8443", "https://host:8443/rerank"),
        ("http://[::1]:8080/a/b/", "http://[::1]:8080/a/b", "http://[::1]:8080/a/b/rerank"),
        ("http://host/v1", "http://host", "http://host/v1/rerank"),
        ("http://host/a/v2/", "http://host/a", "http://host/a/v2/rerank"),
        ("http://host/v1/rerank", "http://host", "http://host/v1/rerank"),
        ("http://host/v1/rerank/", "http://host", "http://host/v1/rerank/"),
        ("http://host/rerank/?version=3", "http://host", "http://host/rerank/?version=3"),
        ("http://host/rerank?version=3", "http://host", "http://host/rerank?version=3"),
        ("http://host/v10", "http://host/v10", "http://host/v10/rerank"),
        ("http://host/bge-rerank", "http://host/bge-rerank", "http://host/bge-rerank/rerank"),
        ("http://host/bge-rerank/v1/rerank", "http://host/bge-rerank", "http://host/bge-rerank/v1/rerank"),
    ],
)
def test_an_address_in_any_form(url: str, root: str, asked: str) -> None:
    address = address_of(url)
    assert (address.root, address.rerank_url("/rerank")) == (root, asked)
    assert "?" not in address.shown


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({"url": URL}, f"RemoteScorer('{URL}', api='auto')"),
        (
            {"url": "http://host/v1/rerank?key=secret", "api": "jina", "model": "a/model"},
            "RemoteScorer('http://host/v1/rerank', api='jina', model='a/model')",
        ),
    ],
)
def test_a_scorer_is_shown_as_it_is_asked_without_keys(arguments: dict[str, Any], shown: str) -> None:
    assert repr(RemoteScorer(**arguments)) == shown


def test_every_api_is_listed_under_its_name() -> None:
    assert all(api.name == name for name, api in APIS.items())


@given(st.integers(1, 500), st.integers(1, 60))
def test_parts_hold_every_document_once_and_are_of_about_one_size(n_documents: int, most: int) -> None:
    documents = [str(number) for number in range(n_documents)]
    parts = PartSize(most).split(documents)
    assert [document for part in parts for document in part.documents] == documents
    sizes = [len(part.documents) for part in parts]
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1
    assert len(parts) == -(-n_documents // most)


def test_a_size_only_falls() -> None:
    size = PartSize(None)
    assert size.split(["a"] * 9) == [Part(0, ["a"] * 9)]
    size.lower(4)
    size.lower(6)
    assert size.split(["a"] * 9) == [Part(start, ["a"] * 3) for start in (0, 3, 6)]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2", 2.0),
        (" 0 ", 0.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0.0),  # of no known zone (RFC 5322, 3.3)
        ("Fri, 27 Nov 99999999999999 08:00:00 GMT", None),
        ("Fri, 27 Nov 2026 08:00:00 +99999999999999", None),
    ],
)
def test_retry_after_is_read(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}) == seconds


@given(st.integers(1, 30))
def test_pauses_grow_with_jitter_up_to_a_limit(n_tries: int) -> None:
    longest = min(8.0, 0.25 * 2 ** (n_tries - 1))
    assert longest / 2 <= pause(n_tries, None) <= longest


@given(st.floats(0, 100))
def test_a_server_is_never_asked_sooner_than_it_wants(asked: float) -> None:
    assert asked <= pause(1, asked) <= asked + max(asked, 0.25) / 4


@given(st.floats(0.01, 30), st.floats(0, 1))
def test_nothing_is_tried_that_would_begin_too_late(seconds: float, each: float) -> None:
    now, began = 0.0, []
    steps = exchange(Ask(url=URL), 99, Deadline(seconds, clock=lambda: now))

    def carry_out() -> None:
        nonlocal now
        step = next(steps)
        while True:
            if isinstance(step, Wait):
                now += step.seconds
                step = steps.send(None)
            else:
                began.append(now)
                now += each
                step = steps.send(Lost("could not be reached"))

    with pytest.raises(RemoteError, match=r"could not be reached( \(tried \d+ times\))?; another try in .* too late"):
        carry_out()
    assert all(moment < seconds for moment in began)
    assert now < seconds + each


def test_a_good_answer_ends_it() -> None:
    steps = exchange(Ask(url=URL), 3, Deadline(1.0))
    next(steps)
    with pytest.raises(StopIteration) as done:
        steps.send(Answer(200, {}, b"[]"))
    assert done.value.value.content == b"[]"
