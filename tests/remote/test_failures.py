"""Services that misbehave: what passes is tried again, what is wrong is refused, and no score is ever made up."""

import asyncio
import re
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from fake_service import TEI_PAGES, Reply, closed_url, faking, score_of

from secondpass import CachedScorer, RemoteScorer
from secondpass.errors import InputError, RemoteError, ScoringError
from secondpass.errors.item_numbers import caller_numbers
from secondpass.remote import discovery
from secondpass.remote.address import address_of
from secondpass.remote.messages import Ask
from secondpass.remote.retries import Deadline
from secondpass.remote.settings import Settings

QUERY, DOCUMENTS = "query", ["four", "a", "seven..", "", "eleven"]
RIGHT = [score_of(text) for text in DOCUMENTS]
SHORT = DOCUMENTS[:3]
NOW = {"retry-after": "0", "content-type": "application/json"}
PAGE = b"<!DOCTYPE html><html><body><h1>Bad gateway, and a long story</h1></body></html>"
HTML = {"content-type": "text/html"}

# How a scorer is asked: from a thread, and awaited.
Score = Callable[[RemoteScorer, str, Sequence[str]], list[float]]


def called(scorer: RemoteScorer, query: str, documents: Sequence[str]) -> list[float]:
    with scorer:
        return scorer.score(query, documents)


def awaited(scorer: RemoteScorer, query: str, documents: Sequence[str]) -> list[float]:
    return asyncio.run(scorer.ascore(query, documents))


@pytest.fixture(params=[called, awaited])
def score(request: pytest.FixtureRequest) -> Score:
    ask: Score = request.param
    return ask


def results(change: Callable[[list[Any]], Any]) -> Reply:
    return Reply(change=change)


