"""Threads, event loops, forks, copies and pickles share a scorer, and leave no connection behind."""

import asyncio
import copy
import gc
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_service import Fake, Reply, faking, score_of
from forking import forks, holds_in_child
from programs import run_python
from waiting import auntil, until

from secondpass import RemoteScorer
from secondpass.errors import RemoteError, RemoteWarning
from secondpass.ranking import AsyncRankingScorer, AsyncScorer, Fingerprinted, Loadable

DOCUMENTS = ["four", "a"]
RIGHT = [score_of(text) for text in DOCUMENTS]


def wait_until_closed(fake: Fake) -> None:
    """The server's threads notice in their own time."""
    until(lambda: fake.n_open == 0)


def test_connections_are_kept_and_closed() -> None:
    with faking() as fake:
        with RemoteScorer(fake.url) as scorer:
            for _ in range(5):
                assert scorer.score("query", DOCUMENTS) == RIGHT
            assert fake.n_open == 1
        wait_until_closed(fake)
        assert scorer.score("query", DOCUMENTS) == RIGHT, "it can be used again"
        scorer.release()
        wait_until_closed(fake)


def test_event_loops_have_their_own_and_close_them() -> None:
    with faking() as fake:
        scorer = RemoteScorer(fake.url)

        async def several() -> list[list[float]]:
            return await asyncio.gather(*(scorer.ascore("query", DOCUMENTS) for _ in range(8)))

        for _ in range(3):
            assert asyncio.run(several()) == [RIGHT] * 8
            wait_until_closed(fake)


def test_a_scorer_that_is_forgotten_closes_its_connections() -> None:
    async def ask(fake: Fake) -> None:
        assert await RemoteScorer(fake.url).ascore("query", DOCUMENTS) == RIGHT
        gc.collect()
        await auntil(lambda: fake.n_open == 0)

    with faking() as fake:
        asyncio.run(ask(fake))
        assert RemoteScorer(fake.url).score("query", DOCUMENTS) == RIGHT
        gc.collect()
        wait_until_closed(fake)


async def test_it_is_closed_in_a_loop_and_awaited() -> None:
    with faking() as fake:
        async with RemoteScorer(fake.url) as scorer:
            assert await scorer.ascore("query", DOCUMENTS) == RIGHT
            assert scorer.score("query", DOCUMENTS) == RIGHT
        await asyncio.to_thread(wait_until_closed, fake)
        await scorer.aclose()  # once more: nothing is open


async def test_a_task_that_is_cancelled_leaves_the_scorer_as_it_was() -> None:
    with faking([Reply(seconds=10)]) as fake:
        async with RemoteScorer(fake.url) as scorer:
            task = asyncio.create_task(scorer.ascore("query", DOCUMENTS))
            await auntil(lambda: len(fake.posts) == 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await scorer.ascore("query", DOCUMENTS) == RIGHT


def test_threads_share_one() -> None:
    texts = [["x" * length, "y" * (length + 1)] for length in range(40)]
    with faking() as fake, RemoteScorer(fake.url, max_texts=1) as scorer, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda some: scorer.score("query", some), texts))
    assert answers == [[score_of(text) for text in some] for some in texts]


@forks
def test_a_forked_process_has_its_own() -> None:
    with faking() as fake, RemoteScorer(fake.url) as scorer:
        assert scorer.score("query", DOCUMENTS) == RIGHT
        assert holds_in_child(lambda: scorer.score("query", DOCUMENTS) == RIGHT)
        assert scorer.score("query", DOCUMENTS) == RIGHT


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda scorer: pickle.loads(pickle.dumps(scorer))])  # noqa: S301 - our own
def test_copies_are_equal_and_hold_no_connection(copied: Callable[[RemoteScorer], RemoteScorer]) -> None:
    with faking() as fake, RemoteScorer(fake.url, api_key="sk-secret", timeout=9) as scorer:
        assert scorer.score("query", DOCUMENTS) == RIGHT
        other = copied(scorer)
        assert other == scorer
        assert hash(other) == hash(scorer)
        with other:
            assert other.score("query", DOCUMENTS) == RIGHT
        assert fake.posts[-1][2]["authorization"] == "Bearer sk-secret"
        assert scorer.score("query", DOCUMENTS) == RIGHT
    assert RemoteScorer(fake.url) != scorer
    assert scorer != fake.url


