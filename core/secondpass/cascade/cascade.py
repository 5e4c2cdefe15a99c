"""Scorers in a row: the first, cheap one reads every document, each next one only the best of the one before."""

from collections.abc import Iterable, Sequence

from secondpass.arguments import describe
from secondpass.cascade.descent import CascadedDocument, Descent
from secondpass.cascade.keep import check_keep
from secondpass.errors import InputError, InputTypeError, NoFingerprintError
from secondpass.errors.item_numbers import caller_numbers
from secondpass.fingerprints import CascadeFingerprint
from secondpass.ranking import Fingerprinted, RankedDocument, Scorer, arank, rank
from secondpass.ranking.order import order_documents
from secondpass.ranking.request_checks import check_documents, check_query, check_request
from secondpass.ranking.scorer_checks import check_scorer


class Cascade:
    """Scorers in a row: every document to the first, its best to the next.

    A later stage decides among the documents it reads, and all of them stand above those that it does not read, which
    keep the order of the stage that read them last. Equal scores have the order of the stage's raw scores, and then the
    given one, at the border of `keep` too.

    The scores of the last stage are its own. So are those of an earlier stage where they lie below all scores of the
    later ones; else they are lowered, no further than the order demands: to the next smaller number of single
    precision. Scores thus sort in the order of the cascade, and are equal only where one stage found them equal. Raw
    scores, where a stage tells any, are lowered likewise. Where the stages have different units, a score means
    something in itself only if the last stage gave it.

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
        descent = Descent(self._keep, check_documents(documents))
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
        descent = Descent(self._keep, check_documents(documents))
        for scorer in self._scorers:
            if texts := descent.to_read():
                with caller_numbers(descent.reading):
                    ranked = await arank(scorer, query, texts)
                descent.take(scorer, ranked)
        return descent.placed()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self._scorers)}, keep={list(self._keep)})"


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
