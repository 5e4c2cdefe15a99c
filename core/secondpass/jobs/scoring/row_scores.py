"""Rows that may each fail: what cannot be scored is told apart from what can, and stops nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError
from secondpass.jobs.rows import text_of_cell
from secondpass.jobs.scoring.attempts import Attempts
from secondpass.ranking import Pair, Passage, Scorer


@dataclass(frozen=True, slots=True, eq=False)
class RowScores:
    """What became of rows, in their order.

    Args:
        scores: In the scorer's unit; NaN where a row could not be scored. Shape: (n_rows,), float32.
        truncated: Whether a part of the query or of the document was not read; None where the scorer does not say, or
            where there is no score. One per row.
        passages: The best of each document's windows, the whole text where it was read at once; None where nothing was
            read, or the scorer does not say. One per row.
        errors: Why rows could not be scored, by their number.
    """

    scores: NDArray[np.float32]
    truncated: list[bool | None]
    passages: list[Passage | None]
    errors: Mapping[int, str]

    def __len__(self) -> int:
        """Rows."""
        return len(self.scores)


def score_rows(
    scorer: Scorer,
    queries: Sequence[object],
    documents: Sequence[object],
    names: tuple[str, str] = ("query", "document"),
) -> RowScores:
    """Score rows of which some may be unusable.

    A row without two texts is an error of its own. Where the scorer raises, the rows are halved until those stand alone
    for which it does; these become errors, and the others are scored. Where the last rows are among them, a pair that
    any scorer can score says whether it is the rows or the scorer.

    Args:
        scorer: Gives the scores, and says what it read where it can.
        queries: One per row.
        documents: One per row.
        names: What the caller calls the two, for errors.

    Raises:
        Exception: As `Attempts.read` and `Attempts.end` raise.
    """
    errors: dict[int, str] = {}
    places: list[int] = []
    pairs: list[Pair] = []
    for number, (query, document) in enumerate(zip(queries, documents, strict=True)):
        try:
            pairs.append((text_of_cell(query, names[0]), text_of_cell(document, names[1])))
            places.append(number)
        except InputError as error:
            errors[number] = str(error)
    scores = np.full(len(queries), np.nan, np.float32)
    truncated: list[bool | None] = [None] * len(queries)
    passages: list[Passage | None] = [None] * len(queries)
    place = iter(places)
    attempts = Attempts(scorer)
    for part in attempts.read(pairs):
        if isinstance(part, str):
            errors[next(place)] = part
            continue
        for score, is_truncated, passage in zip(part.scores, part.truncated.tolist(), part.passages, strict=True):
            number = next(place)
            scores[number], truncated[number], passages[number] = score, is_truncated, passage
    attempts.end()  # a batch may have fewer rows than it takes to tell
    return RowScores(scores, truncated, passages, errors)
