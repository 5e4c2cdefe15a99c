"""What every test of the service ends with."""

from collections.abc import Iterator

import pytest
from serving import close_all


@pytest.fixture(autouse=True)
def _no_service_stays() -> Iterator[None]:
    yield
    close_all()
