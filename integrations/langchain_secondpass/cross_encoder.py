"""A local cross-encoder for what LangChain builds on `BaseCrossEncoder`."""

from langchain_core.cross_encoders import BaseCrossEncoder

from secondpass.adapters.fields import ModelFields
from secondpass.ranking import score_pairs


class SecondPassCrossEncoder(ModelFields, BaseCrossEncoder):
    """Scores pairs of texts, such as for `CrossEncoderReranker(model=...)`.

    The model is loaded with the first pair, shared within the process, and never part of a pickle or deepcopy.
    """

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        """One score per pair of query and document, in the given order.

        Args:
            text_pairs: The pairs; may hold many queries.

        Raises:
            SecondPassError: The model cannot be loaded, or gives no usable score.
        """
        return [float(score) for score in score_pairs(self._scorer, text_pairs)]
