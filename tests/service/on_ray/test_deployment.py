"""The service on a local Ray cluster: its answers, errors and limits, and what becomes of requests when replicas end.

The last test takes the application down.
"""

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
import yaml
from client_requests import DOCS, LISTS, MODEL, RESULTS, TEI
from drivers import Driver, Haystack, LangChain, LlamaIndex
from fastapi import FastAPI
from ray_service import PROXY_CALLBACK, RayService, deployed
from serving import post
from shared import ROOT

from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from secondpass import CrossEncoder, RemoteScorer
from secondpass.errors import InputError
from secondpass.options import ModelOptions
from secondpass.remote.apis import API_NAMES, ApiName
from secondpass.service import create_app, load_model
from secondpass.service.on_ray import app as on_ray

pytestmark = [pytest.mark.slow, pytest.mark.source]  # a cluster; the example's settings

KEY = "a-key-of-this-test"
KEYED = {"authorization": f"Bearer {KEY}"}
ALIASES = ("rerank-v3.5", "overlap")
QUERY = "how many people live in berlin"
DOCUMENTS = ["A forest.", "Berlin has 3.5 million inhabitants.", "", "The Berlin wall fell.", "東京", "🦊 berlin"]
# Half a second of work for one core, or more.
LONG = [f"Berlin has {number} inhabitants, and a wall. " * 40 for number in range(24)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayService]:
    """The example's application with two replicas, and two others: one with small limits, and one that grows."""
    config = yaml.safe_load((ROOT / "examples/serve_on_ray.yaml").read_text(encoding="utf-8"))
    (rerank,) = config["applications"]
    rerank["args"]["models"][0]["aliases"] = list(ALIASES)
    rerank["args"]["limits"]["drain_seconds"] = 150  # for a machine that is busy with other tests
    rerank["args"]["api_keys_env"] = "KEYS_OF_THIS_TEST"
    tight = {
        "name": "tight",
        "route_prefix": "/tight",
        "import_path": rerank["import_path"],
        "args": {"limits": {"max_queued_tokens": 4000, "pass_tokens": 512, "max_documents": 100}},
        "deployments": [{"name": "secondpass", "ray_actor_options": {"num_cpus": 0.1}}],
    }
    growing = {
        "name": "growing",
        "route_prefix": "/growing",
        "import_path": rerank["import_path"],
        "deployments": [
            {
                "name": "secondpass",
                "ray_actor_options": {"num_cpus": 0.1},
                "autoscaling_config": {
                    "min_replicas": 1,
                    "max_replicas": 2,
                    "target_ongoing_requests": 1,
                    "upscale_delay_s": 1,
                },
            }
        ],
    }
    (deployment,) = rerank["deployments"]
    deployment["ray_actor_options"]["num_cpus"] = 0.1
    deployment["autoscaling_config"] |= {"min_replicas": 2, "max_replicas": 2}
    folder = tmp_path_factory.mktemp("serve")
    environment = {**PROXY_CALLBACK, "KEYS_OF_THIS_TEST": f"another-key {KEY}"}
    with deployed({"applications": [rerank, tight, growing]}, folder, **environment) as running:
        running.wait_until(lambda: len(running.replicas("rerank")) == 2)
        yield running


@pytest.fixture(scope="module")
def local() -> Iterator[FastAPI]:
    """The same service in this process."""
    app = create_app([load_model("secondpass/mini", ModelOptions(), aliases=ALIASES)])
    yield app
    app.state.service.close()


def ask(service: RayService, path: str, body: Mapping[str, object]) -> httpx.Response:
    return httpx.post(f"{service.url}{path}", json=body, headers=KEYED, timeout=180)


ASKED: dict[str, tuple[str, Mapping[str, object]]] = {
    **{name: (path, body) for name, (path, body, _, _) in LISTS.items()},
    **{name: (path, body) for name, (path, body, _, _) in RESULTS.items()},
    "vLLM's pairs": ("/score", {"text_1": "red fox", "text_2": ["a red fox", "a dog"]}),
}


@pytest.mark.parametrize(("path", "body"), ASKED.values(), ids=ASKED)
def test_a_client_gets_the_services_answer(
    service: RayService, local: FastAPI, path: str, body: Mapping[str, object]
) -> None:
    answered, expected = ask(service, path, body), post(local, path, body)
    assert answered.status_code == 200
    for name in ("content-type", "x-truncated", "x-compute-tokens"):
        assert answered.headers[name] == expected.headers[name]
    assert lasting(answered.json()) == lasting(expected.json())


