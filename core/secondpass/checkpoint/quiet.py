"""Loading without transformers' own progress bars and reports: a library's caller did not ask for them."""

import logging as standard_logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from transformers.utils import logging

_guard = threading.Lock()
_loading = threading.local()
_n_loading = 0
_hook_before: Callable[..., Any] | None = None


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Show no bar of transformers' that this thread would start; other threads keep theirs.

    transformers has one hook for the whole process. It is ours while any thread loads, hands other threads' bars on,
    and is then what it was. Versions without a hook show their bars.
    """
    global _n_loading, _hook_before  # noqa: PLW0603 - the hook is the process's, and so is what is known of it
    if not hasattr(logging, "set_tqdm_hook"):
        yield
        return
    with _guard:
        if _n_loading == 0:
            _hook_before = logging.set_tqdm_hook(_hide)
        _n_loading += 1
    depth = getattr(_loading, "depth", 0)
    _loading.depth = depth + 1
    try:
        yield
    finally:
        _loading.depth = depth
        with _guard:
            _n_loading -= 1
            if _n_loading == 0:
                logging.set_tqdm_hook(_hook_before)


@contextmanager
def without_load_report() -> Iterator[None]:
    """Drop what transformers logs of weights in this thread: those yet to be replaced it would call made up."""
    logger = standard_logging.getLogger("transformers.modeling_utils")
    here = threading.local()  # and not its number, which a forked process may give to a thread of its own
    here.loads = True

    def of_others(_: standard_logging.LogRecord) -> bool:
        return not hasattr(here, "loads")

    logger.addFilter(of_others)
    try:
        yield
    finally:
        logger.removeFilter(of_others)


def _hide(factory: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401 - tqdm's, or a shim
    if getattr(_loading, "depth", 0):
        return logging.EmptyTqdm(*args, **kwargs)
    return factory(*args, **kwargs) if _hook_before is None else _hook_before(factory, args, kwargs)


def _after_fork_in_child() -> None:
    """Hide nothing any more for threads that load: they stayed in the parent, whatever they held."""
    global _guard, _n_loading  # noqa: PLW0603 - see above
    _guard = threading.Lock()
    _n_loading = getattr(_loading, "depth", 0)
    if _n_loading == 0 and hasattr(logging, "set_tqdm_hook"):
        hook = logging.set_tqdm_hook(None)
        logging.set_tqdm_hook(_hook_before if hook is _hide else hook)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