# A reply -> what the error says of it.
BROKEN: dict[str, tuple[Reply, str]] = {
    "one is missing": (results(lambda all_: all_[1:]), r"all 3 documents must come back, 1 did not: 1"),
    "one comes twice": (results(lambda all_: [*all_, all_[0]]), r"every index must come once, got 1 twice"),
    "another one's index": (results(lambda all_: [{**all_[0], "index": 3}, *all_[1:]]), r"from 0 to 2, got 3"),
    "a negative index": (results(lambda all_: [{**all_[0], "index": -1}, *all_[1:]]), r"from 0 to 2, got -1"),
    "an index of true": (results(lambda all_: [{**all_[0], "index": True}, *all_[1:]]), r"from 0 to 2, got True"),
    "no index": (results(lambda all_: [{"score": 1.0} for _ in all_]), r"from 0 to 2, got None"),
    "NaN": (results(lambda all_: [{**all_[0], "score": float("nan")}, *all_[1:]]), "must be a finite number, got nan"),
    "infinity": (results(lambda all_: [{**all_[0], "score": float("inf")}, *all_[1:]]), "a finite number, got inf"),
    "a word": (
        results(lambda all_: [{**all_[0], "score": "high"}, *all_[1:]]),
        "finite number, got 'high' for document 1",
    ),
    "no score": (results(lambda all_: [{"index": one["index"]} for one in all_]), "must be a finite number, got None"),
    "more than a number": (
        Reply(200, b'{"results": [{"index": 0, "score": 1' + b"0" * 400 + b"}]}"),
        "must be a finite number, got 1000",
    ),
    "a span of more than a number": (
        Reply(
            200,
            b'[{"index": 0, "score": 1, "relevant_spans": [{"start": 0, "end": 1, "score": 1' + b"0" * 400 + b"}]}]",
        ),
        "a span must lie within its document",
    ),
    "a span of truths": (
        Reply(200, [{"index": 0, "score": 1, "relevant_spans": [{"start": False, "end": True, "score": True}]}]),
        "a span must lie within its document",
    ),
    "an error in many lists": (Reply(400, b"[" * 900 + b"]" * 900), "answered 400 Bad Request$"),
    "a redirection to no host": (
        Reply(307, b"", {"location": "http://xn--/rerank"}),
        "answered 307 Temporary Redirect to http://xn--/rerank",
    ),
    "a redirection to no URL": (Reply(302, b"", {"location": "gateway:8080/login"}), "302 Found to gateway:8080/login"),
    "a redirection to a blank page": (Reply(302, b"", {"location": "about:blank"}), "302 Found to about:blank"),
    "a redirection to a telephone": (Reply(301, b"", {"location": "tel:1"}), "301 Moved Permanently to tel:1"),
    "a redirection to a port that is none": (
        Reply(301, b"", {"location": "http://h:x/"}),
        "Permanently to http://h:x/",
    ),
    "no results": (results(lambda _: {"status": "fine"}), "must hold a list of results, got an object with status"),
    "numbers": (results(lambda _: [1.0, 2.0, 3.0]), "must hold a list of results, got a list of something else"),
    "a page": (Reply(200, PAGE, HTML), r"must be JSON, got 79 bytes \(text/html\)"),
    "half a list": (Reply(200, b'[{"index": 0, "score": 0.5}, {"ind'), "must be JSON, got 34 bytes"),
    "a redirection": (
        Reply(307, b"", {"location": "https://elsewhere/rerank?key=secret"}),
        r"answered 307 Temporary Redirect to https://elsewhere/rerank\?\.\.\.: give that as url$",
    ),
    "an error as a page": (Reply(500, PAGE, HTML), "answered 500 Internal Server Error$"),
    "TEI's error": (Reply(424, {"error": "no backend", "error_type": "Backend"}), "424 Failed Dependency: no backend$"),
    "vLLM's error": (Reply(400, {"error": {"message": "no such thing"}}), "answered 400 Bad Request: no such thing$"),
    "Cohere's error": (Reply(404, {"message": "no model"}), "answered 404 Not Found: no model$"),
    "FastAPI's error": (Reply(422, {"detail": [{"msg": "wrong", "loc": []}]}), "422 Unprocessable .*: wrong$"),
    "an error as text": (Reply(403, b"go\naway", {"content-type": "text/plain"}), "answered 403 Forbidden: go away$"),
    "an error as text of another encoding": (
        Reply(403, b"caf\xe9", {"content-type": "text/plain"}),
        "403 Forbidden: caf\N{REPLACEMENT CHARACTER}$",
    ),
    "half a surrogate pair": (Reply(400, {"message": "no \ud800 here"}), r"answered 400 Bad Request: no \\ud800 here$"),
    "half of one as a field": (Reply(200, {"\ud800": 1}), r"got an object with \\ud800$"),
    "half of one as a score": (results(lambda all_: [{**all_[0], "score": "\ud800"}, *all_[1:]]), r"got '\\ud800' for"),
    "what terminals obey": (
        Reply(400, {"message": "no\r\n\t\x1b]0;title\x07 \x9b2J"}),
        r"answered 400 Bad Request: no \\x1b\]0;title\\x07 \\x9b2J$",
    ),
    "a redirection to what terminals obey": (
        Reply(302, b"", {"location": "http://h/\x1b[2J\x9b2J"}),
        r"Found to http://h/\\x1b\[2J\\x9b2J: give",
    ),
    "a content type that terminals obey": (Reply(200, b"", {"content-type": "a\x1b[2J"}), r"0 bytes \(a\\x1b\[2J\)$"),
    "a field that terminals obey": (Reply(200, {"\x1b[2J": 1}), r"got an object with \\x1b\[2J$"),
    "an unknown status": (Reply(599, b""), "answered 599$"),
}


