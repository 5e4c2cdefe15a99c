"""A local cross-encoder for what LangChain builds on `BaseCrossEncoder`."""

from typing import ClassVar

from langchain_core.cross_encoders import BaseCrossEncoder

from langchain_secondpass.migration import CROSS_ENCODERS
from secondpass.adapters.fields import ModelFields
from secondpass.adapters.foreign_arguments import Readers
from secondpass.ranking import score_pairs
from secondpass.ranking.request_checks import check_pairs


class SecondPassCrossEncoder(ModelFields, BaseCrossEncoder):
    """Scores pairs of texts, such as for `CrossEncoderReranker(model=...)`.

    The model is loaded with the first pair, shared within the process, and never part of a pickle or deepcopy.
    """

    _other_names: ClassVar[Readers] = CROSS_ENCODERS

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        """One score per pair of query and document, in the given order.

        Args:
            text_pairs: The pairs; may hold many queries.

        Raises:
            InputTypeError: Something is not a pair of strings.
            SecondPassError: The model cannot be loaded, or gives no usable score.
        """
        return [float(score) for score in score_pairs(self._scorer, list(check_pairs(text_pairs)))]
