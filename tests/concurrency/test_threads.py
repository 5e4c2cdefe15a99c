"""Scoring while the interpreter ends, after a fork, and through interruptions; each in a process of its own."""

import os
import threading
import time
from pathlib import Path

import checkpoints
import pytest
from programs import run_python

from secondpass.concurrency import threads
from secondpass.concurrency.threads import Call, map_in_threads

SETUP = """
import atexit, os, signal, sys, threading, time
import numpy as np, torch
torch.set_num_threads(2)
from secondpass import CrossEncoder
model = CrossEncoder(sys.argv[1])
DOCUMENTS = [f"document {i} " * (5 + i) for i in range(30)]
def pairs(n):
    return [("which document", f"document {i}") for i in range(n)]
"""

# Forked as soon as scores are there, while threads that computed them end, of one pass and of several; and while others
# compute.
IN_CHILDREN = """
expected = [model.score("q", DOCUMENTS[:n]) for n in (2, 30)]
def scores_in_a_child(load):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        same = [False]
        try:
            scorer = CrossEncoder(sys.argv[1]) if load else model
            same = [np.allclose(scorer.score("q", DOCUMENTS[:n]), expected[n > 2], atol=1e-5) for n in (2, 30)]
        finally:
            os._exit(0 if all(same) else 1)
    return os.waitpid(child, 0)[1]
codes = []
for turn in range(20):
    model.score("q", DOCUMENTS[: 30 if turn % 2 else 2])
    codes.append(scores_in_a_child(load=turn < 2))
enough = threading.Event()
def score(n):
    while not enough.is_set():
        model.score("q", DOCUMENTS[:n])
others = [threading.Thread(target=score, args=(n,)) for n in (1, 30)]
for other in others:
    other.start()
codes += [scores_in_a_child(load=False) for _ in range(20)]
enough.set()
print("children", set(codes), "parent", len(model.score("q", DOCUMENTS)))
"""

# The parent computes with torch, and has of the library what an adapter imports, which needs no torch.
FIRST_LOADED_IN_A_CHILD = """
import os, signal, sys
from secondpass.adapters.lazy import LazyCrossEncoder
assert "torch" not in sys.modules
import torch
torch.set_num_threads(2)
torch.rand(4_000_000).exp()
scorer = LazyCrossEncoder(sys.argv[1])
child = os.fork()
if child == 0:
    signal.alarm(60)
    n_scores = 0
    try:
        n_scores = len(scorer.score("q", [f"document {i} " * (5 + i) for i in range(30)]))
    finally:
        os._exit(0 if n_scores == 30 else 1)
print("child", os.waitpid(child, 0)[1])
"""

# Python loses an interruption that comes while it runs functions before or after a fork, wherever it came.
INTERRUPTED_WHILE_IT_FORKS = """
import _thread
from secondpass.execution import turns as turns_module
turns_module._FORK_PATIENCE = 2
signal.signal(signal.SIGINT, signal.default_int_handler)
interrupt = False
os.register_at_fork(before=lambda: interrupt and _thread.interrupt_main())  # before ours
for interrupt in (True, False) * 3:
    try:
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    except KeyboardInterrupt:
        pass
    assert len(model.score("q", DOCUMENTS)) == 30
print("scored")
"""

# Tokenizers that wait in a thread of the parent when the child is made, with whatever they hold meanwhile.
IN_A_CHILD_OF_BUSY_THREADS = """
import os, signal, threading
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from secondpass.tokenization.text_tokenizer import PythonTokenizer
from secondpass.tokenization.word_cache import WordTokenizer
parent, begun, go_on = os.getpid(), threading.Semaphore(0), threading.Event()
def wait():
    if os.getpid() == parent:
        begun.release()
        go_on.wait()
class Waiting:
    raw = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "b": 2}, unk_token="[UNK]"))
    raw.normalizer, raw.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    def encode_batch(self, texts, **options):
        wait()
        return self.raw.encode_batch(texts, **options)
def encode(text):
    wait()
    return [len(text)]
tokenizers = [WordTokenizer(Waiting()), PythonTokenizer(encode)]
threads = [threading.Thread(target=tokenizer, args=(["a"],)) for tokenizer in tokenizers]
for thread in threads:
    thread.start()
    begun.acquire()
child = os.fork()
if child == 0:
    signal.alarm(60)
    os._exit(0 if [tokenizer(["b a"]).ids.tolist() for tokenizer in tokenizers] == [[2, 1], [3]] else 1)
print("child", os.waitpid(child, 0)[1])
go_on.set()
"""

AFTER_THE_MAIN_THREAD = """
from concurrent.futures import ThreadPoolExecutor
def later():
    threading.main_thread().join()
    try:
        while True:  # pools of the standard library come to an end a moment after it
            with ThreadPoolExecutor(1) as pool:
                pool.submit(int)
    except RuntimeError:
        pass
    print(len(model.score("q", DOCUMENTS)), len(model.predict(pairs(5000))))
threading.Thread(target=later).start()
"""

AT_EXIT = """
atexit.register(lambda: print(len(model.score("q", DOCUMENTS)), len(model.predict(pairs(5000)))))
"""

