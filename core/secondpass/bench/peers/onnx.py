"""onnxruntime on a CPU: as FlashRank runs it, and in the strongest way we know."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from secondpass.bench.peers.inputs import (
    Batching,
    batches_by_number,
    batches_by_query,
    load_tokenizer,
    padded_arrays,
    score_longest_first,
)
from secondpass.bench.peers.tracing import network_to_trace
from secondpass.bench.setting import ScoreFunction, Setting
from secondpass.ranking import Pair

_FOLDER_PREFIX = "secondpass-bench-"


def load_single_batch(setting: Setting) -> ScoreFunction:
    """FlashRank's way: a query's candidates as one padded batch, in float32."""
    with onnx_file(setting) as file:
        return _scorer(setting, file, batches_by_query)


def load_int8_sorted(setting: Setting) -> ScoreFunction:
    """The strongest set-up: dynamic int8 per channel, pairs sorted by true length."""
    quantization = import_module("onnxruntime.quantization")
    with onnx_file(setting) as file, TemporaryDirectory(prefix=_FOLDER_PREFIX) as folder:
        quantized = Path(folder) / "int8.onnx"
        quantization.quantize_dynamic(str(file), str(quantized), per_channel=True)
        return score_longest_first(setting, _scorer(setting, quantized, batches_by_number))


@contextmanager
def onnx_file(setting: Setting) -> Iterator[Path]:
    """The checkpoint's own onnx/model.onnx, or one that is exported here and removed at the end.

    A session needs the file only until it is loaded.
    """
    published = Path(setting.model) / "onnx" / "model.onnx"
    if published.is_file():
        yield published
        return
    with TemporaryDirectory(prefix=_FOLDER_PREFIX) as folder:
        file = Path(folder) / "model.onnx"
        _export(setting, file)
        yield file


def _export(setting: Setting, file: Path) -> None:
    import torch

    network, example = network_to_trace(setting, attention="sdpa")
    # The exporter names inputs in the order of forward's parameters, whatever the order they are given in.
    names = list(example)
    axes = {name: {0: "pairs", 1: "tokens"} for name in names}
    torch.onnx.export(
        network,
        (),
        str(file),
        kwargs=example,
        input_names=names,
        output_names=["logits"],
        dynamic_axes=axes,
        dynamo=False,
    )


def _scorer(setting: Setting, file: Path, batches: Batching) -> ScoreFunction:
    runtime = import_module("onnxruntime")
    tokenizer = load_tokenizer(setting)
    session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = {argument.name for argument in session.get_inputs()}

    def score(pairs: Sequence[Pair]) -> NDArray[np.float32]:
        inputs = (padded_arrays(tokenizer, batch, setting, names) for batch in batches(pairs))
        return np.concatenate([session.run(None, arrays)[0][:, 0] for arrays in inputs])

    return score
