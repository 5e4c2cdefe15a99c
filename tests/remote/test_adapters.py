"""A URL as the model of an adapter: the service's scores, in all three frameworks, saved and loaded by name."""

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from drivers import Driver, Haystack, LangChain, LlamaIndex
from fake_service import Fake, Reply, closed_url, faking, running, score_of
from haystack import Document
from haystack.utils import Secret
from judgements import platt
from scorers import Fixed
from serving import close_all, overlap_app

import langchain_secondpass
import llama_index_secondpass
from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from haystack_integrations.components.rankers.secondpass.request import Selection
from secondpass import CachedScorer, Calibrated, Cascade, RemoteScorer, Scorer
from secondpass.errors import InputError, RemoteError, RemoteWarning
from secondpass.testing import OverlapScorer

TEXTS = ["a dog", "a red fox", "the fox"]
QUERY = "red fox"
# Shares of the query's words, best first, and their sigmoids.
RAW = [1.0, 0.5, 0.0]
SCALED = [0.7310585786300049, 0.6224593312018546, 0.5]
ORDER = ["a red fox", "the fox", "a dog"]


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with running(overlap_app()) as url:
        yield url
    close_all()


@pytest.fixture(params=[LangChain, LlamaIndex, Haystack], ids=lambda driver: driver.__name__)
def driver(request: pytest.FixtureRequest) -> Driver:
    """Each adapter in turn."""
    adapter: Driver = request.param()
    return adapter


@pytest.fixture
def fake() -> Iterator[Fake]:
    with faking() as service:
        yield service


def scaled(driver: Driver, url: str, **arguments: Any) -> Any:
    """An adapter that takes scores as they are served."""
    adapter = driver.adapter(model=url, **arguments)
    if isinstance(adapter, SecondPassRanker):
        adapter.scale_score = True
    return adapter


def found(driver: Driver, documents: list[Any]) -> list[tuple[str, float | None]]:
    return [(seen.text, seen.score) for seen in map(driver.seen, documents)]


async def test_scores_are_the_services_from_0_to_1(driver: Driver, served: str) -> None:
    adapter = scaled(driver, served)
    documents = driver.documents(TEXTS)
    assert found(driver, driver.run(adapter, QUERY, documents)) == list(zip(ORDER, SCALED, strict=True))
    assert found(driver, await driver.arun(adapter, QUERY, documents)) == list(zip(ORDER, SCALED, strict=True))


async def test_raw_scores_can_be_asked_for(driver: Driver, served: str) -> None:
    raw: dict[str, Any] = (
        {} if driver.adapter(model=served).__class__ is SecondPassRanker else {"activation": "identity"}
    )
    adapter = driver.adapter(model=served, **raw)
    assert found(driver, driver.run(adapter, QUERY, driver.documents(TEXTS))) == list(zip(ORDER, RAW, strict=True))


def test_equal_scores_have_the_order_of_the_services_raw_ones(driver: Driver) -> None:
    def level(results: list[Any]) -> list[Any]:
        return [result | {"relevance_score": 0.5, "raw_score": result["index"]} for result in results]

    with faking([Reply(change=level)], pages={"/info": {"server": "secondpass"}}) as fake:
        adapter = scaled(driver, fake.url)
        reranked = found(driver, driver.run(adapter, QUERY, driver.documents(TEXTS)))
        driver.scorer(adapter).close()
    assert reranked == [(text, 0.5) for text in reversed(TEXTS)]


def test_it_is_saved_by_its_address(driver: Driver, served: str) -> None:
    again = driver.reloaded(scaled(driver, served))
    assert found(driver, driver.run(again, QUERY, driver.documents(TEXTS))) == list(zip(ORDER, SCALED, strict=True))


def test_one_scorer_and_its_connections_are_kept(driver: Driver, fake: Fake) -> None:
    adapter = driver.adapter(model=fake.url)
    for _ in range(3):
        driver.run(adapter, QUERY, driver.documents(TEXTS))
    assert driver.scorer(adapter) is driver.scorer(adapter)
    assert (fake.gets, fake.n_open) == (["/info"], 1)
    restored = pickle.loads(pickle.dumps(adapter))  # noqa: S301 - our own
    assert found(driver, driver.run(restored, QUERY, driver.documents(TEXTS)))[0] == ("a dog", score_of("a dog"))
    driver.scorer(adapter).close()
    driver.scorer(restored).close()


@pytest.mark.parametrize("kind", [langchain_secondpass.SecondPassRerank, llama_index_secondpass.SecondPassRerank])
def test_a_copy_per_request_asks_the_service_nothing_again(kind: Any, fake: Fake) -> None:
    adapter = kind(model=fake.url)
    for top_n in (1, 2, 3):
        assert len(adapter.model_copy(update={"top_n": top_n})._rank(QUERY, TEXTS)) == top_n
    assert (fake.gets, fake.n_open) == (["/info"], 1)
    adapter._scorer.close()


def test_runs_that_scale_and_runs_that_do_not_keep_their_connections(fake: Fake) -> None:
    component = SecondPassRanker(fake.url)
    documents = [Document(content=text) for text in TEXTS]
    for scale_score in (True, False) * 3:
        component.run(QUERY, documents, scale_score=scale_score)
    assert (fake.gets, fake.n_open) == (["/info"] * 2, 2)
    assert [body.get("raw_scores", False) for _, body, _ in fake.posts] == [False, True] * 3
    for scale_score in (True, False):
        remote: Any = component._scorer(Selection.of(vars(component), scale_score=scale_score))
        remote.close()


