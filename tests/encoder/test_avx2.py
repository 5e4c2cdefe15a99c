"""A CPU with AVX2 alone: the tests of products again, with what libraries do where that is the newest."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from random_backbones import CPU

# torch's own code and oneDNN's each have a variable of their own.
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(not CPU.int8_products, reason="this CPU has no 8-bit products")


def _run(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - this interpreter and arguments of our own
        [sys.executable, *arguments], capture_output=True, text=True, env=os.environ | AVX2, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_such_a_cpu_adds_products_in_pairs_and_leaves_float32_to_mkl() -> None:
    code = "import torch; from secondpass.execution import devices; print(devices.capabilities_of(torch.device('cpu')))"
    shown = _run("-c", code)
    assert "int8_products=True, int8_pairs=True" in shown
    assert "matrix_units=False" in shown
    slow_dtypes = re.search(r"slow_dtypes=frozenset\((.*?)\)", shown)
    assert slow_dtypes is not None
    assert "torch.bfloat16" in slow_dtypes[1]
    onednn_dtypes = re.search(r"onednn_dtypes=frozenset\((.*?)\)", shown)
    assert onednn_dtypes is not None
    assert ("torch.float32" in onednn_dtypes[1]) is not torch.backends.mkl.is_available()


@pytest.mark.slow
@pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() == "AVX2", reason="this CPU has no more, and runs these tests anyway"
)
@pytest.mark.parametrize(
    "arguments",
    [["arithmetic/test_int8.py"], ["test_quality.py", "-k", "int8"], ["test_parity.py", "-k", "transformers or alone"]],
)
def test_products_do_there_what_they_do_here(arguments: list[str]) -> None:
    file, *selection = arguments
    shown = _run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "-m", "", str(HERE / file), *selection)
    assert "passed" in shown or "skipped" in shown
