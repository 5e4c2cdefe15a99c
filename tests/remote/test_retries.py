"""Pauses that a service asks for have jitter too, and are never shorter than asked."""

import pytest

from secondpass.remote import retries


def test_what_a_service_asks_for_is_kept_and_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    for drawn, expected in ((0.0, [4.0, 0.0]), (0.5, [4.5, 0.03125])):
        monkeypatch.setattr(retries, "random", lambda drawn=drawn: drawn)
        assert [retries.pause(1, 4.0), retries.pause(9, 0.0)] == expected
