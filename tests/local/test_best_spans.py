"""Parts of a document in the order of their scores: by hand, and as a property."""

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from secondpass.local.best_spans import best_spans
from secondpass.tokenization.windows import Span


def halves_overlap(size: int, part: Span) -> list[Span]:
    """Parts of a size that begin half of it after one another; the last one ends with the whole."""
    spans = []
    for start in range(part.start, part.end, max(size // 2, 1)):
        spans.append(Span(start, min(start + size, part.end)))
        if spans[-1].end == part.end:
            break
    return spans


def test_what_is_left_between_the_best_parts_is_a_part_too() -> None:
    given_scores = {(0, 4): 1.0, (2, 6): 5.0, (4, 8): 2.0, (6, 10): 3.0, (8, 12): 4.0, (0, 2): -1.0, (6, 8): 9.0}

    def score(spans: Sequence[Span]) -> list[float]:
        return [given_scores[span.start, span.end] for span in spans]

    best = best_spans(Span(0, 12), lambda part: halves_overlap(4, part), score)
    assert [(span.start, span.end, of) for span, of in best] == [(6, 8, 9.0), (2, 6, 5.0), (8, 12, 4.0), (0, 2, -1.0)]


def test_a_long_document_takes_no_time_of_its_own() -> None:
    n_compared = 0

    class Place(int):
        def __lt__(self, other: int) -> bool:
            nonlocal n_compared
            n_compared += 1
            return int(self) < other

        def __le__(self, other: int) -> bool:
            nonlocal n_compared
            n_compared += 1
            return int(self) <= other

        def __ge__(self, other: int) -> bool:
            nonlocal n_compared
            n_compared += 1
            return int(self) >= other

    n_parts = 2000
    parts = [Span(Place(2 * number), Place(2 * number + 2)) for number in range(n_parts)]
    best = best_spans(Span(0, 2 * n_parts), lambda _: parts, lambda spans: [0.0] * len(spans))
    assert [span for span, _ in best] == parts
    assert n_compared < 30 * n_parts, "and not in proportion to their square"


@given(st.integers(0, 60), st.integers(1, 9), st.randoms(use_true_random=False))
def test_parts_are_best_first_and_hold_everything_once(length: int, size: int, chance: random.Random) -> None:
    scores: dict[Span, float] = {}

    def score(spans: Sequence[Span]) -> list[float]:
        return [scores.setdefault(span, chance.choice((0.0, 1.0, 2.0, 3.0))) for span in spans]

    best = best_spans(Span(0, length), lambda part: halves_overlap(size, part), score)
    assert [of for _, of in best] == sorted((of for _, of in best), reverse=True)
    assert all(scores[span] == of for span, of in best)
    held = [
        character
        for span, _ in sorted(best, key=lambda found: found[0].start)
        for character in range(span.start, span.end)
    ]
    assert held == list(range(length))
    assert all(span.end - span.start <= size for span, _ in best)


def test_of_equal_parts_the_earlier_is_first_whenever_it_was_found() -> None:
    scores = {(0, 4): 1.0, (2, 6): 2.0, (6, 10): 1.0, (0, 2): 1.0}

    def split(part: Span) -> list[Span]:
        return [Span(0, 4), Span(2, 6), Span(6, 10)] if part == Span(0, 10) else [part]

    def score(parts: Sequence[Span]) -> list[float]:
        return [scores[part.start, part.end] for part in parts]

    best = best_spans(Span(0, 10), split, score)
    assert [(span.start, span.end) for span, _ in best] == [(2, 6), (0, 2), (6, 10)]
