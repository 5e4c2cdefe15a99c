"""`predict` gives what sentence-transformers' own class gives: values, types, dtypes and shapes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import pytest
import torch
from compare import assert_scores
from folders import FolderOf
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder as Reference
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import LayerNorm, Pooling
from texts import PAIRS
from torch import nn

from secondpass.errors import InputError, InputTypeError, ScoringError
from secondpass.sentence_transformers import CrossEncoder

FEW: Any = [["berlin wall", "the wall fell"], ["berlin", ""], ["how many people", "a population of 3,520,031"]]
LABELS = {0: "contradiction", 1: "entailment", 2: "neutral"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """A checkpoint of one label and one of three."""
    root = tmp_path_factory.mktemp("labels")
    return {1: checkpoints.bert(root / "one"), 3: checkpoints.bert(root / "three", n_labels=3, id2label=LABELS)}


@pytest.fixture(scope="module", params=[1, 3])
def pair_of_models(request: pytest.FixtureRequest, folders: dict[int, Path]) -> tuple[CrossEncoder, Reference]:
    folder = str(folders[request.param])
    return CrossEncoder(folder), Reference(folder, device="cpu")


def assert_alike(actual: object, expected: object) -> None:
    """Raise AssertionError unless both are of one type, dtype and shape, and of the same values to 1e-5."""
    assert type(actual) is type(expected)
    if isinstance(expected, list):
        assert isinstance(actual, list)
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_alike(one, other)
        return
    assert isinstance(expected, np.ndarray | np.generic | torch.Tensor)
    assert isinstance(actual, np.ndarray | np.generic | torch.Tensor)
    assert actual.dtype == expected.dtype
    assert tuple(actual.shape) == tuple(expected.shape)
    if isinstance(actual, torch.Tensor) and isinstance(expected, torch.Tensor):
        assert actual.device == expected.device
    assert_scores(actual, expected)


@pytest.mark.parametrize("family", checkpoints.CLASSIFIERS)
def test_scores_equal_for_every_pair_of_awkward_texts(family: str, folder_of: FolderOf) -> None:
    folder = str(folder_of(family))
    # deberta-v2 states no token limit that sentence-transformers would apply without an argument
    expected = Reference(folder, max_length=96, device="cpu").predict(list(PAIRS))
    assert_alike(CrossEncoder(folder, max_length=96, device="cpu").predict(list(PAIRS)), expected)
    assert expected.std() > 0.01, "a model whose scores are all alike would agree with anything"


@pytest.mark.parametrize("n_labels", [1, 3])
@pytest.mark.parametrize("base", ["modernbert", "qwen3"])
def test_models_made_of_modules(base: str, n_labels: int, folder_of: FolderOf, tmp_path: Path) -> None:
    modules = [
        Transformer(str(folder_of(base)), transformer_task="feature-extraction"),
        Pooling(24, "cls"),
        Dense(24, 20, activation_function=nn.GELU()),
        LayerNorm(20),
        Dense(20, n_labels, activation_function=nn.Identity(), module_output_name="scores"),
    ]
    Reference(modules=modules, device="cpu").save_pretrained(str(tmp_path))
    if base == "qwen3":  # as published ones have it, whose text is read as it is and not through a chat template
        checkpoints.edit_json(tmp_path / "config.json", architectures=["Qwen3ForCausalLM"])
    model, reference = CrossEncoder(tmp_path, max_length=64), Reference(str(tmp_path), max_length=64, device="cpu")
    assert model.num_labels == reference.num_labels == n_labels
    assert type(model.activation_fn) is type(reference.activation_fn)
    pairs = [pair for pair in FEW if all(pair)]
    assert_alike(model.predict(pairs), reference.predict(pairs))


@pytest.mark.parametrize("convert_to_numpy", [True, False])
@pytest.mark.parametrize("convert_to_tensor", [True, False])
@pytest.mark.parametrize("inputs", [FEW, FEW[:1], FEW[0], []], ids=["several", "one in a list", "one alone", "none"])
def test_results_are_of_the_same_type_dtype_and_shape(
    pair_of_models: tuple[CrossEncoder, Reference],
    inputs: Any,
    convert_to_numpy: bool,  # noqa: FBT001 - a parameter of the test
    convert_to_tensor: bool,  # noqa: FBT001 - likewise
) -> None:
    model, reference = pair_of_models
    arguments: dict[str, Any] = {"convert_to_numpy": convert_to_numpy, "convert_to_tensor": convert_to_tensor}
    assert_alike(model.predict(inputs, **arguments), reference.predict(inputs, **arguments))


@pytest.mark.parametrize(
    "form",
    [tuple, lambda pairs: [tuple(pair) for pair in pairs], np.array, lambda pairs: np.array(pairs, dtype=object)],
    ids=["tuple of lists", "list of tuples", "array of text", "array of objects"],
)
def test_pairs_come_in_any_form(
    pair_of_models: tuple[CrossEncoder, Reference], form: Callable[[list[list[str]]], Any]
) -> None:
    model, reference = pair_of_models
    assert_alike(model.predict(form(FEW)), reference.predict(form(FEW)))
    assert_alike(model.predict(form(FEW)[0]), reference.predict(form(FEW)[0]))


def test_a_column_of_a_data_set_is_read(pair_of_models: tuple[CrossEncoder, Reference]) -> None:
    datasets = pytest.importorskip("datasets")
    column = datasets.Dataset.from_dict({"pair": FEW})["pair"]
    model, reference = pair_of_models
    assert model.is_singular_input(column) is reference.is_singular_input(column) is False
    assert_alike(model.predict(column), reference.predict(column))


@pytest.mark.parametrize(
    "inputs",
    [FEW, FEW[0], tuple(FEW[0]), [], (), np.array(FEW), np.array(FEW[0]), np.array([], dtype=str), "text", None, 3],
    ids=repr,
)
def test_one_pair_is_told_from_several(pair_of_models: tuple[CrossEncoder, Reference], inputs: Any) -> None:
    model, reference = pair_of_models
    assert model.is_singular_input(inputs) is reference.is_singular_input(inputs)


class Halved(nn.Module):
    """An activation of the caller's own."""

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        return logits / 2


