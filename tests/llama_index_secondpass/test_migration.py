"""Calls as LlamaIndex's other rerankers are made: taken where they mean the same here, refused by name where not."""

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.postprocessor import SentenceTransformerRerank
from llama_index.core.schema import NodeWithScore, TextNode

from llama_index_secondpass import SecondPassRerank
from secondpass.errors import InputError, InputTypeError

RERANK: Any = SecondPassRerank


@pytest.mark.parametrize(
    ("positions", "arguments", "fields", "before", "after"),
    [
        # SentenceTransformerRerank of the plugin
        (("m",), {}, {"model": "m"}, "'m'", "model='m'"),
        (("m",), {"top_n": 2}, {"model": "m", "top_n": 2}, "'m'", "model='m', top_n=2"),
        (
            ("m", "cpu", "/cache", 2, True),
            {},
            {"model": "m", "device": "cpu", "cache_dir": "/cache", "top_n": 2, "keep_retrieval_score": True},
            "'m', 'cpu', '/cache', 2, True",
            "model='m', device='cpu', top_n=2, keep_retrieval_score=True, cache_dir='/cache'",
        ),
        (("m", None, None, 2), {}, {"model": "m", "top_n": 2}, "'m', None, None, 2", ""),
        (
            (),
            {"model": "m", "cache_folder": Path("/cache")},
            {"model": "m", "cache_dir": "/cache"},
            "cache_folder=...",
            "model='m', cache_dir='/cache'",
        ),
        (
            (),
            {"model": "m", "cross_encoder_kwargs": {"max_length": 9, "model_kwargs": {"dtype": "float16"}}},
            {"model": "m", "max_length": 9, "dtype": "float16"},
            "cross_encoder_kwargs=...",
            "model='m', max_length=9, dtype='float16'",
        ),
        ((), {"model": "m", "cross_encoder_kwargs": None}, {"model": "m"}, "cross_encoder_kwargs=...", "model='m'"),
        # SentenceTransformerRerank of core, FlagEmbeddingReranker, CohereRerank
        ((2, "m"), {}, {"model": "m", "top_n": 2}, "2, 'm'", "top_n=2, model='m'"),
        ((2,), {"model": "m"}, {"model": "m", "top_n": 2}, "2", "top_n=2, model='m'"),
        ((), {"model": "m", "use_fp16": True}, {"model": "m", "dtype": "float16"}, "use_fp16=...", "dtype='float16'"),
        ((), {"model": "m", "use_fp16": False}, {"model": "m", "dtype": "float32"}, "use_fp16=...", "dtype='float32'"),
        ((), {"model_name": "m", "top_k": 2}, {"model": "m", "top_n": 2}, "model_name=..., top_k=...", "model='m'"),
        ((), {"model": "m", "top_k": None}, {"model": "m", "top_n": None}, "top_k=...", "model='m', top_n=None"),
    ],
)
def test_what_translates(
    positions: tuple[Any, ...], arguments: dict[str, Any], fields: dict[str, Any], before: str, after: str
) -> None:
    with pytest.warns(DeprecationWarning, match="is how another reranker spells it") as warned:
        moved = RERANK(*positions, **arguments)
    (warning,) = warned
    said, _, write = str(warning.message).partition(" is how another reranker spells it: write ")
    assert said == f"SecondPassRerank({before})"
    assert after in write
    assert warning.filename == __file__
    again = eval(write, {"SecondPassRerank": SecondPassRerank})  # noqa: S307 - what it says to write, written
    assert {name: getattr(moved, name) for name in fields} == fields
    assert again.to_dict() == moved.to_dict()
    assert moved.to_dict() == SecondPassRerank(**fields).to_dict()


@pytest.mark.parametrize(
    ("positions", "arguments", "error", "message"),
    [
        ((2, "m", "cpu"), {}, InputTypeError, "SecondPassRerank takes top_n, model by position, got str 'cpu' too: "),
        ((None,), {}, InputTypeError, r"model must be a name, got NoneType None: write SecondPassRerank\(model=..., "),
        (("m", "cpu", None, 2, True, {}, 3), {}, InputTypeError, "by position, got int 3 too: write its name"),
        (("m",), {"model": "other"}, InputTypeError, "SecondPassRerank got model by position and by name"),
        ((), {"model": "m", "use_fp16": 1}, InputTypeError, "use_fp16 must be True or False, got int 1"),
        (
            (),
            {"model": "m", "dtype": "float32", "use_fp16": True},
            InputError,
            "dtype is given twice and differs: 'float32', and 'float16' by use_fp16",
        ),
        (
            (),
            {"model": "m", "cross_encoder_kwargs": {"num_labels": 2}},
            InputError,
            r"cross_encoder_kwargs\['num_labels'\] must be None, got 2",
        ),
        (
            (),
            {"model": "m", "model_kwargs": {"dtype": "float16"}},
            InputError,
            "model_kwargs means nothing here: write what it holds by name",
        ),
        ((), {"model": "m", "api_key": "x"}, InputError, "api_key means nothing here: remove it, the model runs here"),
        ((), {"model": "m", "max_retries": 3}, InputError, "max_retries means nothing here: remove it"),
        ((), {"model": "m", "llm": None}, InputError, "llm means nothing here: remove it, a cross-encoder asks no LLM"),
    ],
)
def test_what_does_not_translate_is_refused_by_name(
    positions: tuple[Any, ...], arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        RERANK(*positions, **arguments)


def test_what_the_other_reranker_saved_loads() -> None:
    other = SentenceTransformerRerank.model_construct(model="some/model", top_n=2, device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        moved = SecondPassRerank.from_dict(other.to_dict())
    assert (moved.model, moved.top_n, moved.device) == ("some/model", 2, "cpu")


def test_names_of_today_warn_of_nothing_wherever_they_come_from() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adapter = SecondPassRerank(model="m", top_n=2, device="cpu")
        for other in (
            SecondPassRerank.from_dict(adapter.to_dict()),
            SecondPassRerank.from_json(adapter.to_json()),
            pickle.loads(pickle.dumps(adapter)),  # noqa: S301 - our own
            copy.deepcopy(adapter),
            adapter.model_copy(update={"top_n": 2}),
        ):
            assert other.to_dict() == adapter.to_dict()


@pytest.mark.parametrize("query", ["a text", 3, ["a"]])
def test_a_query_that_is_not_a_bundle_is_refused(query: Any) -> None:
    nodes = [NodeWithScore(node=TextNode(text="a"))]
    with pytest.raises(InputTypeError, match=r"query_bundle must be a QueryBundle, got .*: give a text as query_str="):
        RERANK(model="no/such-model").postprocess_nodes(nodes, query)
