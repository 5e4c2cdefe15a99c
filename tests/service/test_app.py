"""What the service answers beside rankings: keys, limits, models, headers, counters, logs; and its scores."""

import asyncio
import json
import logging
import math
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import checkpoints
import httpx
import numpy as np
import pytest
from fake_service import closed_url
from folders import FolderOf
from judgements import platt, steps
from serving import Recorder, app_of, ask, client_of, overlap_app, post
from texts import AWKWARD
from waiting import auntil, until

from secondpass import CachedScorer, Calibrated, Cascade, CrossEncoder, RemoteScorer
from secondpass.errors import InputError, InputTypeError
from secondpass.options import ActivationName, ModelOptions
from secondpass.ranking import Pair, Passage, RankedDocument, Readings, Sigmoid
from secondpass.service import Limits, ServedModel, create_app, load_model
from secondpass.service.held_bytes import HeldBytes, RequestBytes
from secondpass.service.problems import Problem
from secondpass.testing import OverlapScorer

# The library warns of what the service counts.
pytestmark = pytest.mark.filterwarnings("ignore::secondpass.errors.TruncationWarning")
BODY = {"query": "red fox", "documents": ["a red fox", "a dog"]}
TEI = {"query": "red fox", "texts": ["a red fox", "a dog"]}


@pytest.mark.parametrize(("n_labels", "label"), [(1, None), (2, 1), (3, 0)])
def test_scores_are_the_librarys(tmp_path: Path, n_labels: int, label: int | None) -> None:
    folder = str(checkpoints.bert(tmp_path, n_labels=n_labels))
    documents = [*AWKWARD, "berlin wall", "who formed the commonwealth"]
    app = app_of(load_model(folder, ModelOptions(label=label)), limits=Limits(pass_tokens=64))
    for raw, activation in ((False, "sigmoid"), (True, "identity")):
        model = CrossEncoder(folder, activation=activation, label=label)  # type: ignore[arg-type] # both are names
        expected = model.rank("berlin", documents)
        answered = post(app, "/rerank", {"query": "berlin", "texts": documents, "raw_scores": raw}).json()
        assert [result["index"] for result in answered] == [document.index for document in expected]
        np.testing.assert_allclose(
            [result["score"] for result in answered], [document.score for document in expected], atol=1e-6
        )
        pairs = post(app, "/score", {"text_1": "berlin", "text_2": documents, "raw_scores": raw}).json()["data"]
        np.testing.assert_allclose([result["score"] for result in pairs], model.score("berlin", documents), atol=1e-6)


def test_requests_at_the_same_time_get_their_own_scores() -> None:
    app = app_of("secondpass/mini", limits=Limits(pass_tokens=512))
    model = CrossEncoder("secondpass/mini", activation="sigmoid")
    queries = [f"{word} {number}" for word in ("berlin", "forest", "harry") for number in range(4)]
    documents = {query: [f"{text} {query}" for text in AWKWARD if text.strip()] for query in queries}

    async def ask_all() -> list[httpx.Response]:
        async with client_of(app) as client:
            bodies = [{"query": query, "texts": documents[query]} for query in queries]
            return await asyncio.gather(*(client.post("/rerank", json=body) for body in bodies))

    for query, answered in zip(queries, asyncio.run(ask_all()), strict=True):
        scores = {result["index"]: result["score"] for result in answered.json()}
        # Passes hold other pairs than the library's call: a score depends on its company up to 1e-5.
        np.testing.assert_allclose(
            [scores[index] for index in range(len(scores))], model.score(query, documents[query]), atol=1e-5
        )


def test_models_on_the_cpu_run_two_passes_and_scorers_of_ones_own_one() -> None:
    class Counting(Recorder):
        """Keeps how many calls there were at a time; the first ones wait until there are as many as are to be."""

        def __init__(self, *, devices: tuple[str, ...], expected: int) -> None:
            super().__init__()
            self.devices = devices
            self.expected = expected
            self.changing = threading.Lock()
            self.n_running, self.most = 0, 0

        def predict(self, pairs: Iterable[Pair]) -> list[float]:
            with self.changing:
                self.n_running += 1
                self.most = max(self.most, self.n_running)
            until(lambda: self.most >= self.expected)
            with self.changing:
                self.n_running -= 1
            return super().predict(pairs)

    assert CrossEncoder("secondpass/mini", device="cpu").devices == ("cpu",)
    for devices, expected in (((), 1), (("cpu",), 2), (("cpu", "cuda:0"), 1)):
        scorer = Counting(devices=devices, expected=expected)
        app = app_of(scorer, limits=Limits(pass_tokens=20))
        answered = post(app, "/rerank", {"query": "q", "texts": [f"text {i}" for i in range(40)]})
        assert len(answered.json()) == 40
        assert scorer.most == expected


