"""An error arrives whole in another process, as the pool that runs there pickles it."""

import copy
import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from secondpass.errors import MissingExtraError, RemoteError, SecondPassError
from secondpass.extras import require
from secondpass.jobs.inputs.input_file import DamagedFileError


def kinds(of: type[SecondPassError] = SecondPassError) -> Iterator[type[SecondPassError]]:
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


def made(kind: Any) -> SecondPassError:
    error: SecondPassError = kind("a feature", "eval") if kind is MissingExtraError else kind("pair ", 7, " of 2")
    error.add_note("a note")
    error.told = 3  # type: ignore[attr-defined] # as a caller may
    return error


def test_every_error_is_pickled_with_all_that_it_says() -> None:
    assert {DamagedFileError, MissingExtraError, RemoteError} <= set(kinds())
    for kind in kinds():
        error = made(kind)
        for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - our own
            assert type(other) is kind
            assert str(other) == str(error), kind
            assert (other.args, vars(other)) == (error.args, vars(error)), kind


def test_the_status_of_a_service_is_pickled_too() -> None:
    error = pickle.loads(pickle.dumps(RemoteError("no answer", status=503)))  # noqa: S301 - our own
    assert (str(error), error.status) == ("no answer", 503)


def test_a_pool_hands_on_that_an_extra_is_missing() -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        future = pool.submit(require, "no_such_module", feature="drawing pictures", extra="eval")
        with pytest.raises(MissingExtraError, match=r"drawing pictures needs an optional dependency: pip install"):
            future.result(timeout=60)