@pytest.mark.parametrize(("reply", "message"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_used_is_refused_at_once(reply: Reply, message: str, score: Score) -> None:
    with faking([reply]) as fake:
        with pytest.raises(RemoteError, match=message) as caught:
            score(RemoteScorer(fake.url), QUERY, SHORT)
        assert len(fake.posts) == 1
    assert str(caught.value).startswith(f"{fake.url}/rerank ")
    assert "<" not in str(caught.value)
    assert str(caught.value).encode()
    assert isinstance(caught.value, ScoringError)


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("/v1/rerank/", "/v1/rerank", "/v1/rerank"),
        ("/v1/rerank", "/v1/rerank/", "/v1/rerank/"),
        ("/v1/rerank", "rerank/", "/v1/rerank/"),
        ("/a/rerank", "../b/rerank#top", "/b/rerank"),
    ],
)
def test_the_place_of_a_redirect_is_one_that_can_be_given_as_url(
    url: str, location: str, target: str, score: Score
) -> None:
    with faking([Reply(308, b"", {"location": location})]) as fake:
        message = rf"{url} answered 308 Permanent Redirect to {fake.url}{target}: give that as url$"
        with pytest.raises(RemoteError, match=message):
            score(RemoteScorer(fake.url + url, api="jina"), QUERY, SHORT)
        assert score(RemoteScorer(fake.url + target, api="jina"), QUERY, SHORT) == RIGHT[:3]
        assert [path for path, *_ in fake.posts] == [url, target], "an endpoint is asked as it stands"


def test_a_document_without_a_usable_score_is_told_from_a_service_that_makes_no_sense(score: Score) -> None:
    """By the status: a job scores the other documents of the one, and ends for the other."""
    for name, status in (("NaN", 200), ("a word", 200), ("one is missing", 200), ("a page", None)):
        with faking([BROKEN[name][0]]) as fake, pytest.raises(RemoteError) as caught:
            score(RemoteScorer(fake.url), QUERY, SHORT)
        assert caught.value.status == status


@pytest.mark.parametrize(
    "reply",
    [
        results(lambda all_: all_[::-1]),
        Reply(headers={"content-type": "text/plain"}),
        results(lambda all_: [{**one, "text": "…", "more": None} for one in all_]),
    ],
)
def test_order_type_and_more_fields_do_not_matter(reply: Reply, score: Score) -> None:
    with faking([reply]) as fake:
        assert score(RemoteScorer(fake.url), QUERY, SHORT) == RIGHT[:3]