class Passages:
    """A scorer that says what it read: of every document the first word, and of long ones no more."""

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        return [document.score for document in sorted(self.rank(query, documents), key=lambda d: d.index)]

    def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:  # noqa: ARG002 - any is alike
        return [
            RankedDocument(
                i, -float(i), text, Passage(0, len(text.split()[0]), -float(i)), truncated=len(text.split()) > 2
            )
            for i, text in enumerate(documents)
        ]


class Reader(Recorder):
    """A scorer that says what it read of pairs of many queries."""

    def read(self, pairs: Sequence[Pair]) -> Readings:
        scores = np.array(self.predict(pairs), np.float32)
        truncated = np.array([len(document) > 5 for _, document in pairs])
        return Readings(scores, truncated, [Passage(0, len(document), 1.0) for _, document in pairs])


@pytest.mark.parametrize("scorer", [Passages(), Reader()])
def test_what_was_truncated_is_told_and_counted(scorer: object) -> None:
    app = app_of(scorer)
    body = {"query": "q", "texts": ["one two three", "four", "five"]}
    answered = post(app, "/rerank", body)
    assert answered.headers["x-truncated"] == "1"
    assert 'secondpass_truncated_documents_total{model="tested"} 1.0' in ask(app, "GET", "/metrics").text
    refused = post(app, "/rerank", {**body, "truncate": False})
    assert refused.status_code == 422
    assert "texts[0] and the query are too long for tested" in refused.json()["error"]
    counted = ask(app, "GET", "/metrics").text
    for name, n in (("documents_total", 6), ("truncated_documents_total", 2)):
        assert f'secondpass_{name}{{model="tested"}} {n}.0' in counted, "it was scored, and then refused"
    refused = post(app, "/rerank", {**body, "truncation_direction": "Left"})
    assert "truncation_direction (or truncation_side) must be right for texts that do not fit" in refused.text
    fitting = {**body, "texts": ["four", "five"], "truncate": False, "truncation_direction": "left"}
    assert post(app, "/rerank", fitting).status_code == 200


@pytest.mark.parametrize("around", ["calibrated", "cached"])
def test_what_stands_around_a_model_hides_nothing_that_it_read(around: str, tmp_path: Path) -> None:
    model = CrossEncoder("secondpass/mini", activation="identity")
    calibration = platt(1.0, 0.0, model.fingerprint())
    scorer = Calibrated(model, calibration) if around == "calibrated" else CachedScorer(model, tmp_path)
    body = {"query": "berlin", "documents": ["the berlin wall fell. " * 200, "berlin"], "relevant_spans": {}}
    served = ServedModel(name="tested", scorer=scorer, score_map=Sigmoid() if around == "cached" else float)
    answered = post(app_of(served), "/v2/rerank", body)
    assert answered.headers["x-truncated"] == "1"
    assert all(result["relevant_spans"] for result in answered.json()["results"])


@pytest.mark.parametrize("raw", [True, False])
def test_equal_scores_are_in_the_order_of_what_they_were(raw: bool) -> None:  # noqa: FBT001 - a parameter
    logits = CrossEncoder("secondpass/mini", activation="identity")
    calibration = steps(logit=100, fingerprint=logits.fingerprint())  # all probabilities are 0.1
    query, texts = "berlin", ["sourdough is flour and water", "the wall", "berlin wall", "berlin has inhabitants"]
    expected = [document.index for document in logits.rank(query, texts)]
    assert expected != list(range(len(texts)))
    body = {"query": query, "texts": texts, "raw_scores": raw}
    for scorer in (CrossEncoder("secondpass/mini", calibration=calibration), Calibrated(logits, calibration)):
        served = ServedModel(name="tested", scorer=scorer, score_map=float)
        answered = post(app_of(served), "/rerank", body).json()
        assert [result["index"] for result in answered] == expected
        assert len({result["score"] for result in answered}) == 1


def test_what_a_model_truncates_is_counted_and_what_it_reads_in_windows_is_not() -> None:
    body = {"query": "berlin", "documents": ["the berlin wall fell. " * 200, "berlin"], "relevant_spans": {}}
    truncated = post(app_of("secondpass/mini"), "/v2/rerank", body)
    assert truncated.headers["x-truncated"] == "1"
    windows = load_model("secondpass/mini", ModelOptions(long_documents="windows"))
    answered = post(app_of(windows), "/v2/rerank", body)
    assert answered.headers["x-truncated"] == "0"
    ranked = CrossEncoder("secondpass/mini", activation="sigmoid", long_documents="windows").rank(
        "berlin", body["documents"]
    )
    for result, document in zip(answered.json()["results"], ranked, strict=True):
        assert (result["index"], result["relevance_score"]) == (document.index, pytest.approx(document.score, abs=1e-6))
        (span,) = result["relevant_spans"] or [None]
        if document.score >= 0.1:
            assert document.passage is not None
            assert (span["start"], span["end"]) == (document.passage.start, document.passage.end)


