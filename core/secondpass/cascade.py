"""Scorers in a row: the first, cheap one reads every document, each next one only the best of the one before."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from secondpass.arguments import describe
from secondpass.errors import InputError, InputTypeError, NoFingerprintError, ScoringError
from secondpass.errors.item_numbers import caller_numbers
from secondpass.fingerprints import CascadeFingerprint
from secondpass.ranking import Fingerprinted, RankedDocument, Scorer, arank, rank
from secondpass.ranking.kept_order import is_kept_order
from secondpass.ranking.order import order_documents
from secondpass.ranking.request_checks import check_documents, check_query, check_request, check_scorer

# The most that rounding to single precision adds to the distance of two probabilities: 0.3 and 0.1 lie within 0.2.
_ROUNDING = 2.0**-23


@dataclass(frozen=True, slots=True)
class CascadedDocument:
    """A document in the order of a cascade, and how it got there.

    Args:
        document: The document with its score in the cascade; passage and truncation are the deciding stage's.
        stage: The stage that decided, which is the last one that scored it; 0 is the first.
        stage_scores: Its score in each stage that read it, each in the unit of that stage.
    """

    document: RankedDocument
    stage: int
    stage_scores: tuple[float, ...]


class Cascade:
    """Scorers in a row: every document to the first, its best to the next.

    A later stage decides among the documents it reads, and all of them stand above those that it does not read, which
    keep the order of the stage that read them last. Equal scores keep the given order, at the border of `keep` too.

    The scores of the last stage are its own. So are those of an earlier stage where they lie below all scores of the
    later ones; else they are lowered, no further than the order demands: to the next smaller number of single
    precision. Scores thus sort in the order of the cascade, and are equal only where one stage found them equal. Where
    the stages have different units, a score means something in itself only if the last stage gave it.

    A stage that failed and kept the given order, as a `RemoteScorer` with `on_failure="keep_order"` does, has no
    opinion: its documents keep the order and the scores of the last stage that scored them. With a number in `keep`,
    the best so many of that order go on, with a margin all of them. Where no stage scored, the given order stays.

    A document's score depends on the others, which decide who reads it. That is why there is no `predict`, and why a
    cache belongs around the stages.

    Args:
        scorers: At least two, the cheapest first.
        keep: What goes on to the next stage: an integer of at least 1, the best so many; or a number between 0.0 and
            1.0, a margin in probability: the documents that score at most so much less than the stage's best one, which
            a score-based early exit calls proximity (Cambazoglu et al., WSDM 2010). Where that is the best one alone,
            the case is clear, and no later stage is called. A margin needs a stage whose scores lie within 0 to 1, best
            calibrated ones. A list has one for each stage but the last.

    Raises:
        InputError: An argument breaks a rule.
    """

    def __init__(self, scorers: Sequence[Scorer], *, keep: float | Sequence[float]) -> None:
        self._scorers = _check_scorers(scorers)
        self._keep = check_keep(keep, len(self._scorers) - 1)

    @property
    def is_pointwise(self) -> bool:
        """False: a document's score depends on the others."""
        return False

    @property
    def scorers(self) -> tuple[Scorer, ...]:
        """The stages, first to last."""
        return self._scorers

    @property
    def deciding(self) -> Scorer:
        """The stage whose unit the scores have, which is the last."""
        return self._scorers[-1]

    @property
    def keep(self) -> tuple[float, ...]:
        """What each stage but the last lets go on."""
        return self._keep

    @property
    def on_failure(self) -> str:
        """What becomes of a call for which a stage got no scores: "raise", unless a stage says otherwise."""
        policies = [getattr(scorer, "on_failure", "raise") for scorer in self._scorers]
        return next((policy for policy in policies if policy != "raise"), "raise")

    def score(self, query: str, documents: Iterable[str]) -> list[float]:
        """The place of each document in the cascade as a number, higher is more relevant, in the given order.

        Args:
            query: What is asked.
            documents: Texts; never changed.

        Raises:
            InputError: An argument breaks a rule, or a margin met scores that are no probabilities.
            ScoringError: A stage gave NaN, not one score per document, or an infinite score that leaves no room below.
        """
        return _in_given_order(self.explain(query, documents))

    def rank(
        self, query: str, documents: Iterable[str], top_k: int | None = None, score_threshold: float | None = None
    ) -> list[RankedDocument]:
        """The documents, best first; passage and truncation are those of the stage that decided.

        Args:
            query: What is asked.
            documents: The candidates' texts; never changed.
            top_k: Keep at most this many, at least 1; None keeps all. It changes nothing about what the stages read.
            score_threshold: Keep scores of at least this much; applied before top_k.

        Raises:
            InputError: As `score`.
            ScoringError: As `score`.
        """
        texts = check_request(query, documents, top_k, score_threshold)
        return _ranking(self.explain(query, texts), top_k, score_threshold)

    def explain(self, query: str, documents: Iterable[str]) -> list[CascadedDocument]:
        """Which stage decided about each document, and its scores in all stages that read it; best first.

        Args:
            query: What is asked.
            documents: The candidates' texts; never changed.

        Raises:
            InputError: As `score`.
            ScoringError: As `score`.
        """
        check_query(query)
        descent = _Descent(self._keep, check_documents(documents))
        for scorer in self._scorers:
            if texts := descent.to_read():
                with caller_numbers(descent.reading):
                    ranked = rank(scorer, query, texts)
                descent.take(scorer, ranked)
        return descent.placed()

    async def ascore(self, query: str, documents: Iterable[str]) -> list[float]:
        """As `score`, without blocking the event loop: stages that can be awaited are, any other runs in a thread."""
        return _in_given_order(await self._aexplain(query, documents))

    async def arank(
        self, query: str, documents: Iterable[str], top_k: int | None = None, score_threshold: float | None = None
    ) -> list[RankedDocument]:
        """As `rank`, without blocking the event loop."""
        texts = check_request(query, documents, top_k, score_threshold)
        return _ranking(await self._aexplain(query, texts), top_k, score_threshold)

    def fingerprint(self) -> str:
        """What the scores depend on, in one string: those of the stages, and what goes on between them.

        Raises:
            NoFingerprintError: A stage has none.
        """
        parts = []
        for number, scorer in enumerate(self._scorers):
            if not isinstance(scorer, Fingerprinted):
                raise NoFingerprintError(
                    f"scorers[{number}] must have a fingerprint(), which {describe(scorer)} does not"
                )
            parts.append(scorer.fingerprint())
        return str(CascadeFingerprint(self._keep, tuple(parts)))

    async def _aexplain(self, query: str, documents: Iterable[str]) -> list[CascadedDocument]:
        check_query(query)
        descent = _Descent(self._keep, check_documents(documents))
        for scorer in self._scorers:
            if texts := descent.to_read():
                with caller_numbers(descent.reading):
                    ranked = await arank(scorer, query, texts)
                descent.take(scorer, ranked)
        return descent.placed()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self._scorers)}, keep={list(self._keep)})"


