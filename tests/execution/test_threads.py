"""Scoring while the interpreter ends, after a fork, and through interruptions; each in a process of its own."""

import os
import subprocess
import sys
import threading
import time

import pytest

from secondpass.execution.threads import Call, map_in_threads

SETUP = """
import atexit, os, signal, sys, threading, time
import numpy as np, torch
torch.set_num_threads(2)
from secondpass import BiEncoder, CrossEncoder
model = CrossEncoder("secondpass/mini")
DOCUMENTS = [f"document {i} " * (5 + i) for i in range(30)]
def pairs(n):
    return [("which document", f"document {i}") for i in range(n)]
"""

IN_A_CHILD = """
expected = model.score("q", DOCUMENTS)
few = model.score("q", DOCUMENTS[:2])
child = os.fork()
if child == 0:
    signal.alarm(60)
    same = np.allclose(model.score("q", DOCUMENTS), expected, atol=1e-5)
    same &= np.allclose(model.score("q", DOCUMENTS[:2]), few, atol=1e-5)
    same &= np.allclose(CrossEncoder("secondpass/mini").score("q", DOCUMENTS), expected, atol=1e-5)
    os._exit(0 if same else 1)
print("child", os.waitpid(child, 0)[1], "parent", len(model.score("q", DOCUMENTS)))
"""

AFTER_THE_MAIN_THREAD = """
def later():
    time.sleep(0.5)
    assert not threading.main_thread().is_alive()
    print(len(model.score("q", DOCUMENTS)), len(model.predict(pairs(5000))))
threading.Thread(target=later).start()
"""

AT_EXIT = """
atexit.register(lambda: print(len(model.score("q", DOCUMENTS)), len(model.predict(pairs(5000)))))
"""

INTERRUPTED = """
signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background of a shell begin by ignoring it
expected = model.score("q", DOCUMENTS)
for delay in (0.3, 0.6, 0.9):
    threading.Timer(delay, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        model.predict(pairs(100_000))
        print("not interrupted")
    except KeyboardInterrupt:
        pass
    assert np.array_equal(model.score("q", DOCUMENTS), expected)
print("threads", threading.active_count(), *(thread.name for thread in threading.enumerate()[1:]))
"""


@pytest.mark.parametrize(
    ("code", "output"),
    [
        pytest.param(
            IN_A_CHILD, "child 0 parent 30", marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
        ),
        (AFTER_THE_MAIN_THREAD, "30 5000"),
        (AT_EXIT, "30 5000"),
        (INTERRUPTED, "threads 1"),
    ],
    ids=["forked", "after the main thread", "at exit", "interrupted"],
)
def test_scoring_goes_on(code: str, output: str) -> None:
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", SETUP + code], capture_output=True, text=True, check=False, timeout=240, env=environment
    )
    assert (done.returncode, done.stdout.strip()) == (0, output), done.stderr[-2000:]


def test_results_keep_the_items_order_and_threads_end() -> None:
    before = threading.active_count()

    def wait(number: int) -> int:
        time.sleep(0.01 * (number % 3))
        return number

    assert map_in_threads(wait, range(20), 4) == list(range(20))
    assert map_in_threads(str, [], 3) == []
    assert threading.active_count() == before


def test_an_error_ends_the_others_and_is_raised() -> None:
    begun: list[int] = []

    def fail(number: int) -> None:
        begun.append(number)
        if number == 1:
            raise ValueError("the second")
        time.sleep(0.05)

    with pytest.raises(ValueError, match="the second"):
        map_in_threads(fail, range(100), 2)
    assert len(begun) < 10
    with pytest.raises(ZeroDivisionError):
        Call(lambda: 1 / 0).result()


def test_each_thread_is_prepared_once() -> None:
    prepared: list[int] = []
    map_in_threads(lambda _: time.sleep(0.01), range(8), 3, prepare=lambda: prepared.append(threading.get_ident()))
    assert len(prepared) == len(set(prepared)) == 3