def test_a_text_that_surely_fits_need_not_be_truncated(folder_of: FolderOf) -> None:
    app = app_of(str(folder_of("bert")))
    body = {"query": "berlin", "texts": ["wall"], "truncate": False}
    assert post(app, "/rerank", body).status_code == 200


def test_spans_are_the_passages_that_were_read() -> None:
    body = {"query": "q", "documents": ["one two three", "four", "five"], "relevant_spans": {"threshold": 0.2}}
    answered = post(app_of(Passages()), "/v2/rerank", body).json()
    assert [result["relevant_spans"] for result in answered["results"]] == [
        [{"start": 0, "end": 3, "score": 0.5}],
        [{"start": 0, "end": 4, "score": 0.2689414213699951}],
        [],
    ]
    assert [result["truncated"] for result in answered["results"]] == [True, False, False]
    assert [result["raw_score"] for result in answered["results"]] == [0.0, -1.0, -2.0]
    assert "warnings" not in answered["meta"]
    unasked = post(app_of(Passages()), "/v2/rerank", {"query": "q", "documents": ["one two three"]}).json()
    assert unasked["results"][0].keys() == {"index", "relevance_score"}
    unknown = post(overlap_app(), "/v2/rerank", {**BODY, "relevant_spans": {}}).json()
    assert unknown["results"][0]["relevant_spans"] == []
    assert "truncated" not in unknown["results"][0]
    assert "does not say which passages" in unknown["meta"]["warnings"][0]


def test_models_answer_by_their_names_and_aliases() -> None:
    first, second = Recorder(), Recorder()
    app = app_of(
        ServedModel(name="first", scorer=first), ServedModel(name="second", scorer=second, aliases=("rerank-v3.5",))
    )
    for name, answers in ((None, "first"), ("", "first"), ("first", "first"), ("rerank-v3.5", "second")):
        assert post(app, "/v2/rerank", {**BODY, "model": name}).json()["model"] == answers
    assert (len(first.passes), len(second.passes)) == (3, 1)
    told = ask(app, "GET", "/info").json()
    assert [model["model_id"] for model in told["models"]] == ["first", "second"]


def test_names_of_models_differ_and_there_is_one() -> None:
    with pytest.raises(InputError, match="names of models must differ, got 'a' twice"):
        create_app([ServedModel(name="a", scorer=Recorder()), ServedModel(name="b", scorer=Recorder(), aliases=("a",))])
    with pytest.raises(InputError, match="models must name at least one model"):
        create_app([])
    with pytest.raises(InputError, match="activation must be left out"):
        load_model("secondpass/mini", ModelOptions(activation="sigmoid"))


def test_scores_that_other_requests_would_change_are_not_served() -> None:
    cascade = Cascade([OverlapScorer(), OverlapScorer()], keep=1)
    with pytest.raises(InputError, match=r"got Cascade.*; requests share passes"):
        create_app([ServedModel(name="cascade", scorer=cascade)])


def test_scores_that_are_made_up_are_not_served() -> None:
    lossy = RemoteScorer(closed_url(), on_failure="keep_order")
    with pytest.raises(InputError, match=r'write RemoteScorer\(..., on_failure="raise"\), got on_failure='):
        ServedModel(name="lossy", scorer=lossy)
    with pytest.raises(InputError, match=r'write RemoteScorer\(..., on_failure="raise"\)'):
        ServedModel(name="lossy", scorer=Calibrated(lossy, platt(0.5, 1.0)), score_map=float)


def test_an_instruction_has_to_be_the_one_the_model_was_loaded_with() -> None:
    app = app_of(ServedModel(name="told", scorer=Recorder(), instruction="find the answer"))
    for given in (None, "", "find the answer"):
        assert post(app, "/v2/rerank", {**BODY, "instruction": given}).status_code == 200
    refused = post(app, "/v2/rerank", {**BODY, "instruction": "other"})
    assert (refused.status_code, refused.json()["message"]) == (
        422,
        "instruction must be left out: told was loaded with another one",
    )


def test_a_calibrated_model_answers_with_probabilities_and_raw_with_logits() -> None:
    logits = CrossEncoder("secondpass/mini", activation="identity")
    calibration = platt(0.5, 1.0, logits.fingerprint())
    app = app_of(load_model("secondpass/mini", ModelOptions(calibration=calibration)))
    expected = logits.score("berlin", ["berlin wall", "forest"])
    for raw, scores in ((True, expected), (False, 1 / (1 + np.exp(-(0.5 * expected + 1.0))))):
        body = {"text_1": "berlin", "text_2": ["berlin wall", "forest"], "raw_scores": raw}
        answered = [result["score"] for result in post(app, "/score", body).json()["data"]]
        np.testing.assert_allclose(answered, scores, atol=1e-6)
    with pytest.raises(InputError):
        load_model("secondpass/mini", ModelOptions(calibration=calibration, max_length=64))