class Tagged(RemoteScorer):
    """Has more than its arguments."""

    def __init__(self, url: str, tag: str) -> None:
        super().__init__(url, retries=0)
        self.tag = tag


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda scorer: pickle.loads(pickle.dumps(scorer))])  # noqa: S301 - our own
def test_copies_of_a_subclass_are_of_it_and_have_what_it_has(copied: Callable[[RemoteScorer], RemoteScorer]) -> None:
    with faking() as fake, Tagged(fake.url, "a tag") as scorer:
        other = copied(scorer)
        assert type(other) is Tagged
        assert other.tag == "a tag"
        assert other == scorer
        with other:
            assert other.score("query", DOCUMENTS) == RIGHT
    assert scorer != RemoteScorer(fake.url, retries=0)
    assert RemoteScorer(fake.url, retries=0) != scorer


def test_it_is_what_the_protocols_ask_for() -> None:
    scorer = RemoteScorer("http://localhost")
    for protocol in (AsyncScorer, AsyncRankingScorer, Fingerprinted, Loadable):
        assert isinstance(scorer, protocol)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ALL_PROXY", "socks://localhost:1", "ALL_PROXY must name what httpx can use, which says ValueError: Unknown"),
        ("all_proxy", "socks://localhost:1", "all_proxy must name what httpx can use, which says ValueError: Unknown"),
        ("NO_PROXY", "[::1]:x", "NO_PROXY must name what httpx can use, which says InvalidURL: "),
        ("HTTP_PROXY", "http://127.0.0.1:99999", "^http://host.invalid/info could not be "),
    ],
)
async def test_a_proxy_that_httpx_cannot_use_is_said_with_its_setting(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in list(os.environ):
        if other.upper().endswith("_PROXY"):
            monkeypatch.delenv(other)
    monkeypatch.setenv(name, value)
    scorer = RemoteScorer("http://host.invalid", retries=0)
    with pytest.raises(RemoteError, match=message):
        scorer.score("query", DOCUMENTS)
    with pytest.raises(RemoteError, match=message):
        await scorer.ascore("query", DOCUMENTS)
    kept = RemoteScorer("http://host.invalid", retries=0, on_failure="keep_order")
    with pytest.warns(RemoteWarning, match=message.removeprefix("^")):
        assert kept.score("query", DOCUMENTS) == [-1.0, -2.0]


# Certificates are read once in a process.
WITHOUT_CERTIFICATES = """
import os
os.environ["SSL_CERT_FILE"] = "/nowhere.pem"
os.environ.pop("SSL_CERT_DIR", None)
from secondpass import RemoteScorer
from secondpass.errors import RemoteError
try:
    RemoteScorer("http://host.invalid").score("query", ["a"])
except RemoteError as error:
    print(error)
"""


def test_so_are_certificates_that_are_not_there() -> None:
    said = run_python(WITHOUT_CERTIFICATES).stdout
    assert said.startswith("SSL_CERT_FILE must name what httpx can use, which says FileNotFoundError: ")


# A program whose main thread ends while another one goes on asking.
AFTER_THE_MAIN_THREAD = """
import threading
from fake_service import faking, score_of
from secondpass import RemoteScorer
DOCUMENTS = ["x" * length for length in range(12)]
def ask():
    with faking() as fake, RemoteScorer(fake.url, max_texts=3) as scorer:
        print(scorer.score("query", DOCUMENTS) == [score_of(text) for text in DOCUMENTS], len(fake.posts))
def later():
    threading.main_thread().join()
    ask()
threading.Thread(target=later).start()
"""


def test_it_asks_in_several_requests_after_the_main_thread_has_ended() -> None:
    done = run_python(AFTER_THE_MAIN_THREAD)
    assert (done.returncode, done.stdout.strip()) == (0, "True 4"), done.stderr


def test_a_closed_scorer_asks_again_how_the_service_is_to_be_asked() -> None:
    with faking() as fake:
        scorer = RemoteScorer(fake.url)
        for n_closed in range(3):
            assert scorer.score("query", ["four"]) == [score_of("four")]
            assert scorer.score("query", ["four"]) == [score_of("four")]
            assert scorer._client._known is not None
            scorer.close()
            assert scorer._client._known is None, n_closed


def test_loops_that_have_ended_are_not_held() -> None:
    with faking() as fake, RemoteScorer(fake.url) as scorer:
        for _ in range(4):
            asyncio.run(scorer.ascore("query", ["four"]))
        assert len(scorer._client._connections.get()._of_loops) == 1
