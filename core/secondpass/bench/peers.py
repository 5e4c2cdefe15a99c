"""How other libraries score pairs, each the way its documentation shows; imported only when they compete."""

import contextlib
import inspect
import itertools
import sys
import tempfile
import warnings
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from secondpass.encoder.arithmetic.range_texts import RANGE_PAIRS
from secondpass.ranking import Pair

Score: TypeAlias = Callable[[Sequence[Pair]], NDArray[np.float32]]

_BATCH = 32  # sentence-transformers' default


@dataclass(frozen=True, slots=True)
class Setting:
    """What every contender is loaded with.

    Args:
        model: Hub id or local folder.
        device: Such as "cuda:0"; None leaves each library its own choice.
        max_length: Tokens of a pair, special tokens included.
        batch_tokens: Tokens of one of our forward passes; None chooses for the device.
    """

    model: str
    device: str | None
    max_length: int
    batch_tokens: int | None = None


def sentence_transformers(
    dtype: str, *, backend: Literal["torch", "onnx", "openvino"] = "torch"
) -> Callable[[Setting], Score]:
    """`CrossEncoder.predict` with its own defaults."""

    def load(setting: Setting) -> Score:
        import torch
        from sentence_transformers import CrossEncoder

        _check_bfloat16(dtype, setting.device)
        model = CrossEncoder(
            setting.model,
            device=setting.device,
            max_length=setting.max_length,
            activation_fn=torch.nn.Identity(),
            backend=backend,
            model_kwargs={"dtype": getattr(torch, dtype)} if backend == "torch" else None,
        )

        def score(pairs: Sequence[Pair]) -> NDArray[np.float32]:
            scores: NDArray[np.float32] = np.asarray(model.predict(list(pairs), show_progress_bar=False), np.float32)
            return scores.reshape(len(pairs))

        return score

    return load


def model_card(setting: Setting) -> Score:
    """The code of the model cards: a query's candidates as one padded batch."""
    import torch
    from transformers import AutoModelForSequenceClassification

    tokenizer = _tokenizer(setting.model)
    model = AutoModelForSequenceClassification.from_pretrained(setting.model, dtype=torch.float32)
    device = _device(setting)
    model.eval().to(device)

    def score(pairs: Sequence[Pair]) -> NDArray[np.float32]:
        with torch.no_grad():
            scores = [
                model(**_padded(tokenizer, batch, setting, "pt").to(device)).logits.squeeze(-1).float().cpu().numpy()
                for batch in _by_query(pairs)
            ]
        return np.concatenate(scores)

    return score


def onnx_single_batch(setting: Setting) -> Score:
    """FlashRank's way: onnxruntime on a query's candidates as one padded batch."""
    return _onnx(setting, _onnx_file(setting.model), _by_query)


def onnx_int8_sorted(setting: Setting) -> Score:
    """The strongest ONNX set-up: dynamic int8 per channel, pairs sorted by true length."""
    quantization = import_module("onnxruntime.quantization")
    folder = tempfile.mkdtemp(prefix="secondpass-bench-")
    quantized = str(Path(folder) / "int8.onnx")
    quantization.quantize_dynamic(_onnx_file(setting.model), quantized, per_channel=True)
    return _sorted(setting, _onnx(setting, quantized, _fixed))


def openvino_sorted(dtype: Literal["float32", "bfloat16"]) -> Callable[[Setting], Score]:
    """OpenVINO in one arithmetic, pairs sorted by true length."""

    def load(setting: Setting) -> Score:
        _check_bfloat16(dtype, "cpu")
        hint = {"float32": "f32", "bfloat16": "bf16"}[dtype]
        return _sorted(setting, _openvino(setting, _openvino_model(setting), {"INFERENCE_PRECISION_HINT": hint}))

    return load


def openvino_int8_sorted(setting: Setting) -> Score:
    """OpenVINO in NNCF's 8 bits for transformers (SmoothQuant), pairs sorted by true length.

    The scales come from texts that no workload holds, each query with each document. What stays in floating point is
    computed as OpenVINO chooses: in bfloat16 where the CPU has it.
    """
    model = _openvino_model(setting)
    tokenizer, names = _tokenizer(setting.model), _openvino_names(model)
    texts = itertools.product(*(dict.fromkeys(side) for side in zip(*RANGE_PAIRS, strict=True)))
    # One pair each: of batches NNCF's statistics of transformers are inaccurate.
    samples = [_arrays(tokenizer, [pair], setting, names) for pair in texts]
    with contextlib.redirect_stdout(sys.stderr):  # NNCF's progress; the standard output is for our results
        nncf = import_module("nncf")
        quantized = nncf.quantize(
            model, nncf.Dataset(samples), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(samples)
        )
    return _sorted(setting, _openvino(setting, quantized, {}))


def _sorted(setting: Setting, ordered: Score) -> Score:
    """Longest pairs first, so that a batch holds pairs of about one length; scores in the order of the pairs."""
    tokenizer = _tokenizer(setting.model)

    def score(pairs: Sequence[Pair]) -> NDArray[np.float32]:
        lengths = [len(ids) for ids in tokenizer(list(pairs), truncation=True, max_length=setting.max_length).input_ids]
        order = sorted(range(len(pairs)), key=lambda i: -lengths[i])
        scores = np.empty(len(pairs), np.float32)
        scores[order] = ordered([pairs[i] for i in order])
        return scores

    return score