def test_scores_that_are_no_logits_are_served_as_they_are_or_not_at_all(tmp_path: Path) -> None:
    logits = CrossEncoder("secondpass/mini", activation="identity")
    shares = CrossEncoder("secondpass/mini", activation="sigmoid")
    calibration = platt(0.5, 1.0, logits.fingerprint())
    for scorer in (
        shares,
        CachedScorer(shares, tmp_path),
        CrossEncoder("secondpass/mini", calibration=calibration),
        Calibrated(logits, calibration),
        RemoteScorer(closed_url()),
    ):
        with pytest.raises(InputError, match="scorer must give logits where score_map is a sigmoid") as refused:
            ServedModel(name="twice", scorer=scorer)
        assert 'CrossEncoder(..., activation="identity")' in str(refused.value)
        assert ServedModel(name="once", scorer=scorer, score_map=float).scorer is scorer
    assert ServedModel(name="raw", scorer=RemoteScorer(closed_url(), raw_scores=True)).score_map == Sigmoid()

    served = ServedModel(name="shares", scorer=shares, score_map=float)
    assert served.fingerprints() == {"raw": shares.fingerprint(), "served": shares.fingerprint()}
    app, texts = app_of(served), ["berlin wall", "forest"]
    for raw in (True, False):
        answered = post(app, "/score", {"text_1": "berlin", "text_2": texts, "raw_scores": raw}).json()["data"]
        np.testing.assert_allclose([result["score"] for result in answered], shares.score("berlin", texts), atol=1e-6)


@pytest.mark.parametrize("activation", ["activation.Tanh", "activation.Sigmoid", "linear.Identity"])
def test_a_checkpoints_own_activation_changes_no_score(activation: str, tmp_path: Path) -> None:
    stated = f"torch.nn.modules.{activation}"
    folder = checkpoints.bert(tmp_path / "model", sbert_ce_default_activation_function=stated)
    model, texts = CrossEncoder(folder), ["berlin wall", "forest"]
    assert model.activation == activation.rpartition(".")[2].lower()
    app = app_of(load_model(str(folder)))
    units: dict[bool, ActivationName] = {True: "identity", False: "sigmoid"}
    for raw, unit in units.items():
        answered = post(app, "/rerank", {"query": "berlin", "texts": texts, "raw_scores": raw}).json()
        expected = CrossEncoder(folder, activation=unit).score("berlin", texts)
        np.testing.assert_allclose([a["score"] for a in answered], expected[[a["index"] for a in answered]], atol=1e-6)


