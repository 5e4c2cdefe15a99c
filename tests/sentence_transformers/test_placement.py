"""Devices and arithmetic change by the calls that torch modules have for it, and pools are devices."""

from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import pytest
import torch
from compare import assert_scores
from scipy.stats import kendalltau
from sensitive_backbones import two_label_classifier
from sentence_transformers import CrossEncoder as Reference
from sentence_transformers.cross_encoder.evaluation import CrossEncoderRerankingEvaluator
from texts import SHORT_PAIRS

import secondpass
from secondpass.errors import InputError, InputTypeError, NotKeptError
from secondpass.options import DType
from secondpass.sentence_transformers import CrossEncoder

PAIRS = [["berlin wall", "the wall fell"], ["berlin", ""], ["how many people", "a population of 3,520,031"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.bert(tmp_path_factory.mktemp("placement") / "bert")


@pytest.fixture
def model(folder: Path) -> CrossEncoder:
    return CrossEncoder(folder)


def test_calls_of_evaluation_change_nothing_and_give_the_model(model: CrossEncoder) -> None:
    scores = model.predict(PAIRS)
    for same in (model.eval(), model.train(mode=False), model.to("cpu"), model.cpu(), model.float(), model.to()):
        assert same is model
    assert_scores(model.predict(PAIRS, device="cpu"), scores)


@pytest.mark.filterwarnings("ignore:.*bfloat16")
def test_arithmetic_changes_and_scores_stay_float32(model: CrossEncoder) -> None:
    scores = model.predict(PAIRS)
    assert model.to(dtype=torch.bfloat16).dtype is model.model.dtype is torch.bfloat16
    rounded = model.predict(PAIRS)
    assert rounded.dtype == np.float32
    assert not np.array_equal(rounded, scores)
    np.testing.assert_allclose(rounded, scores, atol=0.05)
    model.model.float()
    assert_scores(model.predict(PAIRS), scores)


@pytest.mark.filterwarnings("ignore:dtype 'b?float16' is slow")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_leaves_the_order_of_two_labels(dtype: DType, tmp_path: Path) -> None:
    """What both labels have in common is a thousand times as large, and hides what rounding does to the difference."""
    tokenizer = checkpoints.wordpiece(max_length=128)
    two_label_classifier(vocab_size=len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model = CrossEncoder(tmp_path, model_kwargs={"dtype": dtype})
    exact, rounded = (scores.predict(list(SHORT_PAIRS)) for scores in (CrossEncoder(tmp_path), model))
    assert kendalltau(rounded[:, 1] - rounded[:, 0], exact[:, 1] - exact[:, 0]).statistic > 0.9
    assert_scores(rounded, secondpass.CrossEncoder(tmp_path, dtype=dtype, label=1).logits(SHORT_PAIRS))


def test_a_place_that_is_not_there_is_refused_and_the_model_stays(model: CrossEncoder) -> None:
    with pytest.raises(InputError, match="device must be"):
        model.to("cuda:99")
    with pytest.raises(InputError, match=r"dtype must be one of torch\.float32"):
        model.to(torch.int64)
    with pytest.raises(InputTypeError, match="device must be a name, a number or a torch"):
        model.to(3.5)
    assert model.predict(PAIRS).shape == (3,)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_model_moves_to_a_gpu_and_back(model: CrossEncoder) -> None:
    scores = model.predict(PAIRS)
    assert model.to("cuda").device.type == model.model.device.type == "cuda"
    assert model.dtype is torch.float32, "weights are stored so"
    tensor = model.predict(PAIRS, convert_to_tensor=True)
    assert tensor.device.type == "cuda"
    np.testing.assert_allclose(tensor.cpu().numpy(), scores, atol=1e-4)
    assert model.half().dtype is torch.float16
    assert model.float().cpu().device.type == "cpu"
    assert_scores(model.predict(PAIRS), scores)


@pytest.mark.parametrize("arguments", [{}, {"convert_to_tensor": True}, {"apply_softmax": True}, {"chunk_size": 1}])
def test_a_pool_gives_the_same_scores(model: CrossEncoder, arguments: dict[str, Any]) -> None:
    pool = model.start_multi_process_pool(["cpu", "cpu"])
    scores = model.predict(PAIRS, pool=pool, **arguments)
    expected = model.predict(PAIRS, **arguments)
    assert type(scores) is type(expected)
    assert_scores(scores, expected)
    assert model.rank("berlin", ["wall", "people"], pool=pool) == model.rank("berlin", ["wall", "people"])
    model.stop_multi_process_pool(pool)
    with pytest.raises(InputError, match="pool must be a running one"):
        model.predict(PAIRS, pool=pool)


def test_several_devices_of_one_call(model: CrossEncoder) -> None:
    assert_scores(model.predict(PAIRS, device=["cpu", "cpu"]), model.predict(PAIRS))
    assert_scores(model.predict(PAIRS, device=["cpu", "cpu:0"]), model.predict(PAIRS))
    assert model.predict([], device=["cpu", "cpu"], convert_to_tensor=True).numel() == 0
    with pytest.raises(InputError, match="device must name at least one device"):
        model.predict(PAIRS, device=[])
    with pytest.raises(InputTypeError, match="target_devices must be a list"):
        model.start_multi_process_pool("cpu")
    foreign: Any = {"input": None, "output": None, "processes": []}
    with pytest.raises(InputTypeError, match="pool must be what start_multi_process_pool gives, got a dict"):
        model.predict(PAIRS, pool=foreign)
    with pytest.raises(InputError, match="chunk_size must be at least 1, got 0"):
        model.predict(PAIRS, chunk_size=0)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("fit", "secondpass train"),
        ("save_pretrained", "copy or upload them"),
        ("push_to_hub", "copy or upload them"),
        ("forward", "Identity"),
        ("parameters", "Identity"),
        ("state_dict", "Identity"),
        ("compile", "leave the call out"),
        ("load_adapter", "hub id or folder of the adapter"),
        ("preprocess", "inside of predict"),
        ("register_buffer", "Identity"),
        ("keep_in_fp32_modules", "always computed in float32"),
    ],
)
def test_what_is_not_kept_says_what_to_use(model: CrossEncoder, name: str, instead: str) -> None:
    for part, called in ((model, "CrossEncoder"), (model.model, r"CrossEncoder\.model")):
        with pytest.raises(NotKeptError, match=rf"^{called}\.{name} of sentence-transformers is not kept: .*{instead}"):
            getattr(part, name)
    assert not hasattr(model, name)


def test_there_is_nothing_to_train_to_call_or_to_take_apart(model: CrossEncoder) -> None:
    with pytest.raises(NotKeptError, match="secondpass train"):
        model.train()
    with pytest.raises(NotKeptError, match=r"CrossEncoder\.forward"):
        model({"input_ids": torch.ones(1, 3)})
    with pytest.raises(NotKeptError, match=r"CrossEncoder\.modules"):
        model[0]


def test_all_that_the_other_class_has_is_kept_or_says_what_to_use(model: CrossEncoder, folder: Path) -> None:
    reference = Reference(str(folder), device="cpu")
    for other, ours in ((reference, model), (reference.model, model.model)):
        for name in dir(other):
            if name.startswith("_") or name == "default_activation_function":  # which warns
                continue
            try:
                getattr(ours, name)
            except NotKeptError as error:
                assert str(error).partition(": ")[2]  # noqa: PT017 - many names have no error


def test_what_training_was_is_given_back(model: CrossEncoder) -> None:
    for part in (model, model.model):
        was_training = part.training
        assert was_training is False
        assert part.eval().train(was_training) is part
    assert model.model.num_labels == model.num_labels == 1
    assert model.trust_remote_code is False
    with pytest.raises(AttributeError, match=r"'CrossEncoder\.model' has no attribute '_modules'"):
        _ = model.model._modules  # type: ignore[attr-defined] # which is what raises


def test_an_attribute_that_neither_class_has_is_missing(model: CrossEncoder) -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(model, "nothing")  # noqa: B009 - a type checker would refuse the plain form


def test_evaluators_of_sentence_transformers_run(model: CrossEncoder, folder: Path, tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder as Reference

    samples: list[Any] = [
        {"query": "berlin wall", "positive": ["the wall fell"], "negative": ["people", "a cat", "3,520,031"]}
    ]
    evaluator = CrossEncoderRerankingEvaluator(samples, name="few", show_progress_bar=False)
    figures = model.evaluate(evaluator, str(tmp_path / "made"))
    assert figures == pytest.approx(evaluator(Reference(str(folder), device="cpu")))
    assert model.model_card_data.evaluation["metrics"]
    assert list((tmp_path / "made").glob("*.csv"))
