"""What windows cost: long documents that are read in windows, beside the same windows given as pairs that fit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from secondpass.bench.contenders import Contender, load_ours
from secondpass.bench.setting import ScoreFunction, Setting
from secondpass.bench.timing import Times, time_in_turns
from secondpass.bench.workloads import Workload
from secondpass.options import ModelOptions
from secondpass.ranking import Pair


@dataclass(frozen=True, slots=True)
class WindowCost:
    """What one of our contenders reached on long documents. Both ways read the very same tokens.

    Args:
        workload: The documents' name.
        contender: Its name.
        n_documents: Documents.
        n_windows: Their windows, the different ones.
        n_tokens: Tokens of those, queries and special tokens included.
        windows: Times of the documents, in windows.
        pairs: Times of the windows' texts, given as pairs that fit.
        difference: Largest distance of a document's score from that of the best of its pairs, in logits.
    """

    workload: str
    contender: str
    n_documents: int
    n_windows: int
    n_tokens: int
    windows: Times
    pairs: Times
    difference: float

    @property
    def ratio(self) -> float:
        """Tokens per second in windows, as a share of those in pairs: the median of each repeat's ratio."""
        return self.windows.times_faster_than(self.pairs)

    def as_json(self) -> dict[str, Any]:
        """As results.json holds it."""
        return {
            "workload": self.workload,
            "contender": self.contender,
            "n_documents": self.n_documents,
            "n_windows": self.n_windows,
            "n_tokens": self.n_tokens,
            "tokens_per_second": round(self.windows.per_second(self.n_tokens), 1),
            "tokens_per_second_as_pairs": round(self.pairs.per_second(self.n_tokens), 1),
            "ratio": round(self.ratio, 4),
            "score_difference": self.difference,
            "seconds": [round(seconds, 6) for seconds in self.windows.per_repeat],
            "seconds_as_pairs": [round(seconds, 6) for seconds in self.pairs.per_repeat],
        }


def measure_windows(
    setting: Setting,
    workloads: Sequence[Workload],
    contenders: Sequence[Contender],
    scorers: Mapping[str, ScoreFunction],
    *,
    repeats: int,
    say: Callable[[str], None] = lambda _: None,
) -> list[WindowCost]:
    """Measure each of our contenders on documents that do not fit.

    Args:
        setting: What every contender is loaded with.
        workloads: The documents; all calls of one are taken together.
        contenders: Who competes; others than ours have no windows.
        scorers: What scores pairs, by the names of those that can take part.
        repeats: Interleaved turns of either way, at least 1.
        say: Called with a line of text at every step.
    """
    costs = []
    for contender in contenders:
        if contender.dtype is None or contender.name not in scorers:
            continue
        windows = load_ours(contender.dtype, setting, long_documents="windows").predict
        for workload in workloads:
            say(f"{workload.name} in windows: {contender.name}")
            costs.append(_measure(setting, workload, contender.name, windows, scorers[contender.name], repeats))
    return costs


def _measure(
    setting: Setting, workload: Workload, name: str, windows: ScoreFunction, score: ScoreFunction, repeats: int
) -> WindowCost:
    split = _split(setting, workload.pairs)
    best = np.maximum.reduceat(score(split.pairs)[split.numbers], split.firsts)  # this also warms it up
    difference = float(np.abs(windows(workload.pairs) - best).max())
    ways = {"windows": lambda _: windows(workload.pairs), "pairs": lambda _: score(split.pairs)}
    times = time_in_turns(ways, [None], repeats)
    return WindowCost(
        workload.name,
        name,
        len(workload.pairs),
        len(split.pairs),
        split.n_tokens,
        times["windows"],
        times["pairs"],
        difference,
    )


@dataclass(frozen=True, slots=True)
class _Split:
    """Documents as pairs that fit.

    Args:
        pairs: The query and the text of each different window.
        numbers: Which of them make up the documents, one document after the other.
        firsts: Where each document begins in `numbers`.
        n_tokens: Tokens of all pairs.
    """

    pairs: list[Pair]
    numbers: list[int]
    firsts: list[int]
    n_tokens: int


def _split(setting: Setting, pairs: Sequence[Pair]) -> _Split:
    from secondpass.checkpoint import load_checkpoint
    from secondpass.tokenization.long_documents import reader_for

    options = ModelOptions(max_length=setting.max_length, trust_remote_code=setting.trust_remote_code)
    tokenize = load_checkpoint(setting.model, options).tokenize
    reading = reader_for(tokenize, "windows", None)(pairs)
    spans = zip(reading.windows.starts.tolist(), reading.windows.ends.tolist(), strict=True)
    owners = [pair for pair, count in zip(pairs, reading.windows.counts.tolist(), strict=True) for _ in range(count)]
    texts = [(query, text[start:end]) for (query, text), (start, end) in zip(owners, spans, strict=True)]
    number_of = {pair: number for number, pair in enumerate(dict.fromkeys(texts))}
    counts = reading.windows.counts
    return _Split(
        list(number_of),
        [number_of[pair] for pair in texts],
        (counts.cumsum() - counts).tolist(),
        int(reading.tokens.lengths.sum()),
    )