def test_a_tanh_is_no_logit(tmp_path: Path) -> None:
    stated = "torch.nn.modules.activation.Tanh"
    model = CrossEncoder(checkpoints.bert(tmp_path / "model", sbert_ce_default_activation_function=stated))
    for scorer in (model, CachedScorer(model, tmp_path / "scores")):
        with pytest.raises(InputError, match="scorer must give logits where score_map is a sigmoid"):
            ServedModel(name="twice", scorer=scorer)
        assert ServedModel(name="once", scorer=scorer, score_map=float).scorer is scorer


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": 5}, "name must be that of a model, got int 5"),
        ({"name": ""}, "name must be that of a model, got str ''"),
        ({"name": "caf\udce9"}, r"name must be Unicode text, has the lone surrogate '\\udce9' at character 3"),
        ({"aliases": "prod"}, "aliases must be a list of names, got str 'prod'"),
        ({"aliases": ["a", 5]}, r"aliases\[1\] must be a name, got int 5"),
        ({"aliases": ["a", ""]}, r"aliases\[1\] must be a name, got ''"),
        ({"aliases": ["caf\udce9"]}, r"aliases\[0\] must be Unicode text, has the lone surrogate"),
        ({"scorer": None}, r"scorer must be an object with a method score\(query, documents\), .* got NoneType None"),
        ({"scorer": Recorder}, "scorer must be an object .* got the class Recorder"),
        ({"score_map": "map.json"}, "score_map must be a function from score to score, got str 'map.json'"),
        ({"instruction": 5}, "instruction must be text or None, got int 5"),
    ],
)
def test_what_a_served_model_is_made_of_is_checked(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ServedModel(**{"name": "a", "scorer": Recorder(), **given})


def test_the_models_are_a_list_and_each_a_name_or_a_model() -> None:
    one = ServedModel(name="a", scorer=Recorder())
    for models, message in (
        ("secondpass/mini", "models must be a list of names and ServedModels, got str 'secondpass/mini'"),
        (one, "models must be a list of names and ServedModels, got ServedModel "),
        (5, "models must be a list of names and ServedModels, got int 5"),
        ([one, Recorder], r"models\[1\] must be a name or a ServedModel, got type "),
    ):
        with pytest.raises(InputTypeError, match=message):
            create_app(models)  # type: ignore[arg-type] # what the check is for
    with pytest.raises(InputTypeError, match="limits must be Limits or None, got int 5"):
        create_app([one], limits=5)  # type: ignore[arg-type] # likewise
    with pytest.raises(InputTypeError, match="log_lengths must be True or False, got str 'no'"):
        create_app([one], log_lengths="no")  # type: ignore[arg-type] # likewise
    with pytest.raises(InputTypeError, match="aliases must be a list of names, got str 'prod'"):
        load_model("not/loaded", aliases="prod")
    assert ServedModel(name="a", scorer=Recorder(), aliases=["b"]).aliases == ("b",)  # type: ignore[arg-type] # likewise


def test_a_limit_of_tokens_counts_only_where_it_could_matter(folder_of: FolderOf) -> None:
    app = app_of(str(folder_of("bert")))
    long = ["people formed states " * 300, "short"]
    for path, body in (
        ("/v2/rerank", {**BODY, "max_tokens_per_doc": 4096}),
        ("/v2/rerank", {**BODY, "max_tokens_per_doc": 20}),
        ("/v2/rerank", {**BODY, "documents": long, "max_tokens_per_doc": 512}),
        ("/rerank", {**BODY, "documents": long, "truncate_prompt_tokens": -1}),
    ):
        without = {name: value for name, value in body.items() if name in BODY}
        assert post(app, path, body).json()["results"] == post(app, path, without).json()["results"]


@pytest.mark.parametrize(
    ("path", "limit", "n_characters"),
    [("/v2/rerank", {"max_tokens_per_doc": 20}, 80), ("/rerank", {"truncate_prompt_tokens": 20}, 56)],
)
def test_a_document_is_read_up_to_the_requests_own_limit(path: str, limit: dict[str, int], n_characters: int) -> None:
    scorer = Recorder()
    long = "abc " * 100
    answered = post(app_of(scorer), path, {**BODY, "documents": [long, "short"], "return_documents": True, **limit})
    assert answered.json()["results"][0]["document"] == {"text": long}
    assert answered.headers["x-truncated"] == "1"
    assert [len(document) for _, document in scorer.passes[0]] == [n_characters, 5]
    assert long.startswith(scorer.passes[0][0][1])


def test_a_limit_has_to_leave_room_for_a_document() -> None:
    refused = post(overlap_app(), "/rerank", {**BODY, "truncate_prompt_tokens": 3})
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "truncate_prompt_tokens")


def test_info_says_what_tei_says() -> None:
    told = ask(app_of("secondpass/mini", limits=Limits(max_documents=7)), "GET", "/info").json()
    assert told["model_id"] == "secondpass/mini"
    assert told["model_dtype"] == "float32"
    assert told["model_type"] == {"reranker": {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}}
    assert (told["max_input_length"], told["max_client_batch_size"], told["auto_truncate"]) == (256, 7, True)


def test_the_models_are_listed_as_openais_clients_read_them() -> None:
    served = [ServedModel(name=name, scorer=OverlapScorer(), aliases=(f"{name}-latest",)) for name in ("a", "b")]
    told = ask(create_app(served), "GET", "/v1/models").json()
    assert told["object"] == "list"
    assert [model["id"] for model in told["data"]] == ["a", "a-latest", "b", "b-latest"]
    assert {(model["object"], model["owned_by"]) for model in told["data"]} == {("model", "secondpass")}
    assert all(abs(model["created"] - time.time()) < 3600 for model in told["data"])


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("", 401),
        ("Bearer ", 401),
        ("Bearer wrong", 401),
        ("Bearer first and more", 401),
        ("Bearer voilà".encode(), 200),
        ("Bearer voilà".encode("latin-1"), 200),
        ("Bearer voilá".encode(), 401),
        ("Bearer first", 200),
        ("bearer second", 200),
        ("second", 200),
    ],
)
def test_a_key_opens_the_service(header: str | bytes | None, status: int, caplog: pytest.LogCaptureFixture) -> None:
    app = overlap_app(api_keys=["first", "second", "voilà"])
    headers: Any = {} if header is None else {"authorization": header}
    with caplog.at_level(logging.DEBUG):
        for path in ("/rerank", "/v1/rerank", "/v2/rerank"):
            assert post(app, path, BODY, headers=headers).status_code == status
        for path in ("/info", "/v1/models"):
            assert ask(app, "GET", path, headers=headers).status_code == status
    assert "first" not in caplog.text
    for path in ("/health", "/ready", "/metrics", "/docs", "/openapi.json"):
        assert ask(app, "GET", path).status_code == 200


