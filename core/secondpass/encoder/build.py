"""Whether a transformer has a packed form, and in which of a precision's arithmetics its parts are."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from secondpass.encoder.architectures import architecture_of
from secondpass.encoder.arithmetic.arithmetic import Arithmetic
from secondpass.encoder.arithmetic.precision import ErrorBounds, Precision, make_arithmetic
from secondpass.encoder.arithmetic.ranges import RangeRecorder
from secondpass.encoder.builder import Builder
from secondpass.encoder.capabilities import Capabilities
from secondpass.encoder.encoder import PackedEncoder
from secondpass.encoder.parameters import Parameters
from secondpass.encoder.pooling import CAUSAL_PACKED_POOLINGS, PACKED_POOLINGS, Pooling
from secondpass.encoder.sensitivity import RoundingTexts, keep_sensitive_parts
from secondpass.encoder.spec import EncoderSpec
from secondpass.errors import ScoringError


def packed_encoder(
    config: Any,  # noqa: ANN401 - its attributes differ with its architecture
    parameters: Mapping[str, Tensor],
    *,
    precision: Precision,
    pooling: Pooling,
    capabilities: Capabilities,
    rounding_texts: RoundingTexts | None = None,
) -> PackedEncoder | None:
    """The packed form of a transformer, or None if it has none.

    Each parameter is asked for where it is used and let go of, so that those on disk need not be in memory all at once:
    with rounding texts float32's are, while it is looked for parts that cannot bear rounding.

    Args:
        config: Of a transformer without a head, such as BertModel, with the attributes of transformers' config.
        parameters: By transformers' names, on the CPU, in float32 or in what becomes it without loss. Not changed;
            tables may be shared with the encoder.
        precision: The number format; see `check_precision` for what a device does well.
        pooling: Which state the head reads.
        capabilities: Of the device to compute on.
        rounding_texts: A few texts like those to come, on that device, for a precision that needs ranges of values.
            With them parts whose rounding would change the order of documents stay in float32; without, none.

    Raises:
        ValueError: The precision needs rounding texts, or the encoder has no place for a parameter. Neither is a user's
            mistake.
    """
    architecture = architecture_of(config)
    if architecture is None:
        return None
    spec = architecture.spec(config)
    if spec is None or not _has_form(spec, pooling, capabilities):
        return None
    with torch.inference_mode():
        names = architecture.names.ours({name: name for name in parameters})

        def build(arithmetic: Arithmetic, dtype: torch.dtype) -> PackedEncoder:
            return Builder(Parameters(parameters, names), spec, arithmetic, dtype, capabilities).encoder(pooling)

        bounds = precision.error_bounds
        if rounding_texts is not None and bounds is not None:
            return _measured_encoder(build, precision, capabilities, rounding_texts, bounds, n_layers=len(spec.layers))
        if precision.needs_ranges:
            raise ValueError("this precision needs rounding texts")
        states_dtype = precision.states_dtype(capabilities)
        return build(
            make_arithmetic(precision, states_dtype, capabilities, {}, n_layers=len(spec.layers)), states_dtype
        )


def _has_form(spec: EncoderSpec, pooling: Pooling, capabilities: Capabilities) -> bool:
    # Without a layer nothing is left to pack, and there is no last one to save work in.
    if not spec.layers or pooling not in (CAUSAL_PACKED_POOLINGS if spec.causal else PACKED_POOLINGS):
        return False
    return spec.relative is None or capabilities.cheap_calls


def _measured_encoder(
    build: Callable[[Arithmetic, torch.dtype], PackedEncoder],
    precision: Precision,
    capabilities: Capabilities,
    texts: RoundingTexts,
    bounds: ErrorBounds,
    *,
    n_layers: int,
) -> PackedEncoder:
    """The encoder in a precision that rounds, by what texts show: ranges, and parts that have to stay in float32."""
    recorder = RangeRecorder()
    recording = build(recorder, torch.float32)
    pooled = recording(texts.ranges)
    ranges = dict(recorder.ranges)  # of these texts: with others it records theirs instead
    expected = pooled if texts.lists is None else recording(texts.lists)
    if not bool(pooled.isfinite().all() and expected.isfinite().all()):
        raise ScoringError("a model must give finite numbers, got others for the texts that rounding is measured with")

    def packed(other: Precision, states_dtype: torch.dtype) -> PackedEncoder:
        return build(make_arithmetic(other, states_dtype, capabilities, ranges, n_layers=n_layers), states_dtype)

    for states_dtype in precision.states_dtypes(capabilities):
        rounded = packed(precision, states_dtype)
        if texts.error(rounded(texts.ranked), expected) <= bounds.bearable:
            return rounded
    exact = packed(Precision.FLOAT32, torch.float32)
    return keep_sensitive_parts(rounded, exact, texts, states_dtype=states_dtype, largest_error=bounds.relieved)
