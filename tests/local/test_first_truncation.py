"""What was raised as an error is still to be told once the filter no longer makes it one."""

import warnings

import pytest

from secondpass.errors import TruncationWarning
from secondpass.local.first_truncation import FirstTruncation


def test_an_error_does_not_count_as_told() -> None:
    told = FirstTruncation(512, "truncate")
    told.warn_of(0, 3)
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(TruncationWarning, match="1 of 3 pairs did not fit"):
                told.warn_of(1, 3)
    with pytest.warns(TruncationWarning, match="2 of 3 pairs did not fit"):
        told.warn_of(2, 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        told.warn_of(2, 3)
    assert caught == [], "said once"
