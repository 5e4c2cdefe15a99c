"""What Haystack expects of a ranker."""

import json
from typing import Any

import haystack
import pytest
from haystack import Document, Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.core.errors import SerializationError
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import ComponentDevice, Secret
from shared import shared

from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from haystack_integrations.components.rankers.secondpass.parameters import model_options
from secondpass.errors import InputError
from secondpass.testing import OverlapScorer

QUERY = "big red cat"
TEXTS = ["a red car", "a dog", "the big red cat", "big cat"]
BEST_FIRST = ["the big red cat", "big cat", "a red car", "a dog"]

# Haystack 2 has a class of its own for asynchronous pipelines, which 3 merged into Pipeline.
AsyncPipeline = getattr(haystack, "AsyncPipeline", Pipeline)


def documents() -> list[Document]:
    return [Document(content=text) for text in TEXTS]


def ranker(**arguments: Any) -> SecondPassRanker:
    return SecondPassRanker(**{"scorer": OverlapScorer(), "scale_score": False, **arguments})


def contents(result: dict[str, list[Document]]) -> list[str | None]:
    return [document.content for document in result["documents"]]


def read_by_scorer(document: Document, **arguments: Any) -> tuple[str, str]:
    scorer = OverlapScorer()
    ranker(scorer=scorer, **arguments).run("query", [document])
    ((query, (text,)),) = scorer.calls
    return query, text


def retrieval_pipeline(kind: type[Pipeline], component: SecondPassRanker) -> Pipeline:
    """Two BM25 retrievers over overlapping stores, joined, then ranked.

    Give the ranker a threshold: some versions of the retriever give documents that match nothing.
    """
    pipeline = kind()
    pipeline.add_component("joiner", DocumentJoiner(join_mode="concatenate"))
    pipeline.add_component("ranker", component)
    for name, part in (("left", documents()[:3]), ("right", documents()[2:])):
        store = InMemoryDocumentStore()
        store.write_documents(part)
        pipeline.add_component(name, InMemoryBM25Retriever(store))
        pipeline.connect(f"{name}.documents", "joiner.documents")
    pipeline.connect("joiner.documents", "ranker.documents")
    return pipeline


def test_pipeline_with_two_retrievers_joined() -> None:
    pipeline = retrieval_pipeline(Pipeline, ranker(score_threshold=0.1))
    result = pipeline.run({name: {"query": QUERY} for name in ("left", "right", "ranker")})
    assert contents(result["ranker"]) == BEST_FIRST[:3]


async def test_async_pipeline_with_two_retrievers_joined() -> None:
    pipeline: Any = retrieval_pipeline(AsyncPipeline, ranker(score_threshold=0.1))
    result = await pipeline.run_async({name: {"query": QUERY} for name in ("left", "right", "ranker")})
    assert contents(result["ranker"]) == BEST_FIRST[:3]


def test_a_duplicate_without_a_number_for_a_score_goes() -> None:
    documents = [Document(id="1", content=text, score=score) for text, score in (("a", float("nan")), ("cat", 0.1))]
    for candidates in (documents, documents[::-1]):
        (kept,) = SecondPassRanker(scorer=OverlapScorer()).run(query="cat", documents=candidates)["documents"]
        assert kept.content == "cat"


def test_metadata_is_a_copy_too() -> None:
    document = Document(content="a cat", meta={"tags": 1})
    (ranked,) = SecondPassRanker(scorer=OverlapScorer()).run(query="cat", documents=[document])["documents"]
    ranked.meta["tags"] = 2
    assert document.meta == {"tags": 1}


def test_duplicates_go_and_the_best_scored_stays() -> None:
    candidates = [
        Document(id="a", content="cat", meta={"from": 1}, score=0.1),
        Document(id="b", content="dog"),
        Document(id="a", content="cat", meta={"from": 2}, score=0.9),
        Document(id="a", content="cat", meta={"from": 3}),
    ]
    result = ranker().run("cat", candidates)["documents"]
    assert [(document.id, document.meta, document.score) for document in result] == [
        ("a", {"from": 2}, 1.0),
        ("b", {}, 0.0),
    ]