@pytest.mark.parametrize(
    "replies",
    [
        [Reply(429, {"error": "Model is overloaded"}, NOW)] * 2,
        [Reply(status, {"error": "not now"}, NOW) for status in (408, 502, 504)],
        [Reply(503, PAGE, HTML | {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"})],
        [Reply(act="reset")],
        [Reply(act="truncate")],
    ],
)
def test_what_passes_is_tried_again(replies: list[Reply], score: Score) -> None:
    with faking(replies) as fake:
        assert score(RemoteScorer(fake.url), QUERY, SHORT) == RIGHT[:3]
        assert len(fake.posts) == len(replies) + 1


def test_it_is_not_tried_forever(score: Score) -> None:
    with faking([Reply(503, {"error": "loading"}, NOW)] * 9) as fake:
        with pytest.raises(RemoteError, match=r"503 Service Unavailable: loading \(tried 3 times\)$") as caught:
            score(RemoteScorer(fake.url, retries=2), QUERY, SHORT)
        assert len(fake.posts) == 3
    assert caught.value.status == 503


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_server_that_asks_for_more_patience_than_there_is_is_not_waited_for(form: str, score: Score) -> None:
    asked = "1200" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=1800), usegmt=True)
    with faking([Reply(429, {"error": "busy"}, {"retry-after": asked})]) as fake:
        with pytest.raises(RemoteError, match=r"busy; another try in \d+\.\d s would be too late$"):
            score(RemoteScorer(fake.url, timeout=600), QUERY, SHORT)
        assert len(fake.posts) == 1


def test_the_timeout_is_that_of_the_whole_call(score: Score) -> None:
    """Of five requests four are under way together: the last one would have its answer after 0.3 s at the earliest."""
    with faking([Reply(seconds=0.15)] * 9) as fake:
        scorer = RemoteScorer(fake.url, api="jina", max_texts=1, timeout=0.2)
        with pytest.raises(RemoteError, match=r"/rerank did not answer within 0\.2 s$"):
            score(scorer, QUERY, DOCUMENTS)
        assert len(fake.posts) <= len(DOCUMENTS), "nothing is tried again"


def test_it_may_be_as_long_as_a_thread_can_wait(score: Score) -> None:
    with faking([Reply(503, b"", NOW)]) as fake:
        assert score(RemoteScorer(fake.url, timeout=threading.TIMEOUT_MAX), QUERY, DOCUMENTS) == RIGHT


def test_nobody_there_is_said_with_the_address(score: Score) -> None:
    url = closed_url()
    with pytest.raises(RemoteError, match=rf"^{url}/info could not be reached: "):
        score(RemoteScorer(url, retries=0), QUERY, SHORT)


def test_an_address_that_is_too_long_for_httpx_with_its_path_is_said(score: Score) -> None:
    with pytest.raises(RemoteError, match="could not be asked: InvalidURL URL too long"):
        score(RemoteScorer("http://nowhere.invalid/" + "a" * 65_512, api="jina"), QUERY, SHORT)


def test_an_unknown_host_is_said(score: Score) -> None:
    with pytest.raises(RemoteError, match=r"^http://nowhere\.invalid/info could not be reached: "):
        score(RemoteScorer("http://nowhere.invalid", retries=0), QUERY, SHORT)


def test_lists_are_split_as_the_service_says(score: Score) -> None:
    with faking(most=3) as fake:
        assert score(RemoteScorer(fake.url), QUERY, DOCUMENTS) == RIGHT
        assert sorted(fake.sizes) == [2, 3]


def test_lists_are_split_until_the_service_takes_them() -> None:
    documents = ["x" * length for length in range(21)]
    with faking(pages={}, most=3) as fake, RemoteScorer(fake.url, api="tei") as scorer:
        assert scorer.score(QUERY, documents) == [score_of(text) for text in documents]
        n_posts = len(fake.posts)
        assert scorer.score(QUERY, documents) == [score_of(text) for text in documents]
        assert max(fake.sizes[n_posts:]) <= 3, "it remembers"


def test_what_it_takes_at_once_stays_known_while_the_service_says_the_same_of_itself(tmp_path: Path) -> None:
    """A cache asks for the fingerprint at every miss."""
    info = {"model_id": "a/model", "model_sha": "one"}
    with faking(pages={"/info": info}, most=10) as fake, RemoteScorer(fake.url) as scorer:
        cached = CachedScorer(scorer, tmp_path)
        for call in range(3):
            cached.score(QUERY, [f"{call} {number}" for number in range(20)])
        assert [fake.sizes[0], *sorted(fake.sizes[1:])] == [20, *[10] * 6]
        fake.pages = {"/info": {**info, "model_sha": "two"}}
        n_before = len(fake.sizes)
        scorer.load().score(QUERY, DOCUMENTS * 4)
        assert fake.sizes[n_before:] == [10, 10], "another model behind the same limits"
        fake.pages, fake.most = {"/info": {**info, "max_client_batch_size": 20}}, 20
        scorer.load().score(QUERY, DOCUMENTS * 4)
        assert fake.sizes[-1] == 20, "it says what it takes now"


def test_a_body_that_is_too_large_is_halved(score: Score) -> None:
    with faking([Reply(413, b"too large", {"content-type": "text/plain"})]) as fake:
        assert score(RemoteScorer(fake.url), QUERY, SHORT) == RIGHT[:3]
        assert fake.sizes == [3, 2, 1]


def test_one_text_that_is_refused_is_not_split_further(score: Score) -> None:
    with faking([Reply(413, {"error": "too large"})] * 9) as fake:
        with pytest.raises(RemoteError, match=r"413 .*: too large$"):
            score(RemoteScorer(fake.url), QUERY, SHORT)
        assert fake.sizes == [3, 2, 1]


# What services say of a list, and of anything else, with the statuses of both.
OF_LISTS = [
    "batch size 5 > maximum allowed batch size 3",  # TEI
    "documents must be at most 3, got 5",  # secondpass
    "List should have at most 3 items after validation, not 5",  # infinity
    "too many documents: the maximum is 3",
    "The max allowed tokens per submitted batch is 120000",  # Voyage
]
OF_ANYTHING_ELSE = [
    "documents[0] must have at most 5000 characters, got 6000",
    "query must have at most 5000 characters, got 6000",
    "top_n must be at most 3",
    "String should have at most 5000 characters",
    "documents.0: String should have at most 5000 characters",
    "This model's maximum context length is 512 tokens",
]


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("words", OF_LISTS)
def test_what_is_said_of_a_list_halves_it(words: str, status: int, score: Score) -> None:
    with faking([Reply(status, {"message": words})]) as fake:
        assert score(RemoteScorer(fake.url), QUERY, SHORT) == RIGHT[:3]
        assert fake.sizes == [3, 2, 1]


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("words", OF_ANYTHING_ELSE)
def test_what_is_said_of_anything_else_does_not(words: str, status: int, score: Score) -> None:
    with faking([Reply(status, {"message": words})]) as fake:
        with pytest.raises(RemoteError, match=re.escape(words)):
            score(RemoteScorer(fake.url), QUERY, SHORT)
        assert fake.sizes == [3]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("documents[0] must be short", "documents[2] must be short"),
        ("texts[0], 6000 characters, is too long", "texts[2], 6000 characters, is too long"),
        ("documents.0.text: too long", "documents.2.text: too long"),
    ],
)
def test_a_document_is_named_by_its_place_in_the_callers_list(words: str, expected: str, score: Score) -> None:
    with faking([Reply(413), Reply(), Reply(422, {"message": words})]) as fake:
        with pytest.raises(RemoteError, match=rf": {re.escape(expected)}$"):
            score(RemoteScorer(fake.url), QUERY, SHORT)
        assert fake.sizes == [3, 2, 1]


