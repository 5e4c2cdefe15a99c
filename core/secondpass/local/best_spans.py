"""The parts of a document in the order of their scores, none over another, and nothing left out between them."""

from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from secondpass.tokenization.windows import Span


def best_parts(
    text: str, split: Callable[[str], list[Span]], score: Callable[[Sequence[str]], Sequence[float]]
) -> list[tuple[Span, float]]:
    """As `best_spans`, of a text and by functions of texts.

    Args:
        text: The document.
        split: The spans of a text in which it is scored; see `best_spans`.
        score: Scores of texts.
    """
    whole = Span(0, len(text))

    def split_span(part: Span) -> list[Span]:
        words = part if part == whole else _without_outer_white_space(text, part)
        spans = split(text[words.start : words.end])
        return [Span(words.start + span.start, words.start + span.end) for span in spans]

    return best_spans(whole, split_span, lambda spans: score([text[span.start : span.end] for span in spans]))


def best_spans(
    document: Span, split: Callable[[Span], list[Span]], score: Callable[[Sequence[Span]], Sequence[float]]
) -> list[tuple[Span, float]]:
    """Divide a document where its best parts are.

    Of the overlapping parts that it is split into, the best one is taken, then the best of those that do not overlap
    it, and so on. What is left between two of them becomes parts of its own, which do not overlap either.

    Args:
        document: The whole of it.
        split: A part into parts of the wanted size, in order, which may overlap; [] where it is blank.
        score: Scores of parts.

    Returns:
        The parts and their scores, best first, of equal ones the earlier first. They hold all that `split` holds.
    """
    parts = split(document)
    taken: list[tuple[Span, float]] = []
    edges = [Span(document.start, document.start), Span(document.end, document.end)]  # and between them what is taken
    for part, part_score in _best_first(zip(parts, score(parts), strict=True)):
        place = bisect(edges, part.start, lo=1, hi=len(edges) - 1, key=_start)
        if edges[place - 1].end <= part.start and part.end <= edges[place].start:
            taken.append((part, part_score))
            edges.insert(place, part)
    between = [part for one, next_one in pairwise(edges) for part in _divide(Span(one.end, next_one.start), split)]
    return _best_first([*taken, *zip(between, score(between), strict=True)])


def _divide(part: Span, split: Callable[[Span], list[Span]]) -> list[Span]:
    """A part in parts that do not overlap: each begins where the one before it ends."""
    divided: list[Span] = []
    while part.start < part.end and (parts := split(part)):
        divided.append(parts[0])
        part = Span(parts[0].end, part.end)
    return divided


def _without_outer_white_space(text: str, part: Span) -> Span:
    """The part of a text without the white space that it begins and ends with."""
    ends_at = part.start + len(text[part.start : part.end].rstrip())
    return Span(ends_at - len(text[part.start : ends_at].lstrip()), ends_at)


def _best_first(scored: Iterable[tuple[Span, float]]) -> list[tuple[Span, float]]:
    return sorted(scored, key=lambda found: (-found[1], found[0].start))


def _start(part: Span) -> int:
    return part.start
