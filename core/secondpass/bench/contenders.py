"""Who competes: our precisions, and the other ways people run a cross-encoder from Python."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from secondpass.bench import peers
from secondpass.bench.peers import Score, Setting
from secondpass.errors import InputError
from secondpass.ranking import Pair

BASELINE = "sentence-transformers float32"
"""What ratios and differences in score are taken against."""

OURS = "secondpass"


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to score pairs.

    Args:
        name: The library, how it is used, and its arithmetic.
        load: Loads a checkpoint once and gives what scores with it: raw logits, no activation.
        needs: Modules that must be importable.
    """

    name: str
    load: Callable[[Setting], Score]
    needs: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        """Whether it is this package."""
        return self.name.startswith(OURS + " ")


def _ours(dtype: str) -> Callable[[Setting], Score]:
    def load(setting: Setting) -> Score:
        from secondpass.cross_encoder import CrossEncoder

        with warnings.catch_warnings():
            # What this machine does badly is left out with that reason, not measured.
            warnings.filterwarnings("error", message=r".*is slow on this CPU")
            model = CrossEncoder(
                setting.model,
                device=setting.device,
                dtype=dtype,  # type: ignore[arg-type]  # one of the literals, out of the table below
                max_length=setting.max_length,
                activation="identity",
                batch_tokens=setting.batch_tokens,
            )
        return model.predict

    return load


CONTENDERS = (
    *(Contender(f"{OURS} {dtype}", _ours(dtype)) for dtype in ("float32", "bfloat16", "float16", "int8")),
    Contender(BASELINE, peers.sentence_transformers("float32"), ("sentence_transformers",)),
    Contender("sentence-transformers bfloat16", peers.sentence_transformers("bfloat16"), ("sentence_transformers",)),
    Contender(
        "sentence-transformers ONNX",
        peers.sentence_transformers("float32", backend="onnx"),
        ("sentence_transformers", "onnxruntime", "optimum", "optimum.onnxruntime"),
    ),
    Contender(
        "sentence-transformers OpenVINO",
        peers.sentence_transformers("float32", backend="openvino"),
        ("sentence_transformers", "openvino", "optimum", "optimum.intel"),
    ),
    Contender("transformers float32, one padded batch", peers.model_card),
    Contender("onnxruntime float32, one padded batch", peers.onnx_single_batch, ("onnxruntime", "onnx")),
    Contender("onnxruntime int8, sorted", peers.onnx_int8_sorted, ("onnxruntime", "onnx")),
    Contender("openvino float32, sorted", peers.openvino_sorted("float32"), ("openvino",)),
    Contender("openvino bfloat16, sorted", peers.openvino_sorted("bfloat16"), ("openvino",)),
    Contender("openvino int8, sorted", peers.openvino_int8_sorted, ("openvino", "nncf")),
)


def chosen(parts: Sequence[str], contenders: Iterable[Contender] = CONTENDERS) -> list[Contender]:
    """The contenders whose names hold one of `parts`; all of them when there are none.

    Raises:
        InputError: No name holds one of the parts.
    """
    known = list(contenders)
    for part in parts:
        if not any(part in contender.name for contender in known):
            names = ", ".join(repr(contender.name) for contender in known)
            raise InputError(f"contender must be part of a name among {names}, got {part!r}")
    return [contender for contender in known if not parts or any(part in contender.name for part in parts)]


def load(contender: Contender, setting: Setting) -> Score | str:
    """What scores, or the reason why this machine or this model has to do without.

    Raises:
        SecondPassError: The checkpoint itself cannot be scored by us.
    """
    missing = [module for module in contender.needs if not is_installed(module)]
    if missing:
        return f"{missing[0]} is not installed"
    try:
        return contender.load(setting)
    except (InputError, UserWarning) as reason:
        return str(reason)
    except Exception as error:
        if contender.is_ours:
            raise
        return " ".join(f"{type(error).__name__}: {error}".split())[:200]  # a peer's failure is a result like others


def is_installed(module: str) -> bool:
    """Whether a module could be imported; imports its parents only."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def largest_difference(scores: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """The largest distance between two scorers' scores of the same pairs, in logits."""
    return float(np.abs(scores - reference).max())


def scores_of(score: Score, requests: Sequence[Sequence[Pair]]) -> NDArray[np.float32]:
    """The scores of all calls, in order: the warm-up, too."""
    return np.concatenate([score(request) for request in requests])