def test_without_keys_any_authorization_will_do() -> None:
    for header in ("", "Bearer ", "Bearer anything"):
        assert post(overlap_app(), "/rerank", BODY, headers={"authorization": header}).status_code == 200


@pytest.mark.parametrize("keys", [[""], [" "], ["a", ""]])
def test_a_blank_key_is_refused(keys: list[str]) -> None:
    with pytest.raises(InputError, match="api_keys must hold at least one character each"):
        overlap_app(api_keys=keys)
    with pytest.raises(InputError, match="api_keys must be Unicode text"):
        overlap_app(api_keys=["\udcfc"])  # as Python reads a byte of the environment that is no text
    with pytest.raises(InputTypeError, match="api_keys must be a list of strings, got one string"):
        overlap_app(api_keys="secret")


@pytest.mark.parametrize(
    ("limits", "body", "status", "message"),
    [
        (Limits(max_documents=1), TEI, 422, "texts must be at most 1, got 2"),
        (Limits(max_text_characters=5), TEI, 422, "query must have at most 5 characters, got 7"),
        (Limits(max_text_characters=8), TEI, 422, "texts[0] must have at most 8 characters, got 9"),
        (Limits(max_body_bytes=20), TEI, 413, "the body must have at most 20 bytes"),
        (Limits(max_held_bytes=20), TEI, 413, "the body must have at most 20 bytes"),
        (Limits(max_queued_tokens=5), TEI, 413, "a request must have at most 5 tokens, got about "),
    ],
)
def test_what_is_beyond_a_limit_is_refused(limits: Limits, body: dict[str, object], status: int, message: str) -> None:
    answered = post(overlap_app(limits=limits), "/rerank", body)
    assert answered.status_code == status
    assert message in answered.text


@pytest.mark.parametrize("value", [0, -1, True, "5"])
@pytest.mark.parametrize("name", ["max_queued_tokens", "max_documents", "body_seconds", "pass_tokens"])
def test_a_limit_is_greater_than_0(name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"{name} must be "):
        Limits(**{name: value})  # type: ignore[arg-type] # what the check is for


def test_a_full_service_says_when_to_come_back() -> None:
    scorer = Recorder(held=True)
    app = app_of(scorer, limits=Limits(max_queued_tokens=30))

    async def overload() -> tuple[httpx.Response, httpx.Response, str, httpx.Response]:
        async with client_of(app) as client:
            first = asyncio.create_task(client.post("/rerank", json=TEI))
            await asyncio.to_thread(scorer.began.acquire)
            refused = await client.post("/rerank", json={"query": "other", "texts": ["text"] * 3 + ["another"]})
            waiting = (await client.get("/metrics")).text
            scorer.go.release()
            answered = await first
            scorer.go.release()
            return refused, answered, waiting, await client.post("/rerank", json=TEI)

    refused, answered, waiting, later = asyncio.run(overload())
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["error_type"] == "Overloaded"
    assert (answered.status_code, later.status_code) == (200, 200)
    assert 'te_queue_size{model="tested"} 1.0' in waiting
    assert 'te_request_failure{err="overloaded"} 1.0' in waiting


def test_requests_hold_their_bytes_until_they_are_answered() -> None:
    scorer = Recorder(held=True)
    app = app_of(scorer, limits=Limits(max_held_bytes=80))

    async def overload() -> list[int]:
        async with client_of(app) as client:
            first = asyncio.create_task(client.post("/rerank", json=TEI))
            await asyncio.to_thread(scorer.began.acquire)
            refused = await client.post("/rerank", json=TEI)
            scorer.go.release()
            answered = await first
            malformed = await client.post("/rerank", content=b"{" * 70)
            scorer.go.release()
            return [each.status_code for each in (refused, answered, malformed, await client.post("/rerank", json=TEI))]

    assert asyncio.run(overload()) == [429, 200, 400, 200]


def test_an_answer_takes_the_place_of_its_body_in_what_is_held() -> None:
    held = HeldBytes(100)
    request, other = RequestBytes(held), RequestBytes(held)

    def room() -> int:
        """How many bytes another request could bring now."""
        for n_bytes in range(100, -1, -1):
            with suppress(Problem):
                other.receive(n_bytes)
                other.release()
                return n_bytes
        raise AssertionError

    request.receive(60)
    assert room() == 40
    request.answer(10)
    assert room() == 40
    request.answer(80)
    assert room() == 20
    request.release()
    assert room() == 100


def test_a_body_that_there_is_never_room_for_is_too_large_however_it_comes() -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"{" * 15
        yield b"{" * 15

    refused = ask(overlap_app(limits=Limits(max_held_bytes=20)), "POST", "/rerank", content=content())
    assert refused.status_code == 413
    assert "retry-after" not in refused.headers