class _Descent:
    """The documents of one request on their way from stage to stage.

    Attributes:
        reading: The places of those that the next stage reads, in the given order, which is what equal scores keep.
    """

    def __init__(self, keep: Sequence[float], documents: Sequence[str]) -> None:
        self._keep = keep
        self._documents = documents
        self.reading = list(range(len(documents)))
        self._stage_scores: list[tuple[float, ...]] = [()] * len(documents)
        # Those of the next stage in the order so far, best first, and the stage that put them so.
        self._ranked: list[RankedDocument] = []
        self._ranked_by = 0
        # What each stage decided, best first.
        self._decided: list[list[RankedDocument]] = []

    def to_read(self) -> list[str]:
        """What the next stage reads."""
        return [self._documents[index] for index in self.reading]

    def take(self, scorer: Scorer, answer: Sequence[RankedDocument]) -> None:
        """Go on with what a stage made of the documents it was to read."""
        stage = len(self._decided)
        ranked = [replace(document, index=self.reading[document.index]) for document in answer]
        for document in ranked:
            self._stage_scores[document.index] += (document.score,)
        has_failed = is_kept_order(scorer, [self._stage_scores[index][-1] for index in self.reading])
        if not (has_failed and self._ranked):
            self._ranked, self._ranked_by = ranked, stage
        n_going_on = self._count_going_on(stage, has_failed=has_failed)
        self._decided.append([])
        # In front of what the same stage has decided before, if it has: these had gone on.
        self._decided[self._ranked_by][:0] = self._ranked[n_going_on:]
        self._ranked = self._ranked[:n_going_on]
        self.reading = sorted(document.index for document in self._ranked)

    def placed(self) -> list[CascadedDocument]:
        """All documents in their order."""
        stages = {document.index: stage for stage, decided in enumerate(self._decided) for document in decided}
        return [
            CascadedDocument(document, stages[document.index], self._stage_scores[document.index])
            for document in _lower(reversed(self._decided))
        ]

    def _count_going_on(self, stage: int, *, has_failed: bool) -> int:
        """How many of a stage's documents the next one reads."""
        if stage == len(self._keep):
            return 0
        keep = self._keep[stage]
        if isinstance(keep, int):
            return min(keep, len(self._ranked))
        if has_failed:
            return len(self._ranked)
        _check_probabilities(keep, stage, self._ranked)
        n_near = sum(self._ranked[0].score - document.score <= keep + _ROUNDING for document in self._ranked)
        return n_near if n_near > 1 else 0


