"""What each precision asks of a device."""

import warnings
from dataclasses import replace
from typing import get_args

import pytest
import torch

from secondpass.encoder import Capabilities, Precision, check_precision
from secondpass.errors import InputError
from secondpass.options import DType

SLOW = frozenset({torch.bfloat16, torch.float16})
CPU = Capabilities(torch.device("cpu"), default_dtype=torch.float32, slow_dtypes=SLOW, int8_products=True)


def test_options_name_every_precision() -> None:
    assert get_args(DType) == tuple(precision.value for precision in Precision)


@pytest.mark.parametrize("precision", [Precision.BFLOAT16, Precision.FLOAT16])
def test_what_a_cpu_emulates_is_warned_of(precision: Precision) -> None:
    with pytest.warns(UserWarning, match=f"dtype '{precision}' is slow on this CPU"):
        check_precision(precision, CPU)


@pytest.mark.parametrize("precision", Precision)
def test_what_a_device_does_well_passes_in_silence(precision: Precision) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_precision(precision, replace(CPU, slow_dtypes=frozenset()))


def test_int8_passes_in_silence_where_bfloat16_is_slow() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_precision(Precision.INT8, CPU)


@pytest.mark.parametrize(
    ("device", "default", "message"),
    [
        ("cpu", torch.float32, "which device 'cpu' is not: use 'float32'"),
        ("cuda:1", torch.bfloat16, "which device 'cuda:1' is not: use 'bfloat16'"),
    ],
)
def test_int8_is_refused_without_8_bit_products(device: str, default: torch.dtype, message: str) -> None:
    capabilities = Capabilities(torch.device(device), default_dtype=default)
    with pytest.raises(
        InputError, match=f"dtype 'int8' needs an x86 CPU whose AVX2 instructions torch uses, {message}"
    ):
        check_precision(Precision.INT8, capabilities)


def test_the_rules_of_int8_are_part_of_what_scores_depend_on() -> None:
    assert Precision.INT8.identity == "int8 rules 4"
    assert {p.identity for p in Precision} - {"int8 rules 4"} == {"float32", "bfloat16", "float16"}


def test_rounding_is_measured_for_ranges_and_where_float32_is_at_hand() -> None:
    assert {p for p in Precision if p.is_measured(CPU)} == {Precision.INT8}
    assert {p for p in Precision if p.is_measured(replace(CPU, float32_at_hand=True))} == set(Precision) - {
        Precision.FLOAT32
    }


def test_states_of_int8_are_in_the_narrowest_format_that_is_fast_and_else_in_float32() -> None:
    assert Precision.INT8.states_dtypes(CPU) == (torch.float32,)
    assert Precision.INT8.states_dtypes(replace(CPU, slow_dtypes=frozenset())) == (torch.bfloat16, torch.float32)
