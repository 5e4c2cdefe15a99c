"""What a caller has set of torch's ambient state changes no score, and is as it was afterwards."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import pytest
import torch
from compare import assert_scores
from folders import FolderOf
from texts import AWKWARD
from truncation import TRUNCATES

from secondpass import BiEncoder, CrossEncoder

pytestmark = TRUNCATES


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def default_device(device: str) -> Iterator[None]:
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(mode=False)


AMBIENT: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "default device": lambda: default_device("meta"),
    "device context": lambda: torch.device("meta"),
    "no_grad": torch.no_grad,
    "enable_grad": torch.enable_grad,
    "inference_mode": torch.inference_mode,
    "anomaly detection": lambda: torch.autograd.set_detect_anomaly(mode=True),
    "deterministic": deterministic,
}
LAYOUTS = ("bert", "xlm_roberta", "modernbert", "deberta_v2", "mpnet", "qwen3_reranker", "bert_cat")


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("name", AMBIENT)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_scores_are_the_same_in_every_ambient_state(layout: str, name: str, folder_of: FolderOf) -> None:
    model = CrossEncoder(folder_of(layout))
    expected = model.score("berlin wall", AWKWARD)
    with AMBIENT[name]():
        assert_scores(model.score("berlin wall", AWKWARD), expected)
        loaded_inside = CrossEncoder(folder_of(layout))
        assert_scores(loaded_inside.score("berlin wall", AWKWARD), expected)
    assert_scores(loaded_inside.score("berlin wall", AWKWARD), expected)
    np.testing.assert_array_equal(model.score("berlin wall", AWKWARD), expected)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["autocast", "float64", "default device"])
def test_half_precision_is_left_alone_too(name: str, dtype: str, folder_of: FolderOf) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # slow where the CPU has no instructions for it
        model = CrossEncoder(folder_of("bert"), dtype=dtype)  # type: ignore[arg-type] # one of the literals
        expected = model.score("berlin wall", AWKWARD)
        with AMBIENT[name]():
            np.testing.assert_array_equal(model.score("berlin wall", AWKWARD), expected)
            inside = CrossEncoder(folder_of("bert"), dtype=dtype)  # type: ignore[arg-type] # as above
            np.testing.assert_array_equal(inside.score("berlin wall", AWKWARD), expected)


@pytest.mark.parametrize("name", ["autocast", "float64", "default device", "inference_mode"])
def test_embeddings_are_the_same_too(name: str, folder_of: FolderOf) -> None:
    model = BiEncoder(folder_of("base_transformer"))
    expected = model.score("berlin wall", AWKWARD)
    with AMBIENT[name]():
        assert_scores(model.score("berlin wall", AWKWARD), expected)
        assert_scores(BiEncoder(folder_of("base_transformer")).score("berlin wall", AWKWARD), expected)