def _lower(decided: Iterable[Sequence[RankedDocument]]) -> list[RankedDocument]:
    """The documents of all stages in one order, with scores that fall.

    Args:
        decided: What each stage decided, best first; the last stage first.
    """
    placed: list[RankedDocument] = []
    lowest = math.inf
    for documents in decided:
        own: float | None = None
        for document in documents:
            if document.score != own:
                is_below = not placed or document.score < lowest
                lowest = document.score if is_below else _next_below(lowest)
            own = document.score
            placed.append(replace(document, score=lowest))
    return placed


def _next_below(score: float) -> float:
    """The largest number of single precision below a score, of double precision where single has none.

    Raises:
        ScoringError: There is no finite one.
    """
    with np.errstate(over="ignore"):
        single = np.float32(score)
    if not float(single) < score:
        single = np.nextafter(single, np.float32(-np.inf))
    below = float(single) if np.isfinite(single) else math.nextafter(score, -math.inf)
    if below == -math.inf:
        raise ScoringError(f"a stage's scores must leave room below them for those of the stage before, got {score}")
    return below


def _in_given_order(explained: Sequence[CascadedDocument]) -> list[float]:
    return [placed.document.score for placed in sorted(explained, key=lambda placed: placed.document.index)]


def _ranking(
    explained: Sequence[CascadedDocument], top_k: int | None, score_threshold: float | None
) -> list[RankedDocument]:
    return order_documents([placed.document for placed in explained], top_k=top_k, score_threshold=score_threshold)


def _check_scorers(scorers: object) -> tuple[Scorer, ...]:
    if isinstance(scorers, str | bytes) or not isinstance(scorers, Sequence):
        raise InputTypeError(f"scorers must be a list of scorers, got {describe(scorers)}")
    checked = tuple(check_scorer(scorer, f"scorers[{number}]") for number, scorer in enumerate(scorers))
    if len(scorers) < 2:  # noqa: PLR2004 - one stage is no cascade
        raise InputError(f"scorers must be at least 2, got {len(scorers)}")
    return checked


def check_keep(keep: object, n_steps: int) -> tuple[float, ...]:
    """One number for every stage but the last; raise InputError unless they keep the rules of `Cascade`."""
    if isinstance(keep, str | bytes) or not isinstance(keep, Sequence):
        return (_check_step(keep, "keep"),) * n_steps
    if len(keep) != n_steps:
        raise InputError(f"keep must have one number for each stage but the last, which are {n_steps}, got {len(keep)}")
    steps = tuple(_check_step(step, f"keep[{number}]") for number, step in enumerate(keep))
    counts = [step for step in steps if isinstance(step, int)]
    if any(later > earlier for earlier, later in pairwise(counts)):
        raise InputError(f"keep must not grow from stage to stage, got {list(keep)}")
    return steps


def _check_step(step: object, name: str) -> float:
    rule = f"{name} must be an integer of at least 1, or a margin between 0.0 and 1.0"
    if isinstance(step, bool) or not isinstance(step, int | float | np.integer | np.floating):
        raise InputTypeError(f"{rule}, got {describe(step)}")
    if isinstance(step, int | np.integer):
        if step < 1:
            raise InputError(f"{rule}, got {step}")
        return int(step)
    if not 0 < step < 1:
        raise InputError(f"{rule}, got {step}")
    return float(step)


def _check_probabilities(margin: float, stage: int, ranked: Sequence[RankedDocument]) -> None:
    for document in (ranked[0], ranked[-1]):
        if not 0 <= document.score <= 1:
            raise InputError(
                f"keep must be an integer where scores are no probabilities: {margin} is a margin from 0.0 to 1.0, and "
                f"scorers[{stage}] gave {document.score}"
            )