ACTIVATIONS: list[Any] = [nn.Identity(), nn.Sigmoid(), nn.Tanh(), nn.Softmax(dim=-1), nn.ReLU(), Halved(), torch.exp]


@pytest.mark.parametrize("activation_fn", ACTIVATIONS, ids=lambda fn: getattr(fn, "__name__", type(fn).__name__))
@pytest.mark.parametrize("apply_softmax", [True, False])
def test_any_activation_is_applied_as_there(
    pair_of_models: tuple[CrossEncoder, Reference],
    activation_fn: Any,
    apply_softmax: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    model, reference = pair_of_models
    before = model.activation_fn
    arguments: dict[str, Any] = {"activation_fn": activation_fn, "apply_softmax": apply_softmax}
    assert_alike(model.predict(FEW, **arguments), reference.predict(FEW, **arguments))
    assert model.activation_fn is before, "one call's activation is not the next one's"


def test_an_activation_can_be_assigned(folders: dict[int, Path]) -> None:
    model, reference = CrossEncoder(folders[1]), Reference(str(folders[1]), device="cpu")
    model.activation_fn = reference.activation_fn = nn.Tanh()
    assert_alike(model.predict(FEW), reference.predict(FEW))


def test_an_activation_must_give_a_score_for_each_pair(folders: dict[int, Path]) -> None:
    with pytest.raises(InputError, match="activation_fn must give a row for each of 3 pairs"):
        CrossEncoder(folders[1]).predict(FEW, activation_fn=torch.sum)
    a_class: Any = nn.Sigmoid
    with pytest.raises(InputTypeError, match=r"activation_fn must be a function or a module such as Sigmoid\(\)"):
        CrossEncoder(folders[1], activation_fn=a_class)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("text", "inputs must be a list of"),
        (None, "inputs must be a list of"),
        ((pair for pair in FEW), "inputs must be a list of"),
        (["one"], r"inputs\[0\] must be a \(query, document\) pair of strings"),
        (["one", "two", "three"], r"inputs\[0\] must be"),
        ([["a", "b"], ["a", None]], r"inputs\[1\] must be"),
        ([[{"role": "query", "content": "a"}]], r"inputs\[0\] must be"),
    ],
)
def test_what_is_no_pair_of_texts_is_refused(folders: dict[int, Path], inputs: object, message: str) -> None:
    with pytest.raises(InputTypeError, match=message):
        CrossEncoder(folders[1]).predict(inputs)


def test_nan_of_a_model_is_an_error(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = checkpoints.bert(tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "classifier.bias": torch.tensor([torch.nan])}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ScoringError, match="got NaN for pair 0"):
        CrossEncoder(folder).predict(FEW)


@pytest.mark.parametrize("batch_size", [1, 2, 1000])
def test_a_batch_size_changes_no_score(folders: dict[int, Path], batch_size: int) -> None:
    model = CrossEncoder(folders[1])
    assert_scores(model.predict(FEW, batch_size=batch_size), model.predict(FEW))
    with pytest.raises(InputError, match="batch_size must be at least 1, got 0"):
        model.predict(FEW, batch_size=0)


def test_a_limit_for_one_call(pair_of_models: tuple[CrossEncoder, Reference]) -> None:
    model, reference = pair_of_models
    processing: dict[str, Any] = {"text": {"max_length": 6, "truncation": True}}
    expected = reference.predict(FEW, processing_kwargs=processing)
    assert_alike(model.predict(FEW, processing_kwargs=processing), expected)
    assert not np.allclose(model.predict(FEW), expected)
    others: list[Any] = [
        {"text": {"padding": True}},
        {"common": {}},
        {"text": {"max_length": 6}, "image": {}},
        ["text"],
    ]
    for refused in others:
        with pytest.raises(InputError, match="processing_kwargs may only hold a limit"):
            model.predict(FEW, processing_kwargs=refused)


