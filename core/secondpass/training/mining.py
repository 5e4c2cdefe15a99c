"""BM25 hard negatives for examples that have none."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from random import Random

from secondpass.errors import InputError
from secondpass.errors.caller_warnings import warn_caller
from secondpass.evaluation.bm25 import BM25
from secondpass.evaluation.collection import warn_of_queries
from secondpass.ir_files.qrels import read_qrels
from secondpass.ir_files.texts import read_documents, read_queries
from secondpass.training.config import TrainingConfig
from secondpass.training.examples import Example, LabelledQuery


def mine_negatives(
    queries: Sequence[LabelledQuery], config: TrainingConfig, *, labelled: Iterable[Example] = ()
) -> list[Example]:
    """The queries with negatives from `data.corpus`, or else from all their positives taken together.

    What any line of the same query calls a positive, or what holds an answer string of one, is skipped: it would be a
    false negative. Queries for which no negative remains are left out, and a UserWarning says how many they are.

    Args:
        queries: What needs negatives.
        config: All settings.
        labelled: Lines that have negatives of their own.
    """
    if not queries:
        return []
    corpus = config.data.corpus
    documents = _positives(queries) if corpus is None else read_documents(config.folder / corpus)
    positives = _by_query(
        [
            *((query.query, query.positives) for query in queries),
            *((example.query, _relevant(example)) for example in labelled if example.graded),
        ]
    )
    answers = _by_query((query.query, query.answers) for query in queries)
    miner = _Miner(documents, config)
    examples = []
    for query in queries:
        negatives = miner.negatives(query.query, positives[query.query], answers[query.query])
        if negatives:
            grades = (1.0,) * len(query.positives) + (0.0,) * len(negatives)
            examples.append(Example(query.query, query.positives + negatives, grades, graded=True))
    _warn_of_left_out(len(queries) - len(examples), len(queries))
    return examples


def collection_examples(config: TrainingConfig) -> list[Example]:
    """Each judged query of `data.queries`, with its relevant documents, their grades, and mined negatives.

    Without `data.qrels` there are none. Judged queries without text, and queries for which no negative is found, are
    left out, and a UserWarning says how many they are.

    Raises:
        InputError: A relevant document is not in the corpus.
    """
    data = config.data
    if data.corpus is None or data.queries is None or data.qrels is None:
        return []
    documents = read_documents(config.folder / data.corpus)
    qrels = read_qrels(config.folder / data.qrels, data.duplicate_judgements)
    queries = read_queries(config.folder / data.queries)
    without_text = [query for query in qrels if query not in queries]
    warn_of_queries("judged queries without text are not learned from", without_text, len(qrels))
    relevant = []
    for query, text in queries.items():
        grades = {document: float(grade) for document, grade in qrels.get(query, {}).items() if grade > 0}
        missing = next((document for document in grades if document not in documents), None)
        if missing is not None:
            raise InputError(f"data.corpus must hold every relevant document, {missing!r} is not in it")
        if grades:
            texts = tuple(documents[document] for document in grades)
            relevant.append(Example(text, texts, tuple(grades.values()), graded=True))
    positives = _by_query((example.query, example.documents) for example in relevant)  # two ids may have one text
    miner, examples = _Miner(documents, config), []
    for example in relevant:
        negatives = miner.negatives(example.query, positives[example.query])
        if negatives:
            scores = example.scores + (0.0,) * len(negatives)
            examples.append(replace(example, documents=example.documents + negatives, scores=scores))
    _warn_of_left_out(len(relevant) - len(examples), len(relevant))
    return examples


def warn_of_unused(queries: Sequence[LabelledQuery], config: TrainingConfig) -> None:
    """Warn where settings of mining are given, and nothing is mined.

    Args:
        queries: Those that need negatives.
        config: All settings.
    """
    data = config.data
    if queries or data.qrels is not None:
        return
    of_mining = [setting for setting in fields(data) if setting.name in ("corpus", "negatives", "mine_from")]
    given = [f"data.{setting.name}" for setting in of_mining if getattr(data, setting.name) != setting.default]
    if given:
        warn_caller(
            f"{', '.join(given)} must come with examples that need negatives: none are mined, so nothing comes of it",
            UserWarning,
        )


def _warn_of_left_out(n_left_out: int, n_queries: int) -> None:
    if n_left_out:
        warn_caller(
            f"queries for which BM25 finds no negatives are left out: {n_left_out} of {n_queries}",
            UserWarning,
        )


class _Miner:
    """Draws negatives from a band of BM25's ranks, the same ones for the same seed."""

    def __init__(self, documents: Mapping[str, str], config: TrainingConfig) -> None:
        self._documents = documents
        self._bm25 = BM25(documents)
        self._first, self._last = config.data.mine_from
        self._count = config.data.negatives
        self._random = Random(config.run.seed)  # noqa: S311 - a sample, not a secret

    def negatives(self, query: str, positives: Collection[str], answers: Collection[str] = ()) -> tuple[str, ...]:
        """Up to `data.negatives` texts; fewer where BM25 finds fewer."""
        # A blank answer is in every text and says nothing.
        informative = [answer.casefold() for answer in answers if answer.strip()]
        band = list(self._bm25.search(query, self._last))[self._first - 1 :]
        texts = [self._documents[document] for document in band]
        # A corpus puts the title before the text, and white space around a text makes no difference.
        relevant = tuple(stripped for text in positives if (stripped := text.strip()))
        irrelevant = [
            text
            for text in texts
            if not text.rstrip().endswith(relevant) and not any(answer in text.casefold() for answer in informative)
        ]
        return tuple(self._random.sample(irrelevant, min(self._count, len(irrelevant))))


def _relevant(example: Example) -> list[str]:
    return [document for document, score in zip(example.documents, example.scores, strict=True) if score > 0]


def _by_query(texts: Iterable[tuple[str, Iterable[str]]]) -> Mapping[str, set[str]]:
    """What all lines of a query hold together."""
    together: defaultdict[str, set[str]] = defaultdict(set)
    for query, of_line in texts:
        together[query].update(of_line)
    return together


def _positives(queries: Sequence[LabelledQuery]) -> dict[str, str]:
    """All distinct positives, by made-up ids."""
    distinct = dict.fromkeys(text for query in queries for text in query.positives)
    return {str(number): text for number, text in enumerate(distinct)}