def test_query_and_documents_get_their_prefixes_and_suffixes() -> None:
    affixes = {"query_prefix": "Q:", "query_suffix": ":q", "document_prefix": "D:", "document_suffix": ":d"}
    assert read_by_scorer(Document(content="text"), **affixes) == ("Q:query:q", "D:text:d")


def test_metadata_zero_and_false_are_kept_and_none_is_not() -> None:
    document = Document(content="text", meta={"n": 0, "b": False, "none": None, "empty": ""})
    fields = ["n", "b", "none", "empty", "absent"]
    assert read_by_scorer(document, meta_fields_to_embed=fields, embedding_separator="|")[1] == "0|False||text"


def test_no_content_counts_as_empty() -> None:
    assert read_by_scorer(Document(content=None))[1] == ""


def test_scaling_is_a_sigmoid_of_the_score() -> None:
    # sigmoid(0) = 0.5 and sigmoid(1) = 0.7310585786, by any table; sigmoid(2) = 0.880797078.
    candidates = [Document(content="dog"), Document(content="cat")]
    scores = [document.score for document in ranker(scale_score=True).run("cat", candidates)["documents"]]
    assert scores == pytest.approx([0.7310585786, 0.5], abs=1e-9)
    twice = ranker(scale_score=True, calibration_factor=2.0).run("cat", candidates)["documents"]
    assert [document.score for document in twice] == pytest.approx([0.880797078, 0.5], abs=1e-9)


def test_threshold_is_of_the_scaled_score() -> None:
    candidates = [Document(content="dog"), Document(content="cat")]
    assert contents(ranker(scale_score=True, score_threshold=0.6).run("cat", candidates)) == ["cat"]
    assert contents(ranker(scale_score=True, score_threshold=0.5).run("cat", candidates)) == ["cat", "dog"]


def test_scaled_scores_are_those_of_sentence_transformers() -> None:
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import CrossEncoder
    from torch.nn import Identity, Sigmoid

    model = str(shared("models/ce-minilm6"))
    reference = CrossEncoder(model, device="cpu")
    for scale, activation in ((True, Sigmoid()), (False, Identity())):
        expected = reference.predict([(QUERY, text) for text in TEXTS], activation_fn=activation)
        result = SecondPassRanker(model, scale_score=scale).run(QUERY, documents())["documents"]
        assert {document.content: document.score for document in result} == pytest.approx(
            dict(zip(TEXTS, expected.tolist(), strict=True)), abs=1e-5
        )


def test_a_run_can_ask_for_something_else() -> None:
    component = ranker(top_k=2, score_threshold=0.9)
    assert contents(component.run(QUERY, documents())) == BEST_FIRST[:1]
    assert contents(component.run(QUERY, documents(), top_k=3, score_threshold=0.0)) == BEST_FIRST[:3]
    assert contents(component.run(QUERY, documents(), score_threshold=0)) == BEST_FIRST[:2]
    scaled = component.run(QUERY, documents(), scale_score=True, score_threshold=0.0)["documents"]
    assert scaled[0].score == pytest.approx(0.7310585786, abs=1e-9)
    unscaled = ranker(scale_score=True).run(QUERY, documents(), scale_score=False)["documents"]
    assert unscaled[0].score == 1.0


@pytest.mark.parametrize("top_k", [0, -1])
def test_top_k_below_one_is_refused_in_the_words_of_haystack(top_k: int) -> None:
    with pytest.raises(ValueError, match=f"top_k must be > 0, but got {top_k}"):
        ranker(top_k=top_k)
    with pytest.raises(ValueError, match=f"top_k must be > 0, but got {top_k}"):
        ranker().run(QUERY, documents(), top_k=top_k)