def test_arguments_of_earlier_releases(folders: dict[int, Path], caplog: pytest.LogCaptureFixture) -> None:
    model = CrossEncoder(folders[1])
    scores = model.predict(sentences=FEW, activation_fct=nn.Tanh(), num_workers=2)
    assert_scores(scores, model.predict(FEW, activation_fn=nn.Tanh()))
    for name in ("sentences", "activation_fct", "num_workers"):
        assert f"`{name}` argument" in caplog.text
    with pytest.raises(TypeError, match="unexpected keyword argument 'batchsize'"):
        model.predict(FEW, batchsize=3)
    twice: list[tuple[Callable[..., Any], str]] = [
        (lambda: model.predict(FEW, sentences=FEW[:1]), "predict.. got multiple values for argument 'inputs'"),
        (lambda: model.predict(FEW, activation_fn=nn.Tanh(), activation_fct=nn.ReLU()), "argument 'activation_fn'"),
        (lambda: model.rank("a", ["b"], activation_fn=nn.Tanh(), activation_fct=nn.ReLU()), "rank.. got multiple"),
        (lambda: model.rank("a", ["b"], sentences=FEW), "rank.. got an unexpected keyword argument 'sentences'"),
    ]
    for call, message in twice:
        with pytest.raises(TypeError, match=message):
            call()
    # by position it stood where release 6 has the name of a prompt
    positional: Any = (FEW, 64)
    with pytest.raises(InputTypeError, match="prompt_name must be a string or None, got int 64: batch_size"):
        model.predict(*positional)


def test_a_prompt_that_is_no_text_is_named_and_no_pair_is_blamed(folders: dict[int, Path]) -> None:
    model = CrossEncoder(folders[1])
    with pytest.raises(InputError, match=r"^prompt must be Unicode text, has the lone surrogate .* at character 1$"):
        model.predict(FEW, prompt="a\ud800")
    with pytest.raises(InputError, match=r"^prompt must be Unicode text"):
        model.rank("q", ["a"], prompt="a\ud800")


def test_a_bar_is_shown_when_asked_for(folders: dict[int, Path], capsys: pytest.CaptureFixture[str]) -> None:
    model = CrossEncoder(folders[1])
    model.predict(FEW, show_progress_bar=False)
    assert capsys.readouterr().err == ""
    model.predict(FEW, show_progress_bar=True)
    assert "3/3" in capsys.readouterr().err


def scores_by_rank(ranked: list[Any]) -> NDArray[np.float64]:
    return np.array([document["score"] for document in ranked])


@pytest.mark.parametrize("return_documents", [True, False])
@pytest.mark.parametrize("top_k", [None, 2, 50])
def test_rank_gives_the_same_dicts(
    folders: dict[int, Path],
    top_k: int | None,
    return_documents: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    model, reference = CrossEncoder(folders[1]), Reference(str(folders[1]), device="cpu")
    # Blank ones are read alike, and which of them is first rounding decides there, on some CPUs.
    documents = [document for _, document in PAIRS[: len(PAIRS) // 14] if document.strip()]
    expected = reference.rank("berlin", documents, top_k=top_k, return_documents=return_documents)
    ranked = model.rank("berlin", documents, top_k=top_k, return_documents=return_documents)
    assert_scores(scores_by_rank(ranked), scores_by_rank(expected))
    for ours, theirs in zip(ranked, expected, strict=True):
        assert list(ours) == list(theirs)
        assert {key: value for key, value in ours.items() if key != "score"} == {
            key: value for key, value in theirs.items() if key != "score"
        }
        assert type(ours["score"]) is float


def test_rank_keeps_the_order_of_equal_scores_and_refuses_what_has_none(folders: dict[int, Path]) -> None:
    model = CrossEncoder(folders[1])
    constant = model.rank("a", ["x", "y", "z"], activation_fn=torch.zeros_like)
    assert [document["corpus_id"] for document in constant] == [0, 1, 2]
    assert model.rank("a", []) == []
    with pytest.raises(ScoringError, match="NaN for document 0"):
        model.rank("a", ["x"], activation_fn=lambda logits: logits * torch.nan)
    with pytest.raises(InputError, match="top_k must be at least 1, got 0"):
        model.rank("a", ["x"], top_k=0)
    with pytest.raises(InputTypeError, match="documents must be a list of strings, got one string"):
        model.rank("a", "x")
    with pytest.raises(ValueError, match=r"only works for models with num_labels=1"):
        CrossEncoder(folders[3]).rank("a", ["x"])


def test_rank_takes_what_had_an_effect_once(folders: dict[int, Path], caplog: pytest.LogCaptureFixture) -> None:
    model = CrossEncoder(folders[1])
    dropped: dict[str, Any] = {
        "convert_to_numpy": True,
        "convert_to_tensor": True,
        "apply_softmax": True,
        "num_workers": 0,
    }
    assert model.rank("a", ["x", "y"], **dropped) == model.rank("a", ["x", "y"])
    assert all(f"`{name}` argument is deprecated and has no effect" in caplog.text for name in dropped)