def test_a_part_that_fails_fails_the_call(score: Score) -> None:
    with faking([Reply(), Reply(500, {"error": "broken"})]) as fake, pytest.raises(RemoteError, match="broken"):
        score(RemoteScorer(fake.url, max_texts=1), QUERY, DOCUMENTS)


def test_the_first_failure_ends_the_pauses_of_other_parts_and_is_what_is_raised(score: Score) -> None:
    waits = Reply(429, {"message": "busy"}, {"retry-after": "60", "content-type": "application/json"})
    with faking([waits, Reply(400, {"message": "no such thing"}, seconds=0.2)]) as fake:
        with pytest.raises(RemoteError, match=r"no such thing$"):
            score(RemoteScorer(fake.url, max_texts=1, timeout=600), QUERY, DOCUMENTS[:2])
        assert len(fake.posts) == 2, "and not 3, after the pause"


def test_no_documents_ask_nobody(score: Score) -> None:
    assert score(RemoteScorer("http://nowhere.invalid"), QUERY, []) == []


@pytest.mark.parametrize(
    ("query", "documents", "message"),
    [
        ("\ud800", ["a"], "query must be Unicode text, has the lone surrogate"),
        ("q", ["a", "b\udfff"], r"documents\[1\] must be Unicode text, has the lone surrogate"),
        (None, ["a"], "query must be a string"),
        ("q", "a", "documents must be a list of strings, got one string"),
        ("q", [1], r"documents\[0\] must be a string"),
    ],
)
def test_what_is_no_text_is_the_callers_mistake(query: Any, documents: Any, message: str, score: Score) -> None:
    with faking() as fake, pytest.raises(InputError, match=message):
        score(RemoteScorer(fake.url), query, documents)


