"""Quantities in words."""

from secondpass.quantities import count, duration


def test_counts_are_english() -> None:
    assert [count(n, "query", "queries") for n in (0, 1, 2)] == ["0 queries", "1 query", "2 queries"]
    assert [count(n, "candidate") for n in (1.0, 81.97, 1234, 1_234_567, 81.54)] == [
        "1 candidate", "82 candidates", "1234 candidates", "1234567 candidates", "81.5 candidates",
    ]  # fmt: skip


def test_times_are_in_whole_minutes_and_short_ones_in_seconds() -> None:
    assert [duration(minutes) for minutes in (0, 1 / 60, 1, 1.9, 2, 2.6, 90)] == [
        "0 seconds", "1 second", "60 seconds", "114 seconds", "2 minutes", "3 minutes", "90 minutes"
    ]  # fmt: skip
