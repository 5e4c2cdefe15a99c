"""OpenVINO on a CPU, pairs sorted by true length: in floating point, and in NNCF's 8 bits."""

import contextlib
import itertools
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from secondpass.bench.native import check_native
from secondpass.bench.peers.inputs import batches_by_number, load_tokenizer, padded_arrays, score_longest_first
from secondpass.bench.peers.tracing import network_to_trace
from secondpass.bench.setting import Loader, ScoreFunction, Setting
from secondpass.encoder.rounding_texts import RANGE_PAIRS
from secondpass.ranking import Pair


def loader(dtype: Literal["float32", "bfloat16"]) -> Loader:
    """OpenVINO in one arithmetic."""

    def load(setting: Setting) -> ScoreFunction:
        check_native(dtype, "cpu")
        hint = {"float32": "f32", "bfloat16": "bf16"}[dtype]
        return _scorer(setting, _convert(setting), {"INFERENCE_PRECISION_HINT": hint})

    return load


def load_int8(setting: Setting) -> ScoreFunction:
    """NNCF's 8 bits for transformers (SmoothQuant).

    The scales come from texts that no workload holds, each query with each document. What stays in floating point is
    computed as OpenVINO chooses: in bfloat16 where the CPU has it.
    """
    model = _convert(setting)
    tokenizer, names = load_tokenizer(setting), _input_names(model)
    texts = itertools.product(*(dict.fromkeys(side) for side in zip(*RANGE_PAIRS, strict=True)))
    # A batch of one for each pair: of larger ones NNCF's statistics of transformers are inaccurate.
    samples = [padded_arrays(tokenizer, [pair], setting, names) for pair in texts]
    with contextlib.redirect_stdout(sys.stderr):  # NNCF's progress; the standard output is for our results
        nncf = import_module("nncf")
        quantized = nncf.quantize(
            model, nncf.Dataset(samples), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(samples)
        )
    return _scorer(setting, quantized, {})


def _convert(setting: Setting) -> Any:  # noqa: ANN401 - openvino's, which need not be installed
    """The float32 network, for any number of pairs of any length."""
    # Written out, attention is fused all the same; rows without a visible token, as local attention has in its padding,
    # would be NaN in OpenVINO's own operator.
    network, example = network_to_trace(setting, attention="eager")
    return import_module("openvino").convert_model(network, example_input=example)


def _scorer(setting: Setting, model: Any, config: Mapping[str, str]) -> ScoreFunction:  # noqa: ANN401 - openvino's, which need not be installed
    tokenizer, names = load_tokenizer(setting), _input_names(model)
    compiled = import_module("openvino").compile_model(model, "CPU", dict(config))

    def score(pairs: Sequence[Pair]) -> NDArray[np.float32]:
        inputs = (padded_arrays(tokenizer, batch, setting, names) for batch in batches_by_number(pairs))
        return np.concatenate([compiled(arrays)[0][:, 0] for arrays in inputs])

    return score_longest_first(setting, score)


def _input_names(model: Any) -> set[str]:  # noqa: ANN401 - openvino's, which need not be installed
    return {port.get_any_name() for port in model.inputs}
