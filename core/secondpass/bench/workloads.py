"""What is measured: named lists of calls, in which no pair appears twice."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from secondpass.arguments import check_count
from secondpass.bench.texts import SPECIALS, Material
from secondpass.errors import InputError
from secondpass.ranking import Pair

# Tokens per pair: of chunks as RAG splitters make them, and far over the usual limit of 512.
_CHUNK = 250
_LONG = 1_000
# Tokens of the one document that is as long as a report.
_VERY_LONG = 20_000
# From titles to whole documents.
_MIXED = (16, 60, 70, 130, _CHUNK, _LONG)
# Calls that a latency is measured on.
_LATENCY_REQUESTS = 10
# What is asked of a process that has just started: one question, with the candidates of one search.
COLD_START = "cold-start"
_COLD_CANDIDATES = 20
# What many callers ask at a time: as many, with as many calls each, and the candidates of a search in every call.
CONCURRENT = "concurrent"
CALLERS = 16
_CALLS = 2
_CALL_CANDIDATES = 20
# Pairs per call of "scaling", and tokens per pair of "lengths".
_SCALES = (100, 1_000, 10_000)
_LENGTHS = (32, 64, 128, 256, 480)


@dataclass(frozen=True, slots=True)
class Workload:
    """Calls to time one by one.

    Args:
        name: What it is called in tables.
        requests: The pairs of each call. No pair appears twice: a scorer that scores repeats once would look too good.
        source: Where its text comes from.
    """

    name: str
    requests: tuple[tuple[Pair, ...], ...]
    source: str

    def __post_init__(self) -> None:
        """Check what every measure relies on."""
        pairs = self.pairs
        if not all(self.requests) or not pairs:
            raise InputError(f"requests of a workload must hold pairs, got an empty one in {self.name!r}")
        if len(set(pairs)) < len(pairs):
            raise InputError(f"pairs of a workload must all differ, got {len(pairs) - len(set(pairs))} repeats")

    @property
    def pairs(self) -> list[Pair]:
        """The pairs of all calls."""
        return [pair for request in self.requests for pair in request]


def build_workloads(names: list[str], text: Material, n_pairs: int | None = None) -> list[Workload]:
    """The workloads of these names.

    Args:
        names: Keys of `WORKLOADS`; "latency", "scaling" and "lengths" stand for several workloads each.
        text: What they are built from.
        n_pairs: Pairs of each throughput workload, and the largest size of "scaling"; None takes each workload's own.

    Raises:
        InputError: No workload has this name, `n_pairs` is below 1, or the text is too short for it.
    """
    check_count("pairs", n_pairs)
    for name in names:
        if name not in WORKLOADS:
            raise InputError(f"workload must be one of {', '.join(WORKLOADS)}, got {name!r}")
    return [workload for name in dict.fromkeys(names) for workload in WORKLOADS[name](text, n_pairs)]


def _passages(text: Material, n_pairs: int | None) -> Iterator[Workload]:
    """Many queries with their candidates, in one call."""
    yield Workload("passages", (_first_passages(text, n_pairs or 1_000),), text.candidates_source)


def _chunks(text: Material, n_pairs: int | None) -> Iterator[Workload]:
    """Chunks as RAG splitters make them, about 250 tokens per pair."""
    yield Workload("chunks", (_prose_pairs(text, [_CHUNK] * (n_pairs or 200)),), text.prose_source)


def _long(text: Material, n_pairs: int | None) -> Iterator[Workload]:
    """Documents over the limit of 512 tokens."""
    yield Workload("long", (_prose_pairs(text, [_LONG] * (n_pairs or 60)),), text.prose_source)


def very_long(text: Material) -> Workload:
    """One document of 20,000 tokens."""
    return Workload(f"one of {_VERY_LONG:,} tokens", (_prose_pairs(text, [_VERY_LONG]),), text.prose_source)


def _mixed(text: Material, n_pairs: int | None) -> Iterator[Workload]:
    """Titles, passages, chunks and whole documents in turn."""
    lengths = itertools.islice(itertools.cycle(_MIXED), n_pairs or 240)
    yield Workload("mixed", (_prose_pairs(text, list(lengths)),), text.prose_source)


def _latency(n_candidates: int) -> Callable[[Material, int | None], Iterator[Workload]]:
    """One query with its first candidates per call, several calls."""

    def build(text: Material, _n_pairs: int | None) -> Iterator[Workload]:
        requests = tuple(
            tuple((query, passage) for passage in dict.fromkeys(passages[:n_candidates]))
            for query, passages in text.candidates[:_LATENCY_REQUESTS]
        )
        yield Workload(f"latency-{n_candidates}", requests, text.candidates_source)

    return build


def _latencies(text: Material, n_pairs: int | None) -> Iterator[Workload]:
    for n_candidates in (10, 20, 100):
        yield from _latency(n_candidates)(text, n_pairs)


def _cold_start(text: Material, _n_pairs: int | None) -> Iterator[Workload]:
    """The first call of a process; each is measured in one of its own."""
    query, passages = text.candidates[0]
    pairs = tuple((query, passage) for passage in dict.fromkeys(passages[:_COLD_CANDIDATES]))
    yield Workload(COLD_START, (pairs,), text.candidates_source)


def _concurrent(text: Material, _n_pairs: int | None) -> Iterator[Workload]:
    """Calls that threads make at the same time."""
    n_calls = CALLERS * _CALLS
    calls = searches(text, _CALL_CANDIDATES)[:n_calls]
    if len(calls) < n_calls:
        raise InputError(
            f"data must have {n_calls} times {_CALL_CANDIDATES} candidates for {CONCURRENT!r}, got {len(calls)} times"
        )
    pairs = tuple(tuple((query, passage) for passage in passages) for query, passages in calls)
    yield Workload(CONCURRENT, pairs, text.candidates_source)


def searches(text: Material, n_candidates: int) -> list[tuple[str, tuple[str, ...]]]:
    """Queries, each with so many of its candidates: the first of all queries, then the next of those that have more."""
    candidates = [(query, tuple(dict.fromkeys(passages))) for query, passages in text.candidates]
    return [
        (query, passages[start : start + n_candidates])
        for start in range(0, max(len(passages) for _, passages in candidates), n_candidates)
        for query, passages in candidates
        if len(passages) >= start + n_candidates
    ]


def _scaling(text: Material, n_pairs: int | None) -> Iterator[Workload]:
    """The same kind of pairs, more and more of them."""
    for size in _SCALES if n_pairs is None else _up_to(n_pairs):
        yield Workload(f"scaling-{size}", (_first_passages(text, size),), text.candidates_source)


def _lengths(text: Material, n_pairs: int | None) -> Iterator[Workload]:
    """One workload per length, its pairs all about that long."""
    for length in _LENGTHS:
        yield Workload(f"length-{length}", (_prose_pairs(text, [length] * (n_pairs or 64)),), text.prose_source)


# By the names that the command line takes.
WORKLOADS: dict[str, Callable[[Material, int | None], Iterator[Workload]]] = {
    "passages": _passages,
    "chunks": _chunks,
    "long": _long,
    "mixed": _mixed,
    "latency": _latencies,
    "latency-10": _latency(10),
    "latency-20": _latency(20),
    "latency-100": _latency(100),
    COLD_START: _cold_start,
    CONCURRENT: _concurrent,
    "scaling": _scaling,
    "lengths": _lengths,
}

# Those for which a number of pairs means nothing.
FIXED_SIZES = frozenset({"latency", "latency-10", "latency-20", "latency-100", COLD_START, CONCURRENT})


def _up_to(largest: int) -> list[int]:
    """Powers of ten from 100 below `largest`, and `largest` itself."""
    sizes = itertools.takewhile(lambda size: size < largest, (10**power for power in itertools.count(2)))
    return [*sizes, largest]


def _first_passages(text: Material, n_pairs: int) -> tuple[Pair, ...]:
    """Queries with their own candidates first, then with other queries', until there are enough pairs."""
    n_queries = len(text.candidates)
    pairs = dict.fromkeys(
        (text.candidates[i][0], passage)
        for shift in range(n_queries)
        for i in range(n_queries)
        for passage in text.candidates[(i + shift) % n_queries][1]
    )
    if len(pairs) < n_pairs:
        raise InputError(f"pairs must be at most {len(pairs)}, the different ones in this text, got {n_pairs}")
    return tuple(itertools.islice(pairs, n_pairs))


def _prose_pairs(text: Material, lengths: list[int]) -> tuple[Pair, ...]:
    """Pairs of about these lengths in tokens; documents start at even steps along the prose, read as a ring."""
    step = max(1, len(text.prose) // len(lengths))
    ring = text.prose + text.prose
    queries = itertools.cycle([query for query, _ in text.candidates])
    return tuple(
        (query, " ".join(ring[i * step % len(text.prose) :][: _n_words(text, query, length)]))
        for i, (length, query) in enumerate(zip(lengths, queries, strict=False))
    )


def _n_words(text: Material, query: str, n_tokens: int) -> int:
    """Words of a document that make a pair of about `n_tokens` with the query."""
    return max(1, round((n_tokens - SPECIALS - len(query.split())) / text.tokens_per_word))