class TestDiscovery:
    @pytest.mark.parametrize(
        ("pages", "path", "asked"),
        [
            (TEI_PAGES, "/rerank", {"truncate": True}),
            ({"/v1/models": {"data": [{"id": "m", "owned_by": "vllm"}]}}, "/rerank", {"truncate_prompt_tokens": -1}),
            # infinity without a prefix, and with /v1; the first releases listed their one model without a list.
            ({"/models": {"data": [{"id": "m", "owned_by": "infinity"}]}}, "/rerank", {"return_documents": False}),
            (
                {"/v1/models": {"data": [{"id": "m", "owned_by": "infinity"}]}},
                "/v1/rerank",
                {"return_documents": False},
            ),
            ({"/v1/models": {"data": {"id": "m", "owned_by": "infinity"}}}, "/v1/rerank", {"return_documents": False}),
            (
                {"/v1/models": {"data": [{"id": "m", "owned_by": "llamacpp"}]}},
                "/v1/rerank",
                {"return_documents": False},
            ),
            ({"/info": Reply(200, PAGE, HTML), "/v1/models": {"data": [{"id": "m"}]}}, "/v1/rerank", {"top_n": 3}),
            ({"/v1/models": {"data": [{"id": "m", "owned_by": ["x"]}]}}, "/v1/rerank", {"top_n": 3}),
            # secondpass, whose /info somebody in between does not pass on.
            (
                {"/v1/models": {"data": [{"id": "m", "owned_by": "secondpass"}]}},
                "/v2/rerank",
                {"return_documents": False},
            ),
        ],
    )
    def test_a_service_is_told_by_what_it_says_of_itself(
        self, pages: dict[str, object], path: str, asked: dict[str, object], score: Score
    ) -> None:
        with faking(pages=pages) as fake:
            assert score(RemoteScorer(fake.url), QUERY, SHORT) == RIGHT[:3]
            ((where, body, _),) = fake.posts
        assert (where, {name: body[name] for name in asked}) == (path, asked)

    @pytest.mark.parametrize("at", ["", "/v1", "/v1/rerank"])
    def test_infinity_is_asked_behind_its_prefix_whatever_part_of_it_is_given(self, at: str) -> None:
        pages = {"/x/v1/models": {"data": [{"id": "m", "owned_by": "infinity"}]}}
        with faking(pages=pages) as fake, RemoteScorer(f"{fake.url}/x{at}") as scorer:
            assert scorer.score(QUERY, SHORT) == RIGHT[:3]
            assert fake.posts[0][0] == "/x/v1/rerank"

    @pytest.mark.parametrize(("path", "posted"), [("/v1", "/v1/rerank"), ("/x/v2/rerank", "/x/v2/rerank")])
    def test_one_that_says_nothing_is_told_by_the_version_in_its_address(self, path: str, posted: str) -> None:
        with faking(pages={}) as fake, RemoteScorer(fake.url + path) as scorer:
            assert scorer.score(QUERY, SHORT) == RIGHT[:3]
            assert fake.posts[0][0] == posted

    def test_tei_is_asked_at_its_root_whatever_version_is_given(self, score: Score) -> None:
        with faking() as fake:
            assert score(RemoteScorer(f"{fake.url}/v1"), QUERY, SHORT) == RIGHT[:3]
            assert fake.posts[0][0] == "/rerank"

    @pytest.mark.parametrize(
        ("pages", "answered"),
        [({}, "404 Not Found"), ({"/models": Reply(410)}, "410 Gone"), ({"/models": 1}, "200 OK")],
    )
    def test_one_that_says_nothing_has_to_be_told(self, pages: dict[str, object], answered: str) -> None:
        message = rf"does not say which API it speaks, .* answered {answered}: give api=\.\.\., one of secondpass, tei,"
        with faking(pages=pages) as fake, RemoteScorer(fake.url) as scorer:
            with pytest.raises(RemoteError, match=message):
                scorer.score(QUERY, SHORT)
            assert fake.gets == ["/info", "/v1/models", "/models"]

    @pytest.mark.parametrize("path", ["/info", "/v1/models", "/models"])
    @pytest.mark.parametrize(
        ("reply", "answered"),
        [
            (
                Reply(308, b"", {"location": "https://new.example/info"}),
                "308 Permanent Redirect to https://new.example/",
            ),
            (Reply(302, b"", {"location": "/login"}), "302 Found to http://127.0.0.1:"),
            (Reply(500, PAGE, HTML), "500 Internal Server Error"),
            (Reply(530, b""), "530"),
        ],
    )
    def test_one_that_cannot_say_is_asked_again(self, path: str, reply: Reply, answered: str, score: Score) -> None:
        pages = {"/models": {"data": [{"id": "m", "owned_by": "infinity"}]}}
        with faking(pages=pages | {path: reply}) as fake:
            scorer = RemoteScorer(fake.url)
            message = rf"^{fake.url}{path} answered {answered}.*; where it has no such page, give api="
            with pytest.raises(RemoteError, match=message) as caught:
                score(scorer, QUERY, SHORT)
            assert caught.value.status == reply.status
            fake.pages = TEI_PAGES
            assert score(scorer, QUERY, SHORT) == RIGHT[:3]
            assert fake.posts[0][0] == "/rerank"

    def test_the_address_of_a_server_that_moved_is_what_to_give(self) -> None:
        with faking() as there, faking(pages={"/info": Reply(301, b"", {"location": f"{there.url}/info"})}) as here:
            message = f"Permanently to {there.url}/info: give the address of that server as url"
            with pytest.raises(RemoteError, match=message):
                called(RemoteScorer(here.url), QUERY, SHORT)
            assert called(RemoteScorer(there.url), QUERY, SHORT) == RIGHT[:3]

    def test_it_is_asked_once(self) -> None:
        with faking() as fake, RemoteScorer(fake.url) as scorer:
            scorer.load().score(QUERY, SHORT)
            scorer.score(QUERY, SHORT)
            assert fake.gets == ["/info"]

    @pytest.mark.parametrize(
        "info",
        [
            Reply(503, PAGE, HTML),
            Reply(500),
            Reply(act="reset"),
            Reply(200, b"no JSON"),
            Reply(302, b"", {"location": "gateway:8080/login"}),
        ],
    )
    def test_one_whose_api_is_named_need_not_say_anything(self, info: Reply, score: Score) -> None:
        with faking(pages={"/info": info}) as fake:
            scorer = RemoteScorer(f"{fake.url}/v1", api="jina")
            assert score(scorer, QUERY, SHORT) == RIGHT[:3]
            assert fake.gets == ["/info"]
            assert len(fake.posts) == 1
            with pytest.raises((RemoteError, InputError)):
                scorer.fingerprint()

    def test_nor_is_it_waited_for(self, score: Score, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(discovery, "_LOOK_SECONDS", 0.1)
        with faking(pages={"/info": Reply(200, b"{}", act="stall", seconds=60)}) as fake:
            assert score(RemoteScorer(fake.url, api="tei"), QUERY, SHORT) == RIGHT[:3]

    @pytest.mark.parametrize(("seconds", "most"), [(30.0, 2.0), (1.2, 0.3)])
    def test_it_has_two_seconds_to_say_it_and_no_more_than_a_quarter_of_the_call(
        self, seconds: float, most: float
    ) -> None:
        settings, deadline = Settings(url="http://localhost", api="tei"), Deadline(seconds, clock=lambda: 0.0)
        ask = next(discovery.discover(settings, address_of(settings.url), deadline, insists=False))
        assert isinstance(ask, Ask)
        assert ask.most_seconds == pytest.approx(most)

    def test_another_kind_of_model_and_another_model_are_refused(self) -> None:
        info = {"model_id": "an/embedder", "model_type": {"embedding": {"pooling": "cls"}}}
        with (
            faking(pages={"/info": info}) as fake,
            pytest.raises(RemoteError, match="must serve a reranker, it serves an/embedder, a model of kind embed"),
        ):
            called(RemoteScorer(fake.url), QUERY, SHORT)
        nameless = {"model_id": "\ud800", "model_type": {"\udfff": {}}}
        with (
            faking(pages={"/info": nameless}) as fake,
            pytest.raises(RemoteError, match=r"serves \\ud800, a model of kind \\udfff$"),
        ):
            called(RemoteScorer(fake.url), QUERY, SHORT)
        with faking() as fake, pytest.raises(RemoteError, match="must serve b/model, it serves a/model"):
            called(RemoteScorer(fake.url, model="b/model"), QUERY, SHORT)

    def test_raw_scores_of_an_api_without_them_are_refused(self) -> None:
        message = 'raw_scores must be False with the API "jina", which has none'
        pages = {"/v1/models": {"data": [{"id": "m"}]}}
        with faking(pages=pages) as fake, pytest.raises(InputError, match=message):
            called(RemoteScorer(fake.url, raw_scores=True), QUERY, SHORT)

    def test_tei_has_a_fingerprint_where_it_knows_its_revision(self) -> None:
        info = {"model_id": "a/model", "model_sha": "abc", "model_dtype": "float16", "max_input_length": 512}
        with faking(pages={"/info": info}) as fake:
            prints = {RemoteScorer(fake.url).fingerprint(), RemoteScorer(fake.url, raw_scores=True).fingerprint()}
        assert len(prints) == 2
        assert all("a/model abc float16 512" in one for one in prints)


class TestKeys:
    def test_a_key_is_sent_and_never_shown(self) -> None:
        refusal = Reply(401, {"message": "invalid API key sk-secret"})
        with faking([refusal]) as fake, RemoteScorer(fake.url, api_key="sk-secret") as scorer:
            with pytest.raises(RemoteError, match=r"401 Unauthorized: invalid API key \.\.\.$"):
                scorer.score(QUERY, SHORT)
            assert fake.posts[0][2]["authorization"] == "Bearer sk-secret"
            assert "secret" not in repr(scorer)

    @pytest.mark.parametrize(
        ("before", "key"), [("invalid token ", "sk-" + 99 * "hush"), (58 * "word ", "sk-hushhush")]
    )
    def test_nor_is_its_beginning_where_the_words_of_a_service_are_cut(self, before: str, key: str) -> None:
        with (
            faking([Reply(401, {"message": f"{before}{key} is no key"})]) as fake,
            pytest.raises(RemoteError) as raised,
        ):
            called(RemoteScorer(fake.url, api_key=key), QUERY, SHORT)
        assert str(raised.value).endswith(f"401 Unauthorized: {before}...")

    def test_documents_keep_their_numbers_in_words_with_a_key(self) -> None:
        refusal = Reply(422, {"message": "documents[1] is bad, said sk-secret"})
        with (
            faking([refusal]) as fake,
            pytest.raises(RemoteError, match=r": documents\[4\] is bad, said \.\.\.$"),
            caller_numbers([3, 4]),
        ):
            called(RemoteScorer(fake.url, api_key="sk-secret"), QUERY, SHORT)

    def test_a_missing_key_is_guessed(self) -> None:
        pages = {"/info": Reply(401, {"error": "no key"})}
        message = r"no key: an API key may be missing \(api_key=\.\.\.\)"
        with faking(pages=pages) as fake, pytest.raises(RemoteError, match=message):
            called(RemoteScorer(fake.url), QUERY, SHORT)