def test_a_client_that_leaves_is_not_scored_for() -> None:
    scorer = Recorder(held=True)
    app = app_of(scorer)

    async def leave() -> httpx.Response:
        async with client_of(app) as client:
            first = asyncio.create_task(client.post("/rerank", json=TEI))
            await asyncio.to_thread(scorer.began.acquire)
            leaves = asyncio.create_task(client.post("/rerank", json={"query": "gone", "texts": ["away"]}))
            await auntil(lambda: app.state.service.queue_sizes["tested"] == 2)
            leaves.cancel()
            await auntil(lambda: app.state.service.queue_sizes["tested"] == 1)
            scorer.go.release()
            scorer.go.release()
            return await first

    assert asyncio.run(leave()).status_code == 200
    assert all(query != "gone" for given in scorer.passes for query, _ in given)


def test_a_model_that_fails_for_a_pair_fails_that_request_alone(caplog: pytest.LogCaptureFixture) -> None:
    app = app_of(Recorder(broken=["secret text"]))
    for path, status in (("/rerank", 424), ("/v1/rerank", 500), ("/v2/rerank", 500)):
        field = "texts" if path == "/rerank" else "documents"
        answered = post(app, path, {"query": "q", field: ["fine", "secret text"]})
        assert answered.status_code == status
        assert "RuntimeError" in answered.text
        assert post(app, path, {"query": "q", field: ["fine"]}).status_code == 200
    assert "secret text" not in caplog.text
    assert "RuntimeError at " in caplog.text


@pytest.mark.parametrize("infinite", [float("inf"), -float("inf")])
def test_an_infinite_score_fails_where_it_would_have_to_be_written(infinite: float) -> None:
    class Infinite(Recorder):
        def predict(self, pairs: Iterable[Pair]) -> list[float]:
            return [infinite if score == len("a dog") else score for score in super().predict(pairs)]

    app = app_of(Infinite())
    pairs = {"text_1": "red fox", "text_2": TEI["texts"]}
    for path, body, status, place in (
        ("/rerank", TEI, 424, "texts[1]"),
        ("/v2/rerank", BODY, 500, "documents[1]"),
        ("/score", pairs, 500, "text_2[1]"),
    ):
        refused = post(app, path, {**body, "raw_scores": True})
        assert refused.status_code == status
        assert f"scores must be finite to be written as JSON, got {infinite} for {place}" in refused.text
        assert post(app, path, body).status_code == 200  # its sigmoid is 0 or 1
    results = post(app, "/v2/rerank", {**BODY, "relevant_spans": {}}).json()["results"]
    (raw_score,) = (result["raw_score"] for result in results if result["index"] == 1)
    assert raw_score == math.copysign(sys.float_info.max, infinite)


def test_headers_say_what_an_answer_took() -> None:
    answered = post(app_of("secondpass/mini"), "/rerank", TEI)
    times = [int(answered.headers[f"x-{name}-time"]) for name in ("compute", "queue", "inference", "total")]
    assert all(time >= 0 for time in times)
    assert answered.headers["x-compute-type"].startswith(("cpu", "cuda", "mps"))
    assert answered.headers["x-compute-characters"] == str(2 * len("red fox") + len("a red fox") + len("a dog"))
    n_tokens = CrossEncoder("secondpass/mini").read([("red fox", "a red fox"), ("red fox", "a dog")]).n_tokens
    assert n_tokens is not None
    assert answered.headers["x-compute-tokens"] == str(n_tokens.sum())


def test_tokens_of_a_scorer_that_does_not_count_them_are_estimated() -> None:
    # A token for 4 bytes and one more of each text, and 4 special tokens.
    answered = post(overlap_app(), "/v1/rerank", {"query": "red fox", "documents": ["a red fox", "a dog"]}).json()
    assert answered["usage"]["total_tokens"] == (1 + 1 + 2 + 1 + 4) + (1 + 1 + 1 + 1 + 4)


