"""One run in the core's words: what is asked of the scorer, and which documents it leaves."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from haystack import Document

from haystack_integrations.components.rankers.secondpass.documents import check_candidates, deduplicate
from haystack_integrations.components.rankers.secondpass.parameters import check_types, copy_names
from haystack_integrations.components.rankers.secondpass.passages import passage_of, with_passage
from haystack_integrations.components.rankers.secondpass.texts import Template, content_of
from secondpass.adapters.passages import own_passage
from secondpass.adapters.services import is_url
from secondpass.adapters.units import is_scaled
from secondpass.arguments import check_count, check_flag, check_number
from secondpass.errors import InputError
from secondpass.errors.item_numbers import caller_numbers
from secondpass.ranking import RankedDocument, ScoreMap, Scorer, Sigmoid, arank, rank
from secondpass.ranking.request_checks import check_query, check_score_threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What one run does with scores.

    Args:
        top_k: Keep at most this many; None keeps all.
        scale_score: Whether to give `sigmoid(score * calibration_factor)`.
        calibration_factor: Greater than 0 and finite, so that the order stays; needed for `scale_score` only.
        is_scaled: Whether scores are numbers from 0 to 1 already, so that nothing is left to scale.
        score_threshold: Keep scores of at least this much, after scaling and before `top_k`.

    Raises:
        InputError: A value breaks a rule.
    """

    top_k: int | None
    scale_score: bool
    calibration_factor: float | None
    is_scaled: bool
    score_threshold: float | None

    def __post_init__(self) -> None:
        if isinstance(self.top_k, int) and not isinstance(self.top_k, bool) and self.top_k <= 0:
            # The words of Haystack's rankers.
            raise InputError(f"top_k must be > 0, but got {self.top_k}")
        check_count("top_k", self.top_k)
        check_score_threshold(self.score_threshold)
        check_flag("scale_score", self.scale_score)
        factor = check_number("calibration_factor", self.calibration_factor)
        if self.scale_score and (factor is None or not 0 < factor < math.inf):
            raise InputError(f"calibration_factor must be greater than 0 to scale, and finite, got {factor}")
        if self.scale_score and self.is_scaled and self.calibration_factor != 1.0:
            raise InputError(
                "calibration_factor must be left out for scores from 0 to 1, such as a calibration's or a service's, "
                f"got {self.calibration_factor}"
            )

    @classmethod
    def of(
        cls,
        parameters: Mapping[str, Any],
        *,
        top_k: int | None = None,
        scale_score: bool | None = None,
        score_threshold: float | None = None,
    ) -> "Selection":
        """What a run with these arguments does, and by the component's parameters where they are None.

        Args:
            parameters: Those of `SecondPassRanker`, by name.
            top_k: Of the run, as the next two.
            scale_score: Instead of the component's own.
            score_threshold: Likewise.

        Raises:
            InputError: A value breaks a rule.
        """
        scale_score = parameters["scale_score"] if scale_score is None else scale_score
        is_calibrated = parameters["calibration"] is not None
        if is_calibrated and not scale_score:
            raise InputError("scale_score must be True with a calibration, which makes probabilities of logits")
        scorer = parameters["scorer"]
        scales_itself = is_scaled(scorer) if scorer is not None else scale_score and is_url(parameters["model"])
        return cls(
            top_k=parameters["top_k"] if top_k is None else top_k,
            scale_score=scale_score,
            calibration_factor=parameters["calibration_factor"],
            is_scaled=is_calibrated or scales_itself,
            score_threshold=parameters["score_threshold"] if score_threshold is None else score_threshold,
        )

    @property
    def score_map(self) -> ScoreMap | None:
        """What scores become."""
        if not self.scale_score or self.is_scaled or self.calibration_factor is None:
            return None
        return Sigmoid(self.calibration_factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One run.

    Args:
        query: What the scorer reads as the query.
        documents: The candidates.
        places: Where each of them stands among those that were given.
        template: What the scorer reads of each.
        selection: What becomes of its scores.
        return_passages: Whether the best passage takes the place of a long document's content.
    """

    query: str
    documents: Sequence[Document]
    places: Sequence[int]
    template: Template
    selection: Selection
    return_passages: bool

    @classmethod
    def of(
        cls, parameters: Mapping[str, Any], query: str, documents: list[Document], selection: Selection
    ) -> "Request":
        """A run of a component with these parameters.

        Args:
            parameters: Those of `SecondPassRanker`, by name.
            query: As it was given.
            documents: Likewise; of those with the same id, one takes part.
            selection: What becomes of the scores.

        Raises:
            InputError: A parameter or an argument breaks a rule.
        """
        check_types(parameters)
        check_query(query)
        candidates = check_candidates(documents)
        places = deduplicate(candidates)
        return cls(
            query=parameters["query_prefix"] + query + parameters["query_suffix"],
            documents=[candidates[place] for place in places],
            places=places,
            template=Template(
                prefix=parameters["document_prefix"],
                suffix=parameters["document_suffix"],
                meta_fields=copy_names(parameters["meta_fields_to_embed"]),
                separator=parameters["embedding_separator"],
            ),
            selection=selection,
            return_passages=parameters["return_passages"],
        )

    def rank(self, scorer: Scorer) -> list[Document]:
        """Copies of the documents that are kept, with their scores, best first."""
        selection, texts = self.selection, self._texts()
        with caller_numbers(self.places):
            ranking = rank(
                scorer,
                self.query,
                texts,
                top_k=selection.top_k,
                score_threshold=selection.score_threshold,
                score_map=selection.score_map,
            )
        return self._results(texts, ranking)

    async def arank(self, scorer: Scorer) -> list[Document]:
        """What `rank` gives, without blocking the event loop."""
        selection, texts = self.selection, self._texts()
        with caller_numbers(self.places):
            ranking = await arank(
                scorer,
                self.query,
                texts,
                top_k=selection.top_k,
                score_threshold=selection.score_threshold,
                score_map=selection.score_map,
            )
        return self._results(texts, ranking)

    def _texts(self) -> list[str]:
        return [self.template.fill(document) for document in self.documents]

    def _results(self, texts: Sequence[str], ranking: Sequence[RankedDocument]) -> list[Document]:
        return [self._result(self.documents[ranked.index], texts[ranked.index], ranked) for ranked in ranking]

    def _result(self, document: Document, text: str, ranked: RankedDocument) -> Document:
        """A copy of the document with its score, and with the best passage of a long one."""
        start = self.template.start_of_content(document, text)
        passage = own_passage(ranked.passage, content_of(document), start)
        if passage is not None:
            document = passage_of(document, passage) if self.return_passages else with_passage(document, passage)
        return dataclasses.replace(document, score=ranked.score, meta={**document.meta})
