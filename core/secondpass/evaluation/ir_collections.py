"""Collections of ir_datasets, by their ids: BEIR, MS MARCO, TREC and others, downloaded on first use."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from secondpass.arguments import in_one_line
from secondpass.errors import InputError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.streamed import StreamedDocuments
from secondpass.extras import require
from secondpass.ir_files.qrels import DuplicateJudgements, Judgement, collect_judgements
from secondpass.ir_files.texts import with_title

if TYPE_CHECKING:
    from collections.abc import Iterable

# What a collection is made of, as ir_datasets names it.
_PARTS = ("docs", "queries", "qrels")


def read_ir_dataset(name: str, *, duplicate_judgements: DuplicateJudgements = "error") -> Collection:
    """A collection of ir_datasets.

    Texts are those of ir_datasets' `default_text`; a title goes before the text. Its documents are not held in memory:
    each look reads them anew, one after the other, and `rerank` keeps those that a run ranks.

    Args:
        name: Its id, such as "beir/scifact/test".
        duplicate_judgements: See `read_qrels`.

    Raises:
        InputError: There is no such dataset, it is not a collection with judgements, or it cannot be fetched.
        MissingExtraError: ir_datasets is not installed.
    """
    require("ir_datasets", feature="a collection of ir_datasets", extra="eval")
    import ir_datasets  # noqa: PLC0415 - of an extra

    try:
        dataset = ir_datasets.load(name)
    except KeyError as error:
        raise InputError(f"ir:{name} must be an id that ir_datasets knows, such as ir:beir/scifact/test") from error
    missing = [part for part in _PARTS if not getattr(dataset, f"has_{part}")()]
    if missing:
        raise InputError(f"ir:{name} must have docs, queries and qrels, has no {' and no '.join(missing)}")
    with _readable(name):
        queries = {query.query_id: query.default_text() for query in dataset.queries_iter()}
        documents = StreamedDocuments(lambda: _documents(name, dataset))
        qrels = collect_judgements(_judgements(name, dataset.qrels_iter()), duplicate_judgements)
    return Collection(queries, documents, qrels)


def _documents(name: str, dataset: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - of a library without types
    with _readable(name):
        for document in dataset.docs_iter():
            yield document.doc_id, _text(document)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Put what goes wrong in fetching and reading, which ir_datasets raises as many kinds of errors, in one."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"ir:{name} cannot be read: {in_one_line(error)}") from error


def _text(document: Any) -> str:  # noqa: ANN401 - each dataset has a class of its own
    title, text = getattr(document, "title", None), getattr(document, "text", None)
    if isinstance(text, str) and (title is None or isinstance(title, str)):
        return with_title(title or "", text).strip()
    whole: str = document.default_text()
    return whole.strip()


def _judgements(name: str, qrels: "Iterable[Any]") -> "Iterator[Judgement]":
    for qrel in qrels:
        yield Judgement(f"ir:{name}", qrel.query_id, qrel.doc_id, qrel.relevance)