def test_counters_have_teis_names() -> None:
    app = overlap_app()
    post(app, "/rerank", TEI)
    post(app, "/rerank", {"query": "q"})
    text = ask(app, "GET", "/metrics").text
    for line in (
        'te_request_count{method="rerank"} 2.0',
        'te_request_success{method="rerank"} 1.0',
        'te_request_failure{err="invalid"} 1.0',
        "te_request_duration_count 1.0",
        'te_request_queue_duration_count{model="overlap"} 1.0',
        'te_request_inference_duration_count{model="overlap"} 1.0',
        'te_queue_size{model="overlap"} 0.0',
        'te_batch_next_size_sum{model="overlap"} 2.0',
        'secondpass_documents_total{model="overlap"} 2.0',
        'secondpass_truncated_documents_total{model="overlap"} 0.0',
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize("shows_lengths", [False, True])
def test_a_request_is_a_line_without_its_texts(caplog: pytest.LogCaptureFixture, *, shows_lengths: bool) -> None:
    app = overlap_app(log_lengths=shows_lengths)
    with caplog.at_level(logging.DEBUG, "secondpass.service"):
        post(app, "/v1/rerank?q=fox", BODY)
        post(app, "/rerank", {"query": "fox", "texts": ["fox", 5]})
        ask(app, "POST", "/rerank", content=b'{"fox')
    lines = [record.getMessage() for record in caplog.records if record.name == "secondpass.service"]
    assert lines[0].startswith("POST /v1/rerank 200 ")
    assert lines[0].endswith(" ms 2 documents 14 characters" if shows_lengths else " ms 2 documents")
    assert [line.split(" ms")[0].rsplit(" ", 1)[0] for line in lines[1:]] == ["POST /rerank 422", "POST /rerank 400"]
    assert "fox" not in caplog.text


def test_a_path_cannot_write_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "secondpass.service"):
        ask(overlap_app(), "GET", "/x%0aPOST /rerank 200")
    assert "\n" not in caplog.records[0].getMessage()


def test_ready_says_no_once_the_service_is_to_stop() -> None:
    app = overlap_app()

    def told() -> list[int]:
        return [ask(app, method, path).status_code for path in ("/ready", "/health") for method in ("GET", "HEAD")]

    assert told() == [200, 200, 200, 200]
    app.state.service.drain()
    assert told() == [503, 503, 200, 200]
    refused = post(app, "/v2/rerank", BODY)
    assert (refused.status_code, refused.json()) == (503, {"message": "this server is about to stop"})
    assert refused.headers["retry-after"] == "1"


def test_an_app_can_be_started_again() -> None:
    app = app_of(Recorder())

    async def run() -> list[int]:
        async with app.router.lifespan_context(app), client_of(app) as client:
            answers = [await client.get("/ready"), await client.post("/rerank", json=TEI)]
        return [answered.status_code for answered in answers]

    for _ in range(3):
        assert asyncio.run(run()) == [200, 200]
        assert ask(app, "GET", "/ready").status_code == 503
    assert 'te_request_success{method="rerank"} 3.0' in ask(app, "GET", "/metrics").text


def test_a_service_that_is_to_stop_before_it_has_started_does_not_start() -> None:
    app = overlap_app()
    app.state.service.drain()

    async def run() -> int:
        async with app.router.lifespan_context(app), client_of(app) as client:
            return (await client.get("/ready")).status_code

    assert asyncio.run(run()) == 503


@pytest.mark.parametrize("path", ["/rerank/", "/v1/rerank/", "/v2/rerank/", "/info/"])
def test_no_host_of_a_request_is_repeated(path: str) -> None:
    answered = ask(overlap_app(), "POST", path, json=BODY, headers={"host": "evil.example"})
    assert answered.status_code == 404
    assert "location" not in answered.headers


@pytest.mark.parametrize(
    ("content", "headers", "status", "message"),
    [
        (b"\x1f\x8b\x08", {"content-encoding": "gzip"}, 415, "the body must be sent as it is, got it encoded as gzip"),
        ("{}".encode("utf-16"), {"content-type": "application/json; charset=UTF-16"}, 415, "must be UTF-8, got UTF-16"),
        (b'{"query": "\\ud800"}', {}, 400, r"the \u escapes of the body must be whole characters"),
        (b'{"query": "\\ud800\\u0041"}', {}, 400, r"the \u escapes of the body must be whole characters"),
    ],
)
def test_what_a_body_is_encoded_as_is_named(content: bytes, headers: dict[str, str], status: int, message: str) -> None:
    refused = ask(overlap_app(), "POST", "/v2/rerank", content=content, headers=headers)
    assert refused.status_code == status
    assert message in refused.json()["message"]


@pytest.mark.parametrize("content_type", ["application/json; charset=iso-8859-1", 'application/json; charset="utf-8"'])
def test_a_body_that_can_be_read_is_read_whatever_it_says_of_itself(content_type: str) -> None:
    content = b"\xef\xbb\xbf" + json.dumps(BODY).encode()
    answered = ask(overlap_app(), "POST", "/v2/rerank", content=content, headers={"content-type": content_type})
    assert answered.status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"query": "q", "texts": ["\\ud800"]}',
        b'{"query": "q", "texts": ["a"], "x": NaN}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"query": "q", "texts": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"query": "q", "texts": ["a"], "x": ' + b"9" * 50_000 + b"}",
    ],
    ids=lambda content: content[:12].decode("latin-1"),
)
@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank", "/v2/rerank", "/score"])
def test_what_is_no_json_object_is_refused(path: str, content: bytes) -> None:
    answered = ask(overlap_app(), "POST", path, content=content)
    assert answered.status_code in {400, 422} or (b"99999" in content and answered.status_code == 200)
    assert json.loads(answered.content)