def lasting(answer: Any) -> Any:
    """An answer without what every answer has anew, and its scores up to 1e-6."""
    if isinstance(answer, Mapping):
        return {name: lasting(value) for name, value in answer.items() if name not in ("id", "created")}
    if isinstance(answer, list):
        return [lasting(value) for value in answer]
    return pytest.approx(answer, abs=1e-6, rel=0) if isinstance(answer, float) else answer


@pytest.mark.parametrize("api", ["auto", *API_NAMES])
def test_a_remote_scorer_gets_the_librarys_scores(service: RayService, api: ApiName) -> None:
    model = CrossEncoder("secondpass/mini", activation="sigmoid")
    with RemoteScorer(service.url, api=api, api_key=KEY) as scorer:
        np.testing.assert_allclose(scorer.score(QUERY, DOCUMENTS), model.score(QUERY, DOCUMENTS), atol=1e-6, rtol=0)


@pytest.mark.parametrize("driver", [LangChain(), LlamaIndex(), Haystack()], ids=lambda driver: type(driver).__name__)
def test_the_adapters_get_the_librarys_order(
    service: RayService, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RemoteScorer(service.url, api_key=KEY) as scorer:
        adapter = driver.adapter(scorer=scorer)
        if isinstance(adapter, SecondPassRanker):
            monkeypatch.setattr(adapter, "scale_score", True)
        found = [driver.seen(document).text for document in driver.run(adapter, QUERY, driver.documents(DOCUMENTS))]
    expected = CrossEncoder("secondpass/mini").rank(QUERY, DOCUMENTS)
    assert found == [document.text for document in expected]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/v2/rerank", DOCS, {}, 401),
        ("/rerank", TEI, {"authorization": "Bearer wrong"}, 401),
        ("/v1/rerank", {**MODEL, "model": "other"}, KEYED, 404),
        ("/v2/rerank", {"query": 5, "documents": ["a"]}, KEYED, 422),
        ("/rerank", {"query": "q", "texts": ["a", 5]}, KEYED, 422),
        ("/score", {"text_1": "a"}, KEYED, 422),
    ],
)
def test_an_error_is_told_in_the_words_of_the_api(
    service: RayService, local: FastAPI, path: str, body: Mapping[str, object], headers: dict[str, str], status: int
) -> None:
    answered = httpx.post(f"{service.url}{path}", json=body, headers=headers)
    assert answered.status_code == status
    if status != 401:  # the local one is open to all
        assert answered.json() == post(local, path, body).json()
    else:
        assert "a valid API key must be sent" in answered.text
        assert answered.headers["www-authenticate"] == "Bearer"


def test_limits_are_those_of_the_settings_wherever_it_is_mounted(service: RayService) -> None:
    told = httpx.get(f"{service.url}/tight/info").json()
    assert (told["max_client_batch_size"], told["max_queued_tokens"]) == (100, 4000)
    for path, message in (("/rerank", "error"), ("/v2/rerank", "message"), ("/v1/rerank", "detail")):
        refused = ask(service, f"/tight{path}", {"query": "q", "documents": ["a"] * 101})
        assert (refused.status_code, next(iter(refused.json()))) == (422, message)
    too_much = ask(service, "/tight/v2/rerank", {"query": "q", "documents": [f"{i} " * 2000 for i in range(50)]})
    assert too_much.status_code == 413


@pytest.mark.parametrize(
    ("path", "keys"), [("/rerank", {"error"}), ("/v1/rerank", {"detail", "message"}), ("/v2/rerank", {"message"})]
)
def test_overload_is_429_in_the_words_of_the_api_and_serves_on(service: RayService, path: str, keys: set[str]) -> None:
    def one(number: int) -> httpx.Response:
        return ask(service, f"/tight{path}", {"query": f"berlin {number}", "documents": LONG[:5]})

    with ThreadPoolExecutor(30) as threads:
        answers = list(threads.map(one, range(30)))
    counts = Counter(answered.status_code for answered in answers)
    assert counts.keys() == {200, 429}
    for answered in answers:
        if answered.status_code == 429:
            assert int(answered.headers["retry-after"]) >= 1
            assert answered.json().keys() == keys
            assert "at most 4000 tokens may wait" in answered.text
    service.wait_until(lambda: one(99).status_code == 200)


def test_a_client_that_leaves_is_dropped(service: RayService) -> None:
    body = {"query": "gone", "documents": LONG[:12]}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{service.url}/tight/v2/rerank", json=body, timeout=httpx.Timeout(60, read=0.1))
    service.wait_until(lambda: gauge(service, "/tight", "secondpass_gone_clients_total") >= 1)
    assert gauge(service, "/tight", "te_queue_size") == 0