INTERRUPTED = """
signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background of a shell begin by ignoring it
expected, many = model.score("q", DOCUMENTS), pairs(300_000)
for delay in (0.3, 0.6, 0.9):
    timer = threading.Timer(delay, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        model.predict(many)
        print("not interrupted")
    except KeyboardInterrupt:
        pass
    timer.join()
    assert np.array_equal(model.score("q", DOCUMENTS), expected)
print("threads", threading.active_count(), *(thread.name for thread in threading.enumerate()[1:]))
"""


# Whatever has begun ends before the interruption is raised, wherever it comes: while threads are started, too. Python
# itself loses one that comes while it clears away an object.
INTERRUPTED_AT_ANY_MOMENT = """
import os, random, signal, threading, time
from secondpass.concurrency.threads import map_in_threads
signal.signal(signal.SIGINT, signal.default_int_handler)
begun, ended, n_interrupted = [], [], 0
def work(number):
    begun.append(number)
    time.sleep(0.003)
    ended.append(number)
def interrupt(delay):
    time.sleep(delay)
    os.kill(os.getpid(), signal.SIGINT)
chance = random.Random(0)
for turn in range(200):
    interrupts = threading.Thread(target=interrupt, args=(chance.uniform(0, 0.006),))
    try:
        interrupts.start()
        map_in_threads(work, range(200), 6)
        interrupts.join()
        time.sleep(0.05)
    except KeyboardInterrupt:
        n_interrupted += 1
    n_begun = len(begun)
    assert sorted(begun) == sorted(ended), (turn, set(begun) - set(ended))
    time.sleep(0.002)
    assert len(begun) == n_begun, (turn, begun[n_begun:])
    begun.clear()
    ended.clear()
print(n_interrupted > 150)
"""


@pytest.mark.parametrize(
    ("code", "output"),
    [
        pytest.param(
            IN_CHILDREN, "children {0} parent 30", marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
        ),
        pytest.param(
            INTERRUPTED_WHILE_IT_FORKS, "scored", marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
        ),
        (AFTER_THE_MAIN_THREAD, "30 5000"),
        (AT_EXIT, "30 5000"),
        (INTERRUPTED, "threads 1"),
    ],
    ids=["forked", "interrupted while it forks", "after the main thread", "at exit", "interrupted"],
)
def test_scoring_goes_on(tmp_path: Path, code: str, output: str) -> None:
    done = run_python(SETUP + code, str(checkpoints.bert(tmp_path / "it")))
    assert (done.returncode, done.stdout.strip()) == (0, output), done.stderr[-2000:]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_waits_for_no_thread_of_its_parent() -> None:
    done = run_python(IN_A_CHILD_OF_BUSY_THREADS)
    assert (done.returncode, done.stdout.strip()) == (0, "child 0"), done.stderr[-2000:]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_scores_whose_parent_used_torch_and_loaded_nothing(tmp_path: Path) -> None:
    done = run_python(FIRST_LOADED_IN_A_CHILD, str(checkpoints.bert(tmp_path / "it")))
    assert (done.returncode, done.stdout.strip()) == (0, "child 0"), done.stderr[-2000:]


def test_an_interruption_leaves_nothing_running() -> None:
    done = run_python(INTERRUPTED_AT_ANY_MOMENT)
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr[-2000:]


def test_results_keep_the_items_order_and_threads_end() -> None:
    before = set(threading.enumerate())

    def wait(number: int) -> int:
        time.sleep(0.01 * (number % 3))
        return number

    assert map_in_threads(wait, range(20), 4) == list(range(20))
    assert map_in_threads(str, [], 3) == []
    assert set(threading.enumerate()) <= before, "threads of other tests may end meanwhile; none of ours stays"


def test_numbers_of_threads_that_are_gone_are_not_kept() -> None:
    for _ in range(200):
        map_in_threads(str, [0], 1)
    assert len(threads._ENDING) < 50, "but those that the system still clears away"


def test_an_error_ends_the_others_and_is_raised() -> None:
    begun: list[int] = []
    stopped = threading.Event()

    def fail(number: int) -> None:
        begun.append(number)
        if number == 1:
            raise ValueError("the second")
        assert stopped.wait(20)

    with pytest.raises(ValueError, match="the second"):
        map_in_threads(fail, range(100), 2, give_up=stopped.set)
    assert sorted(begun) == [0, 1]
    with pytest.raises(ZeroDivisionError):
        map_in_threads(lambda _: 1 / 0, [0], 1)


def test_the_first_error_is_raised_and_lets_the_others_give_up() -> None:
    gave_up = threading.Event()

    def fail(number: int) -> None:
        if number == 0:
            assert gave_up.wait(timeout=10)
            raise ValueError("the second")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        map_in_threads(fail, [0, 1], 2, give_up=gave_up.set)


def test_a_call_that_has_not_begun_never_does_once_it_is_ended() -> None:
    ran: list[int] = []
    call = Call(lambda: ran.append(1))
    call.end()
    call.start()
    call.end()
    assert ran == []


def test_each_thread_is_prepared_once() -> None:
    prepared: list[int] = []
    all_at_work = threading.Barrier(3, timeout=20)  # each of the three takes as many as the others
    map_in_threads(lambda _: all_at_work.wait(), range(9), 3, prepare=lambda: prepared.append(threading.get_ident()))
    assert len(prepared) == len(set(prepared)) == 3