def _onnx(setting: Setting, file: str, batches: Callable[[Sequence[Pair]], Iterator[list[Pair]]]) -> Score:
    runtime = import_module("onnxruntime")
    tokenizer = _tokenizer(setting.model)
    session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = {given.name for given in session.get_inputs()}

    def score(pairs: Sequence[Pair]) -> NDArray[np.float32]:
        inputs = (_arrays(tokenizer, batch, setting, names) for batch in batches(pairs))
        return np.concatenate([session.run(None, given)[0][:, 0] for given in inputs])

    return score


def _onnx_file(model: str) -> str:
    """The checkpoint's own onnx/model.onnx, or one exported now, for the life of the process."""
    published = Path(model) / "onnx" / "model.onnx"
    if published.is_file():
        return str(published)
    import torch

    network, example = _to_trace(model, attention="sdpa")
    file = str(Path(tempfile.mkdtemp(prefix="secondpass-bench-")) / "model.onnx")
    # The exporter names inputs in the order of forward's parameters, whatever the order they are given in.
    names = list(example)
    axes = {name: {0: "pairs", 1: "tokens"} for name in names}
    torch.onnx.export(
        network,
        (),
        file,
        kwargs=example,
        input_names=names,
        output_names=["logits"],
        dynamic_axes=axes,
        dynamo=False,
    )
    return file


def _openvino(setting: Setting, model: Any, config: Mapping[str, str]) -> Score:  # noqa: ANN401 - openvino's, which need not be installed
    tokenizer = _tokenizer(setting.model)
    names = _openvino_names(model)
    compiled = import_module("openvino").compile_model(model, "CPU", dict(config))

    def score(pairs: Sequence[Pair]) -> NDArray[np.float32]:
        inputs = (_arrays(tokenizer, batch, setting, names) for batch in _fixed(pairs))
        return np.concatenate([compiled(given)[0][:, 0] for given in inputs])

    return score


def _openvino_model(setting: Setting) -> Any:  # noqa: ANN401 - openvino's, which need not be installed
    """The float32 network, any number of pairs of any length."""
    # Written out, attention is fused all the same; rows without a visible token, as local attention has in its padding,
    # would be NaN in OpenVINO's own operator.
    network, example = _to_trace(setting.model, attention="eager")
    return import_module("openvino").convert_model(network, example_input=example)


def _openvino_names(model: Any) -> set[str]:  # noqa: ANN401 - openvino's, which need not be installed
    return {given.get_any_name() for given in model.inputs}


def _to_trace(model: str, *, attention: Literal["sdpa", "eager"]) -> tuple[Any, dict[str, Any]]:
    """A checkpoint's network, and inputs to follow through it, in the order of its forward's parameters."""
    import torch
    from transformers import AutoModelForSequenceClassification

    network = AutoModelForSequenceClassification.from_pretrained(
        model, dtype=torch.float32, attn_implementation=attention
    ).eval()
    # Of unlike lengths: tracing a batch without padding would leave the attention mask out of the graph.
    pairs = [("query", "a document"), ("query", "another document, longer than the first one by several words")]
    example = _tokenizer(model)(pairs, padding=True, return_tensors="pt")
    return network, {name: example[name] for name in inspect.signature(network.forward).parameters if name in example}


def _by_query(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    for _, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
        yield list(group)


def _fixed(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    for start in range(0, len(pairs), _BATCH):
        yield list(pairs[start : start + _BATCH])


def _arrays(
    tokenizer: Any,  # noqa: ANN401 - transformers' own
    pairs: Sequence[Pair],
    setting: Setting,
    names: Container[str],
) -> dict[str, NDArray[np.int64]]:
    """A padded batch's inputs of these names."""
    features = _padded(tokenizer, pairs, setting, "np")
    return {name: values.astype(np.int64) for name, values in features.items() if name in names}


def _padded(tokenizer: Any, pairs: Sequence[Pair], setting: Setting, kind: str) -> Any:  # noqa: ANN401 - transformers' own
    return tokenizer(
        [query for query, _ in pairs],
        [document for _, document in pairs],
        padding=True,
        truncation=True,
        max_length=setting.max_length,
        return_tensors=kind,
    )


def _tokenizer(model: str) -> Any:  # noqa: ANN401 - transformers' classes share no useful type
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model)


def _device(setting: Setting) -> str:
    from secondpass.execution.devices import devices_for

    return str(devices_for(setting.device)[0])


def _check_bfloat16(dtype: str, device: str | None) -> None:
    """Nobody is measured in an arithmetic that the machine only emulates."""
    import torch

    from secondpass.encoder.arithmetic.precision import Precision, check_precision
    from secondpass.execution.devices import devices_for

    chosen = devices_for(device)[0]
    if dtype != "float32" and chosen.type == "cpu":
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=r".*is slow on this CPU")
            check_precision(Precision(dtype), torch.device(chosen))
