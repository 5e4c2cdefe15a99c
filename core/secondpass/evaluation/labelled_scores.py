"""Scores with judgements beside them: what a calibration is fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from secondpass.arguments import check_choice, check_count
from secondpass.evaluation.reranking import ScoredQuery
from secondpass.ir_files.qrels import Qrels

# What candidates count as that nobody has judged.
Unjudged: TypeAlias = Literal["irrelevant", "left-out"]


@dataclass(frozen=True, slots=True)
class LabelledScores:
    """Scores, whether each is that of a relevant document, and the query it belongs to; all of one length.

    Args:
        scores: In the scorer's unit.
        relevant: Whether the document is relevant.
        queries: The query's id.
        n_unjudged: How many candidates nobody has judged; where they are left out, they are not among the scores.
    """

    scores: tuple[float, ...]
    relevant: tuple[bool, ...]
    queries: tuple[str, ...]
    n_unjudged: int


def label_scores(
    scored: Sequence[ScoredQuery], qrels: Qrels, *, relevant_from: int = 1, unjudged: Unjudged = "irrelevant"
) -> LabelledScores:
    """The scores of candidates with their judgements.

    Unjudged is not irrelevant: counted so, relevant ones that nobody found make probabilities too low. Left out, what
    remains is a chosen sample, in which more is relevant than among candidates: probabilities are too high for those.

    Args:
        scored: What `rerank` gave.
        qrels: The judgements.
        relevant_from: The least grade that counts as relevant, at least 1.
        unjudged: What candidates count as that nobody has judged.

    Raises:
        InputError: An argument breaks a rule.
    """
    check_choice("unjudged", unjudged, get_args(Unjudged), optional=False)
    check_count("relevant_from", relevant_from, optional=False)
    rows: list[tuple[float, bool, str]] = []
    n_unjudged = 0
    for query in scored:
        grades = qrels.get(query.query_id, {})
        for document, score in zip(query.document_ids, query.scores, strict=False):  # the candidates come first
            n_unjudged += document not in grades
            if document in grades or unjudged == "irrelevant":
                rows.append((score, grades.get(document, 0) >= relevant_from, query.query_id))
    scores, relevant, queries = zip(*rows, strict=True) if rows else ((), (), ())
    return LabelledScores(scores, relevant, queries, n_unjudged)
