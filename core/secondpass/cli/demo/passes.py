"""What `secondpass demo` does with a question: BM25's candidates, the model's order of them, and what it changed."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from secondpass.cli.demo.reasons import Reason, find_reason
from secondpass.cli.loading import load_quietly
from secondpass.cli.truncation import report_truncated
from secondpass.options import ModelOptions
from secondpass.ranking import RankedDocument, Scorer, rank

if TYPE_CHECKING:
    from secondpass.demo import Passage, Question

# The places that tables show and the totals count.
TOP = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question, before and after.

    Args:
        question: What was asked.
        answer: What the labelled passage says.
        before: BM25's rank of that passage, 1 the best; None if it is not among the candidates.
        after: The model's rank of it.
        seconds: Wall-clock time of the second pass.
    """

    question: str
    answer: str
    before: int | None
    after: int | None
    seconds: float

    @property
    def gain(self) -> int:
        """By how many ranks the passage moved up; 0 if it is not among the candidates."""
        return 0 if self.before is None or self.after is None else self.before - self.after


@dataclass(frozen=True, slots=True)
class Pass:
    """A second pass over one question's candidates.

    Args:
        outcome: What it changed.
        candidates: The first stage's passages, best first.
        ranking: The model's order of them.
        reason: Why its first passage is first; None: nobody asked, or there are no candidates.
    """

    outcome: Outcome
    candidates: Sequence["Passage"]
    ranking: Sequence[RankedDocument]
    reason: Reason | None = None


def first_stage(depth: int) -> Callable[["Question"], list["Passage"]]:
    """BM25 over the demo's corpus: from a question to its candidates, at most `depth`, best first."""
    from secondpass.demo import passages
    from secondpass.evaluation import BM25

    corpus = passages()
    bm25 = BM25({key: passage.text for key, passage in corpus.items()})
    return lambda question: [corpus[key] for key in bm25.search(question.text, depth)]


def load_warm(model: str, options: ModelOptions) -> Scorer:
    """The model, set up: the first pass of a process takes longer, which is no question's time."""
    scorer = load_quietly(model, options)
    scorer.score("warm", ["up"])
    return scorer


def second_pass(scorer: Scorer, question: "Question", candidates: Sequence["Passage"]) -> Pass:
    """Re-rank one question's candidates.

    Args:
        scorer: The model.
        question: What is asked.
        candidates: The first stage's best, best first.
    """
    started = time.perf_counter()
    ranking = rank(scorer, question.text, [passage.text for passage in candidates])
    seconds = time.perf_counter() - started
    ids = [passage.id for passage in candidates]
    before = _rank_of(question.passage, ids)
    after = _rank_of(question.passage, [ids[ranked.index] for ranked in ranking])
    return Pass(Outcome(question.text, question.answer, before, after, seconds), candidates, ranking)


def explain(scorer: Scorer, done: Pass) -> Pass:
    """The pass with the reason why its first passage is first."""
    if not done.ranking:
        return done
    return replace(done, reason=find_reason(scorer, done.outcome.question, done.candidates, done.ranking))


def largest_gains(passes: Iterable[Pass], n_passes: int) -> list[Pass]:
    """The passes whose answer moved up furthest, at most `n_passes`, the largest gain first."""
    return sorted(passes, key=lambda done: done.outcome.gain, reverse=True)[:n_passes]


def warn_of_truncated(scorer: Scorer, passes: Iterable[Pass], *, max_length: int | None) -> None:
    """Say on standard error how many of the passages did not fit; nothing where all did; `max_length` as given."""
    read = [ranked for done in passes for ranked in done.ranking]
    report_truncated(scorer, sum(ranked.truncated or False for ranked in read), len(read), max_length=max_length)


def _rank_of(wanted: str, ids: Sequence[str]) -> int | None:
    return ids.index(wanted) + 1 if wanted in ids else None
