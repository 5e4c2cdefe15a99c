"""Who competes: our precisions, and the other ways people run a cross-encoder from Python."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from secondpass.bench.native import check_native
from secondpass.bench.peers import model_card, onnx, openvino, sentence_transformers
from secondpass.bench.setting import Loader, ScoreFunction, Setting
from secondpass.errors import InputError
from secondpass.options import DType, LongDocuments
from secondpass.ranking import Pair

if TYPE_CHECKING:
    from secondpass.cross_encoder import CrossEncoder

# What ratios and differences in score are taken against.
BASELINE = "sentence-transformers float32"

# The first word of our contenders' names.
OURS = "secondpass"


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to score pairs.

    Args:
        name: The library, how it is used, and its arithmetic.
        load: Loads a checkpoint and gives what scores with it: raw logits, no activation.
        needs: Modules that must be importable.
        dtype: Of our contenders, their arithmetic.
        converts: Whether loading makes a file of another format first, as its users do once and not at every start.
    """

    name: str
    load: Loader
    needs: tuple[str, ...] = ()
    dtype: DType | None = None
    converts: bool = False


def load_ours(dtype: DType, setting: Setting, *, long_documents: LongDocuments = "truncate") -> "CrossEncoder":
    """Our model of an arithmetic, which gives logits.

    Raises:
        InputError: The device has no fast way to compute so.
    """
    from secondpass.cross_encoder import CrossEncoder

    check_native(dtype, setting.device)
    return CrossEncoder(
        setting.model,
        device=setting.device,
        dtype=dtype,
        max_length=setting.max_length,
        activation="identity",
        batch_tokens=setting.batch_tokens,
        long_documents=long_documents,
        trust_remote_code=setting.trust_remote_code,
    )


def _our_loader(dtype: DType) -> Loader:
    return lambda setting: load_ours(dtype, setting).predict


CONTENDERS = (
    *(Contender(f"{OURS} {dtype}", _our_loader(dtype), dtype=dtype) for dtype in get_args(DType)),
    Contender(BASELINE, sentence_transformers.loader("float32"), ("sentence_transformers",)),
    Contender("sentence-transformers bfloat16", sentence_transformers.loader("bfloat16"), ("sentence_transformers",)),
    Contender(
        "sentence-transformers ONNX",
        sentence_transformers.loader("float32", backend="onnx"),
        ("sentence_transformers", "onnxruntime", "optimum", "optimum.onnxruntime"),
        converts=True,
    ),
    Contender(
        "sentence-transformers OpenVINO",
        sentence_transformers.loader("float32", backend="openvino"),
        ("sentence_transformers", "openvino", "optimum", "optimum.intel"),
        converts=True,
    ),
    Contender("transformers float32, one padded batch", model_card.load),
    Contender("onnxruntime float32, one padded batch", onnx.load_single_batch, ("onnxruntime", "onnx"), converts=True),
    Contender("onnxruntime int8, sorted", onnx.load_int8_sorted, ("onnxruntime", "onnx"), converts=True),
    Contender("openvino float32, sorted", openvino.loader("float32"), ("openvino",), converts=True),
    Contender("openvino bfloat16, sorted", openvino.loader("bfloat16"), ("openvino",), converts=True),
    Contender("openvino int8, sorted", openvino.load_int8, ("openvino", "nncf"), converts=True),
)


def select_contenders(parts: Sequence[str]) -> list[Contender]:
    """The contenders whose names hold at least one of `parts`; all of them when there are no parts.

    Raises:
        InputError: A part is in no name.
    """
    for part in parts:
        if not any(part in contender.name for contender in CONTENDERS):
            names = ", ".join(repr(contender.name) for contender in CONTENDERS)
            raise InputError(f"contender must be part of a name among {names}, got {part!r}")
    return [contender for contender in CONTENDERS if not parts or any(part in contender.name for part in parts)]


def is_ours(name: str) -> bool:
    """Whether a contender's name is that of one of ours."""
    return name.startswith(f"{OURS} ")


def load(contender: Contender, setting: Setting) -> ScoreFunction | str:
    """What scores, or the reason why it cannot take part on this machine or with this model.

    Raises:
        SecondPassError: We cannot score the checkpoint at all.
    """
    missing = [module for module in contender.needs if not is_installed(module)]
    if missing:
        return f"{missing[0]} is not installed"
    try:
        return contender.load(setting)
    except InputError as reason:
        return str(reason)
    except Exception as error:
        if is_ours(contender.name):
            raise
        return _reason_of(error)  # a peer's failure is a result, too


@contextmanager
def noting_failure(name: str, failures: dict[str, str]) -> Iterator[None]:
    """End with a peer's failure, which is noted; an error of ours is raised.

    Args:
        name: The contender's.
        failures: Reasons by contender, to which this one's is added.
    """
    try:
        yield
    except Exception as error:
        if is_ours(name):
            raise
        failures[name] = _reason_of(error)


def _reason_of(error: Exception) -> str:
    """An error in a line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def is_installed(module: str) -> bool:
    """Whether a module can be imported, found out by importing only its parents."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def largest_difference(scores: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """The largest distance between two scorers' scores of the same pairs, in logits."""
    return float(np.abs(scores - reference).max())


def scores_of(score: ScoreFunction, requests: Sequence[Sequence[Pair]]) -> NDArray[np.float32]:
    """The scores of all calls, in order; this also warms the scorer up."""
    return np.concatenate([score(request) for request in requests])
