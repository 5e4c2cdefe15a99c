"""Which tests a worker gets, and when: pytest-xdist's own rule begins with the modules of the most tests."""

from collections import Counter

import pytest
from xdist.scheduler import LoadScopeScheduling

# Tests of ordinary length that one marked `slow` takes as long as.
_ORDINARY_PER_SLOW = 75


def scope_of(nodeid: str) -> str:
    """What stays together: a module, or all that start Ray, whose clusters would take each other's cores and places."""
    return "on_ray" if "/on_ray/" in nodeid else nodeid.rsplit("::", 1)[0]


def longest_first(items: list[pytest.Item]) -> None:
    """Put the scopes in the order of how long they take, so that no worker begins a long one last."""
    lengths: Counter[str] = Counter()
    for item in items:
        lengths[scope_of(item.nodeid)] += _ORDINARY_PER_SLOW if item.get_closest_marker("slow") else 1
    items.sort(key=lambda item: -lengths[scope_of(item.nodeid)])


class Scheduling(LoadScopeScheduling):  # type: ignore[misc] # it comes without types
    """Scopes go to workers whole, in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)
