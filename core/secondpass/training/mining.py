"""BM25 hard negatives for examples that bring none."""

from collections.abc import Mapping, Sequence
from random import Random

from secondpass.errors import InputError
from secondpass.evaluation.bm25 import BM25
from secondpass.evaluation.collection import read_documents, read_qrels, read_queries
from secondpass.training.config import TrainingConfig
from secondpass.training.examples import Example, Unmined


def mined(unmined: Sequence[Unmined], config: TrainingConfig) -> list[Example]:
    """The examples with negatives from `data.corpus`, or else from all their positives taken together.

    Documents that hold an answer string of the query are skipped: they would be false negatives.
    """
    if not unmined:
        return []
    documents = _corpus(config) if config.data.corpus is not None else _positives(unmined)
    miner = _Miner(documents, config)
    return [
        Example(one.query, (*one.positives, *negatives), _grades(len(one.positives), len(negatives)), graded=True)
        for one in unmined
        if (negatives := miner.negatives(one.query, one.positives, one.answers))
    ]


def collection_examples(config: TrainingConfig) -> list[Example]:
    """Each judged query of `data.queries`, with its relevant documents, their grades, and mined negatives.

    Raises:
        InputError: A relevant document is not in the corpus.
    """
    data = config.data
    if data.queries is None or data.qrels is None:
        return []
    documents, qrels = _corpus(config), read_qrels(config.folder / data.qrels)
    miner, examples = _Miner(documents, config), []
    for query, text in read_queries(config.folder / data.queries).items():
        grades = {document: grade for document, grade in qrels.get(query, {}).items() if grade > 0}
        missing = next((document for document in grades if document not in documents), None)
        if missing is not None:
            raise InputError(f"data.corpus must hold every relevant document, {missing!r} is not in it")
        relevant = tuple(documents[document] for document in grades)
        negatives = miner.negatives(text, relevant) if relevant else ()
        if negatives:
            scores = tuple(map(float, grades.values())) + (0.0,) * len(negatives)
            examples.append(Example(text, relevant + negatives, scores, graded=True))
    return examples


class _Miner:
    """Draws negatives from a band of BM25's ranks, the same ones for the same seed."""

    def __init__(self, documents: Mapping[str, str], config: TrainingConfig) -> None:
        self._documents = documents
        self._bm25 = BM25(documents)
        self._first, self._last = config.data.mine_from
        self._count = config.data.negatives
        self._random = Random(config.run.seed)  # noqa: S311 - a sample, not a secret

    def negatives(self, query: str, positives: Sequence[str], answers: Sequence[str] = ()) -> tuple[str, ...]:
        """Up to `data.negatives` texts; fewer where BM25 finds fewer."""
        # A blank answer is in every text and says nothing.
        telling = [answer.casefold() for answer in answers if answer.strip()]
        found = list(self._bm25.search(query, self._last))[self._first - 1 :]
        texts = [self._documents[document] for document in found]
        # A corpus puts the title before the text, and blanks at its ends are no difference.
        relevant = tuple(stripped for text in positives if (stripped := text.strip()))
        fitting = [
            text
            for text in texts
            if not text.rstrip().endswith(relevant) and not any(answer in text.casefold() for answer in telling)
        ]
        return tuple(self._random.sample(fitting, min(self._count, len(fitting))))


def _corpus(config: TrainingConfig) -> dict[str, str]:
    return read_documents(config.folder / str(config.data.corpus))


def _positives(unmined: Sequence[Unmined]) -> dict[str, str]:
    distinct = dict.fromkeys(text for one in unmined for text in one.positives)
    return {str(number): text for number, text in enumerate(distinct)}


def _grades(n_positives: int, n_negatives: int) -> tuple[float, ...]:
    return (1.0,) * n_positives + (0.0,) * n_negatives
