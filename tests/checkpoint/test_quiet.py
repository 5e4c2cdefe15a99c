"""What transformers does not show of a load, and goes on showing of everything else."""

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from forking import forks, holds_in_child
from transformers.utils import logging as transformers_logging
from waiting import start

from secondpass.checkpoint.quiet import without_load_report, without_progress_bars

REPORTS = logging.getLogger("transformers.modeling_utils")

needs_hook = pytest.mark.skipif(not hasattr(transformers_logging, "set_tqdm_hook"), reason="shows its bars")


@pytest.fixture
def loader() -> Iterator[threading.Thread]:
    """A thread that is loading for as long as the test runs."""
    loading, may_end = threading.Event(), threading.Event()

    def load() -> None:
        with without_progress_bars(), without_load_report():
            loading.set()
            assert may_end.wait(timeout=30)

    thread = start(load)
    assert loading.wait(timeout=10)
    yield thread
    may_end.set()
    thread.join(timeout=10)


def current_hook() -> Callable[..., Any] | None:
    hook: Callable[..., Any] | None = transformers_logging.set_tqdm_hook(None)
    transformers_logging.set_tqdm_hook(hook)
    return hook


def loads_quietly() -> bool:
    before = current_hook()
    with without_progress_bars():
        hidden = current_hook() is not before
    return before is None and hidden and current_hook() is None


@needs_hook
def test_the_hook_is_what_it_was_after_a_load() -> None:
    assert loads_quietly()


@forks
@needs_hook
@pytest.mark.usefixtures("loader")
def test_a_process_forked_while_a_thread_loads_shows_its_bars_and_hides_those_of_its_own_loads() -> None:
    assert holds_in_child(loads_quietly)


@forks
@needs_hook
def test_a_process_forked_by_the_thread_that_loads_goes_on_loading() -> None:
    def ends_the_load() -> bool:
        load.__exit__(None, None, None)
        return current_hook() is None

    load = without_progress_bars()
    with load:
        assert holds_in_child(ends_the_load)
        assert current_hook() is not None
    assert current_hook() is None


def reports(message: str) -> bool:
    """Whether a warning of transformers' gets through to handlers."""
    seen: list[logging.LogRecord] = []

    class Collecting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record)

    handler = Collecting()
    REPORTS.addHandler(handler)
    try:
        REPORTS.warning(message)
    finally:
        REPORTS.removeHandler(handler)
    return bool(seen)


@forks
def test_only_the_thread_that_loads_reports_nothing(loader: threading.Thread, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, REPORTS.name)  # whatever other tests have set
    assert loader.is_alive()
    assert reports("of another thread")
    with without_load_report():
        assert not reports("of this one")
    assert reports("after the load")

    def in_threads() -> bool:  # one of which has the number of the one that was loading, as likely as not
        told: list[bool] = []
        threads = [threading.Thread(target=lambda: told.append(reports("in the child"))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return told == [True] * 3

    assert holds_in_child(in_threads)