@pytest.mark.parametrize("factor", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_a_calibration_factor_that_breaks_the_order_is_refused(factor: float | None) -> None:
    with pytest.raises(ValueError, match="calibration_factor must be greater than 0 to scale, and finite, got"):
        ranker(scale_score=True, calibration_factor=factor)


def test_nothing_changes_in_place() -> None:
    candidates = documents()  # Haystack warns when a document is changed, and a warning is an error here
    ranker().run(QUERY, candidates)
    assert [document.score for document in candidates] == [None] * 4


def test_pipeline_loads_without_an_allow_list_and_without_a_device_of_this_machine(model: str) -> None:
    pipeline = Pipeline()
    pipeline.add_component("ranker", SecondPassRanker(model, top_k=3))
    text = pipeline.dumps()
    assert "type: haystack_integrations.components.rankers.secondpass.ranker.SecondPassRanker" in text
    assert "device: null" in text
    loaded = Pipeline.loads(text)
    assert loaded.dumps() == text
    data = {"ranker": {"query": QUERY, "documents": documents()}}
    expected = pipeline.run(data)
    assert loaded.run(data) == expected
    assert pipeline.dumps() == text  # and it still runs after that
    assert pipeline.run(data) == expected


def test_round_trip_keeps_every_parameter() -> None:
    component = SecondPassRanker(
        "some/model",
        device=ComponentDevice.from_str("cuda:1"),
        token=Secret.from_env_var("MY_TOKEN"),
        top_k=None,
        query_prefix="a",
        query_suffix="b",
        document_prefix="c",
        document_suffix="d",
        meta_fields_to_embed=["title"],
        embedding_separator=" ",
        scale_score=False,
        calibration_factor=0.5,
        score_threshold=0.25,
        trust_remote_code=True,
        model_kwargs={"torch_dtype": "torch.float16"},
        tokenizer_kwargs={"model_max_length": 128},
        config_kwargs={"revision": "main"},
        batch_size=8,
        label=1,
        cache_dir="/cache",
        local_files_only=True,
        share_model=False,
    )
    data = component.to_dict()
    assert json.loads(json.dumps(data)) == data
    loaded = SecondPassRanker.from_dict(data)
    assert loaded.to_dict() == data == component.to_dict()
    assert loaded.device == component.device
    assert loaded.token == component.token
    assert model_options(vars(loaded)) == model_options(vars(component))


def test_a_token_in_the_clear_is_refused_by_saving_and_in_no_repr() -> None:
    component = SecondPassRanker("some/model", token=Secret.from_token("hf_secret"))
    with pytest.raises(ValueError, match="Cannot serialize token-based secret"):
        component.to_dict()
    scorer: Any = component._scorer()
    assert "hf_secret" not in repr(component) + repr(scorer) + repr(scorer.options)


def test_a_scorer_cannot_be_saved() -> None:
    with pytest.raises(SerializationError, match="SecondPassRanker with scorer=OverlapScorer cannot be saved"):
        ranker().to_dict()


def test_arguments_are_not_the_components_to_change() -> None:
    arguments: dict[str, Any] = {"model_kwargs": {"revision": "main"}, "meta_fields_to_embed": ["title"]}
    component = SecondPassRanker("some/model", **arguments)
    component.to_dict()["init_parameters"]["model_kwargs"]["revision"] = "other"
    assert arguments == {"model_kwargs": {"revision": "main"}, "meta_fields_to_embed": ["title"]}
    assert component.to_dict()["init_parameters"]["model_kwargs"] == {"revision": "main"}


def test_several_devices_are_refused() -> None:
    with pytest.raises(InputError, match="device must be one device, got"):
        SecondPassRanker("some/model", device=ComponentDevice.from_multiple(two_devices()))


def two_devices() -> haystack.utils.DeviceMap:
    return haystack.utils.DeviceMap({"a": haystack.utils.Device.cpu(), "b": haystack.utils.Device.gpu(0)})