@pytest.mark.parametrize(
    "option",
    [{"max_length": 64}, {"dtype": "bfloat16"}, {"revision": "main"}, {"local_files_only": True}, {"device": "cpu"}],
)
def test_options_for_a_model_here_are_refused(driver: Driver, option: dict[str, Any]) -> None:
    (name,) = option
    with pytest.raises(ValueError, match=f"{name} says how to load a model and means nothing to a service"):
        driver.adapter(model="http://localhost:1", **option)


def test_a_wrong_address_is_refused_at_once(driver: Driver) -> None:
    with pytest.raises(ValueError, match="url must hold no user name or password") as caught:
        driver.adapter(model="http://me:secret@host")
    assert "secret" not in str(caught.value).split("[type=")[0]


def test_a_service_that_is_down_is_an_error_with_its_address(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secondpass.remote.retries._FIRST_PAUSE", 0.001)
    url = closed_url()
    with pytest.raises(RemoteError, match=f"{url}/info could not be reached"):
        driver.run(driver.adapter(model=url), QUERY, driver.documents(TEXTS))


def test_the_order_is_kept_where_that_is_wanted(driver: Driver) -> None:
    adapter = driver.adapter(scorer=RemoteScorer(closed_url(), retries=0, on_failure="keep_order"), top_n=2)
    with pytest.warns(RemoteWarning, match="keep the given order"):
        documents = driver.run(adapter, QUERY, driver.documents(TEXTS))
    assert found(driver, documents) == [(TEXTS[0], -1.0), (TEXTS[1], -2.0)]


class TestKeys:
    @pytest.mark.parametrize("kind", [langchain_secondpass.SecondPassRerank, llama_index_secondpass.SecondPassRerank])
    def test_the_token_is_the_key_and_is_not_saved(self, kind: Any, fake: Fake) -> None:
        adapter = kind(model=fake.url, token="sk-secret")  # noqa: S106 - of nobody
        with adapter._scorer as scorer:
            scorer.score(QUERY, TEXTS)
        assert fake.posts[0][2]["authorization"] == "Bearer sk-secret"
        assert "secret" not in repr(adapter) + adapter.model_dump_json()

    def test_of_haystack_too(self, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RERANK_KEY", "sk-secret")
        component = SecondPassRanker(fake.url, token=Secret.from_env_var("RERANK_KEY"))
        component.warm_up()
        with component._scorer() as scorer:  # type: ignore[attr-defined] # of a service
            scorer.score(QUERY, TEXTS)
        assert fake.posts[0][2]["authorization"] == "Bearer sk-secret"

    def test_the_hubs_token_is_not_sent_to_a_service(self, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        component = SecondPassRanker(fake.url)
        with component._scorer() as scorer:  # type: ignore[attr-defined] # of a service
            scorer.score(QUERY, TEXTS)
        assert "authorization" not in fake.posts[0][2]


def cached(scorer: Scorer, folder: Path) -> Scorer:
    return CachedScorer(scorer, folder, fingerprint="given")


def of_two_stages(scorer: Scorer, folder: Path) -> Scorer:  # noqa: ARG001 - as `cached`
    """A cascade whose last stage, which reads all, has another unit than the first."""
    return Cascade([Fixed([5.0, 6.0, 7.0]), scorer], keep=3)


class TestScaling:
    def test_haystack_scales_nothing_twice(self, served: str) -> None:
        documents = [Document(content=text) for text in TEXTS]
        with RemoteScorer(served) as scorer, RemoteScorer(served, raw_scores=True) as raw:
            for component in (SecondPassRanker(scorer=scorer), SecondPassRanker(scorer=raw), SecondPassRanker(served)):
                ranked = component.run(query=QUERY, documents=documents)["documents"]
                assert [document.score for document in ranked] == pytest.approx(SCALED, abs=1e-12)
                component.close()

    @pytest.mark.parametrize(
        "around", [cached, of_two_stages, lambda scorer, folder: cached(cached(scorer, folder), folder)]
    )
    def test_nor_through_what_stands_around_a_scorer(
        self, around: Callable[[Scorer, Path], Scorer], served: str, tmp_path: Path
    ) -> None:
        probabilities = [0.3775406687981454, 0.320821300824607, 0.2689414213699951]  # sigmoid(raw / 2 - 1)
        scorers: list[tuple[Scorer, list[float]]] = [
            (RemoteScorer(served), SCALED),
            (RemoteScorer(served, raw_scores=True), SCALED),
            (Calibrated(OverlapScorer(), platt(0.5, -1.0)), probabilities),
            (OverlapScorer(), SCALED),
        ]
        documents = [Document(content=text) for text in TEXTS]
        for number, (scorer, expected) in enumerate(scorers):
            component = SecondPassRanker(scorer=around(scorer, tmp_path / str(number)))
            ranked = component.run(query=QUERY, documents=documents)["documents"]
            assert [document.content for document in ranked] == ORDER
            assert [document.score for document in ranked] == pytest.approx(expected, abs=1e-6)

    def test_haystack_chooses_the_unit_in_each_run(self, served: str) -> None:
        component = SecondPassRanker(served)
        documents = [Document(content=text) for text in TEXTS]
        for scale, scores in ((False, RAW), (True, SCALED), (False, RAW)):
            ranked = component.run(query=QUERY, documents=documents, scale_score=scale)["documents"]
            assert [document.score for document in ranked] == scores
        component.close()

    def test_what_a_service_cannot_do_is_refused(self) -> None:
        with pytest.raises(InputError, match="calibration_factor must be left out for scores from 0 to 1"):
            SecondPassRanker("http://localhost:1", calibration_factor=2.0)
