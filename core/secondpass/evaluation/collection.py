"""Test collections: queries, documents and judgements that belong together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from secondpass.errors import InputError
from secondpass.errors.caller_warnings import warn_caller
from secondpass.ir_files.folder import qrels_file, text_files
from secondpass.ir_files.qrels import DuplicateJudgements, Qrels, read_qrels
from secondpass.ir_files.texts import read_documents, read_queries

# Ids that a warning names.
_N_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Collection:
    """Queries, documents and judgements; texts by id.

    Args:
        queries: The queries' texts.
        documents: Title and text, as a model reads them.
        qrels: Judgements; queries without any are not measured, and neither are judged queries without text. Of the
            latter a UserWarning says how many they are, for they may come from a mismatch of ids as well as from a
            deliberate sample of the queries. Another one says that no grade is above 0.

    Raises:
        InputError: No judged query has a text.
    """

    queries: Mapping[str, str]
    documents: Mapping[str, str] = field(repr=False)
    qrels: Qrels = field(repr=False)

    def __post_init__(self) -> None:
        """Check that something can be measured, and say what cannot."""
        without_text = [query for query in self.qrels if query not in self.queries]
        if len(without_text) == len(self.qrels):
            raise InputError(f"qrels must judge at least one of the {len(self.queries)} queries, got none of them")
        what = "judged queries without text are not measured"
        warn_of_queries(what, without_text, len(self.qrels))
        if not any(grade > 0 for query in self.queries for grade in self.qrels.get(query, {}).values()):
            warn_caller(
                "no judgement of a query with text has a grade above 0: measures of relevance will be 0 throughout",
                UserWarning,
            )

    @property
    def judged(self) -> dict[str, str]:
        """The queries that are measured: those with judgements and a text, which is given by the id."""
        return {query: text for query, text in self.queries.items() if query in self.qrels}


def warn_of_queries(what: str, queries: Sequence[str], n_judged: int) -> None:
    """Warn where some judged queries do not count as they were meant to.

    Args:
        what: Which ones, and what becomes of them.
        queries: Their ids; none: there is nothing to warn of.
        n_judged: Number of all judged queries.
    """
    if queries:
        examples = ", ".join(map(repr, queries[:_N_EXAMPLES]))
        warn_caller(f"{what}: {len(queries)} of {n_judged}, such as {examples}", UserWarning)


def read_collection(
    folder: Path,
    *,
    queries: Path | None = None,
    corpus: Path | None = None,
    qrels: Path | None = None,
    duplicate_judgements: DuplicateJudgements = "error",
) -> Collection:
    """A BEIR-style folder: `queries.jsonl`, `corpus.jsonl` and `qrels.trec` or `qrels/test.tsv`, each gzipped or not.

    Args:
        folder: Where the files are looked for.
        queries: A file of queries to read instead.
        corpus: A file of documents to read instead.
        qrels: A file of judgements to read instead.
        duplicate_judgements: See `read_qrels`.

    Raises:
        InputError: A file is missing or a line is malformed; file and line are named.
    """
    queries_file, corpus_file = text_files(folder, queries=queries, corpus=corpus)
    return Collection(
        read_queries(queries_file),
        read_documents(corpus_file),
        read_qrels(qrels_file(folder) if qrels is None else qrels, duplicate_judgements),
    )
