"""A corpus that is read anew each time gives what one in memory gives, and holds what a run needs."""

from collections.abc import Iterator

import pytest

from secondpass.errors import InputError
from secondpass.evaluation import BM25, Collection, rerank
from secondpass.evaluation.streamed import StreamedDocuments, texts_of
from secondpass.testing import OverlapScorer

TEXTS = {f"d{number}": f"the {number} cat sleeps" for number in range(50)} | {"dog": "a dog barks"}


class Corpus:
    """Counts how often it is read."""

    def __init__(self) -> None:
        self.n_looks = 0

    def read(self) -> Iterator[tuple[str, str]]:
        self.n_looks += 1
        yield from TEXTS.items()


def test_it_is_the_mapping_of_what_it_reads() -> None:
    documents = StreamedDocuments(Corpus().read)
    assert documents == TEXTS
    assert (len(documents), list(documents), dict(documents.items())) == (51, list(TEXTS), TEXTS)
    assert "dog" in documents
    assert "bird" not in documents
    with pytest.raises(KeyError):
        documents["bird"]


def test_a_first_stage_reads_it_once_and_rerankers_once_between_them() -> None:
    corpus = Corpus()
    collection = Collection({"q": "dog 7"}, StreamedDocuments(corpus.read), {"q": {"dog": 1}})
    run = BM25(collection.documents).run(collection.queries)
    assert (run, corpus.n_looks) == (BM25(TEXTS).run(collection.queries), 1)
    in_memory = Collection(collection.queries, TEXTS, collection.qrels)
    for _ in range(3):
        (streamed,), (held,) = rerank(OverlapScorer(), collection, run), rerank(OverlapScorer(), in_memory, run)
        assert (streamed.document_ids, streamed.scores) == (held.document_ids, held.scores)
    assert corpus.n_looks == 2
    assert collection.documents._kept.keys() == run["q"].keys()  # type: ignore[attr-defined]


def test_a_document_that_it_lacks_is_named() -> None:
    collection = Collection({"q": "dog"}, StreamedDocuments(Corpus().read), {"q": {"dog": 1}})
    with pytest.raises(InputError, match="the corpus must hold every document of the run, 'bird' is not in it"):
        rerank(OverlapScorer(), collection, {"q": {"dog": 2.0, "bird": 1.0}})


def test_documents_that_are_wanted_later_are_read_then() -> None:
    documents = StreamedDocuments(lambda: iter([("a", "A"), ("b", "B"), ("c", "C")]))
    assert texts_of(documents, {"a"}) == {"a": "A"}
    assert texts_of(documents, {"b", "c"}) == {"b": "B", "c": "C"}
    assert texts_of(documents, {"c", "not there"}) == {"c": "C"}