def test_each_replica_counts_under_its_own_name(service: RayService) -> None:
    seen = set()
    for _ in range(60):
        lines = httpx.get(f"{service.url}/metrics").text.splitlines()
        seen |= {line.split('replica="')[1].split('"')[0] for line in lines if line.startswith("te_queue_size{")}
    assert len(seen) == 2


def test_a_killed_replica_loses_no_request_but_its_own_and_those_are_told_to_ask_again(service: RayService) -> None:
    """Half of the clients ask again when they are told so, and get every answer; the others lose one at most."""
    killed = service.replicas("rerank")[0]
    stop = threading.Event()
    expected = CrossEncoder("secondpass/mini").rank(QUERY, DOCUMENTS)

    n_answers = [0] * 8

    def plain(number: int) -> list[httpx.Response]:
        answers = []
        while not stop.is_set():
            answers.append(ask(service, "/v2/rerank", {"query": QUERY, "documents": [*LONG[:8], f"{number}"]}))
            n_answers[number] += 1
        return answers

    def patient(number: int) -> None:
        with RemoteScorer(service.url, api_key=KEY, retries=5) as scorer:
            while not stop.is_set():
                ranked = scorer.rank(QUERY, [*DOCUMENTS, *LONG[:8], f"{number}"])
                order = [document.index for document in ranked if document.index < len(DOCUMENTS)]
                assert order == [document.index for document in expected]
                n_answers[number] += 1

    with ThreadPoolExecutor(8) as threads:
        impatient = [threads.submit(plain, number) for number in range(4)]
        waiting = [threads.submit(patient, number) for number in range(4, 8)]
        try:
            service.wait_until(lambda: all(n_answers))
            os.kill(killed, signal.SIGKILL)
            service.wait_until(lambda: len(set(service.replicas("rerank")) - {killed}) == 2)
            before = list(n_answers)  # the new one answers, too
            service.wait_until(lambda: all(n > n_before + 1 for n, n_before in zip(n_answers, before, strict=True)))
        finally:
            stop.set()
        answers = [client.result() for client in impatient]
        for client in waiting:
            client.result()
    for of_one in answers:
        lost = [answered for answered in of_one if answered.status_code != 200]
        assert len(lost) <= 1
        for answered in lost:
            assert (answered.status_code, answered.headers["retry-after"]) == (503, "1")
            assert answered.json() == {"message": "the replica that was to answer has gone"}


def test_replicas_come_with_the_load(service: RayService) -> None:
    assert len(service.replicas("growing")) == 1
    stop = threading.Event()

    def client(number: int) -> set[int]:
        statuses = set()
        while not stop.is_set():
            statuses.add(ask(service, "/growing/v2/rerank", {"query": f"{number}", "documents": LONG}).status_code)
        return statuses

    with ThreadPoolExecutor(4) as threads:
        clients = [threads.submit(client, number) for number in range(4)]
        try:
            service.wait_until(lambda: len(service.replicas("growing")) == 2)
        finally:
            stop.set()
        assert [answered.result() for answered in clients] == [{200}] * 4


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"models": ["secondpass/mini"], "num_cpus": 2}, "settings must be among .*, got num_cpus"),
        ({"limits": {"max_documents": "many"}}, "limits: max_documents must be an integer, got str 'many'"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_deployed(args: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        on_ray(args)


def test_what_was_accepted_is_answered_when_the_application_is_deleted(service: RayService) -> None:
    def one(number: int) -> int:
        return ask(service, "/v2/rerank", {"query": f"{QUERY} {number}", "documents": LONG[:12]}).status_code

    accepted: dict[str, float] = {}

    def n_accepted() -> float:
        accepted.update(accepted_by_one(service))
        return sum(accepted.values())

    service.wait_until(lambda: n_accepted() >= 0 and len(accepted) == 2)
    before = n_accepted()
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(one, number) for number in range(8)]
        service.wait_until(lambda: n_accepted() == before + 8)
        service.delete_first()
        assert [client.result() for client in waiting] == [200] * 8
    service.wait_until(lambda: not service.replicas("rerank"))
    assert ask(service, "/v2/rerank", DOCS).status_code in {404, 503}
    assert service.is_ready("/tight")


def accepted_by_one(service: RayService) -> dict[str, float]:
    """Requests that the replica which happens to answer has answered or will, under its name."""
    n_requests: Counter[str] = Counter()
    for line in httpx.get(f"{service.url}/metrics").text.splitlines():
        if line.startswith(("te_request_count{", "te_queue_size{")):
            n_requests[line.split('replica="')[1].split('"')[0]] += int(float(line.split()[-1]))
    return dict(n_requests)


def gauge(service: RayService, prefix: str, name: str) -> float:
    """The sum of a metric in the replica that happens to answer."""
    lines = httpx.get(f"{service.url}{prefix}/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f"{name}{{"))
