"""A CPU with AVX2 alone: the tests of products again, with what libraries do where that is the newest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
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


def test_such_a_cpu_adds_products_in_pairs() -> None:
    code = "import torch; from secondpass.execution import devices; print(devices.capabilities_of(torch.device('cpu')))"
    shown = _run("-c", code)
    assert "int8_products=True, int8_pairs=True" in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [["arithmetic/test_int8.py"], ["test_quality.py", "-k", "int8"], ["test_parity.py", "-k", "transformers or alone"]],
)
def test_products_do_there_what_they_do_here(arguments: list[str]) -> None:
    file, *selection = arguments
    shown = _run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "-m", "", str(HERE / file), *selection)
    assert "passed" in shown or "skipped" in shown
