"""A local cross-encoder for what LangChain builds on `BaseCrossEncoder`."""

from itertools import groupby
from operator import itemgetter

from langchain_core.cross_encoders import BaseCrossEncoder

from secondpass.adapters.fields import ModelFields
from secondpass.adapters.lazy import LazyCrossEncoder
from secondpass.ranking.checks import check_scores


class SecondPassCrossEncoder(ModelFields, BaseCrossEncoder):
    """Scores pairs of texts, such as for `CrossEncoderReranker(model=...)`.

    The model is loaded with the first pair, shared within the process, and never part of a pickle or deepcopy.
    """

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        """One score a pair of query and document, in the given order.

        Args:
            text_pairs: The pairs; may hold many queries.

        Raises:
            SecondPassError: The model cannot be loaded, or gives no usable score.
        """
        if not text_pairs:
            return []
        if isinstance(self._scorer, LazyCrossEncoder):
            return [float(score) for score in self._scorer.predict(text_pairs)]
        scores: list[float] = []
        for query, pairs in groupby(text_pairs, key=itemgetter(0)):
            documents = [document for _, document in pairs]
            scores += check_scores(self._scorer.score(query, documents), len(documents)).tolist()
        return scores
