"""Passes side by side: the same scores, every core used, and nothing changed for the rest of the process."""

import ctypes
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from folders import FolderOf
from waiting import until

from secondpass import CrossEncoder
from secondpass.encoder import Capabilities
from secondpass.execution import parallel_passes
from secondpass.execution.parallel_passes import n_parallel_passes, run_in_parallel

needs_openmp = pytest.mark.skipif(not parallel_passes._can_split(), reason="this torch has no threads of OpenMP's")
DEVICE = Capabilities(torch.device("cpu"), splits_cores=True)


def n_threads() -> tuple[int, int]:
    """With how many threads torch computes in the calling one, and with how many MKL, of which torch may have none."""
    if not torch.backends.mkl.is_available():
        return (torch.get_num_threads(),) * 2
    mkl = ctypes.CDLL(str(Path(torch.__file__).with_name("lib") / "libtorch_cpu.so"))
    return torch.get_num_threads(), mkl.MKL_Get_Max_Threads()


@pytest.fixture
def four_threads() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@needs_openmp
@pytest.mark.usefixtures("four_threads")
def test_each_pass_has_its_share_and_nobody_else_notices() -> None:
    assert n_parallel_passes([DEVICE]) == 4
    barrier = threading.Barrier(2)

    def share(_: int) -> tuple[int, int]:
        barrier.wait(timeout=10)  # both passes are at work
        return n_threads()

    assert run_in_parallel(share, range(2), 2) == [(2, 2), (2, 2)]
    assert n_threads() == (4, 4)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(n_threads).result() == (4, 4)


@needs_openmp
@pytest.mark.skipif(
    parallel_passes._library_function("omp_pause_resource_all") is None, reason="this OpenMP ends no threads"
)
@pytest.mark.usefixtures("four_threads")
def test_threads_that_a_pass_had_for_itself_are_gone_with_it() -> None:
    def system_threads() -> set[str]:
        return {folder.name for folder in Path("/proc/self/task").iterdir()}

    def compute(_: int) -> None:
        torch.softmax(torch.ones(1000, 1000), dim=-1)

    with ThreadPoolExecutor(1) as pool:  # a thread that stays, and with it OpenMP's
        pool.submit(parallel_passes._use_threads, 4).result()
        before = system_threads()
        pool.submit(compute, 0).result()
        helpers = system_threads() - before
        assert len(helpers) == 3
        pool.submit(parallel_passes._without_helpers, compute, 0).result()
        until(lambda: not helpers & system_threads())


@needs_openmp
@pytest.mark.parametrize(("n_threads", "expected"), [(1, 1), (2, 2), (6, 6), (12, 6), (13, 1), (64, 8)])
def test_passes_divide_the_threads(n_threads: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: n_threads)
    assert n_parallel_passes([DEVICE]) == expected


@pytest.mark.usefixtures("four_threads")
def test_several_devices_and_those_with_cores_of_their_own_run_one_pass_each() -> None:
    assert n_parallel_passes([DEVICE, DEVICE]) == 1
    assert n_parallel_passes([Capabilities(torch.device("meta"))]) == 1


def test_results_keep_the_order_and_errors_arrive() -> None:
    assert run_in_parallel(lambda i: i * i, range(20), 3) == [i * i for i in range(20)]
    with pytest.raises(ZeroDivisionError):
        run_in_parallel(lambda i: 1 / i, [1, 0, 2], 2)


@needs_openmp
def test_parallel_passes_do_not_change_scores(folder_of: FolderOf, monkeypatch: pytest.MonkeyPatch) -> None:
    model = CrossEncoder(folder_of("bert"))
    pairs = [(f"query {i % 7}", "word " * (1 + i % 40)) for i in range(120)]
    monkeypatch.setattr("secondpass.execution.pipeline.n_parallel_passes", lambda _: 1)
    alone = model.predict(pairs)
    monkeypatch.setattr("secondpass.execution.pipeline.n_parallel_passes", lambda _: 2)
    np.testing.assert_allclose(model.predict(pairs), alone, rtol=0, atol=1e-5)
