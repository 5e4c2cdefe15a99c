"""How commands name a collection, and what else than its own they may read instead of its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from secondpass.errors import InputError
from secondpass.ir_files.qrels import DuplicateJudgements

if TYPE_CHECKING:
    from secondpass.evaluation import Collection

# What stands before an id of ir_datasets.
_IR = "ir:"

QueriesFile: TypeAlias = Annotated[Path | None, typer.Option(help="Other queries than the folder's.")]
Corpus: TypeAlias = Annotated[Path | None, typer.Option(help="Other documents than the folder's.")]
QrelsFile: TypeAlias = Annotated[Path | None, typer.Option(help="Other judgements than the folder's.")]
Duplicates: TypeAlias = Annotated[
    DuplicateJudgements | None,
    typer.Option(help="What a document counts as that is judged twice for a query.", show_default="error"),
]


@dataclass(frozen=True, slots=True)
class CollectionParts:
    """What is read instead of a folder's own files, and how judgements are read.

    Args:
        queries: A file of queries.
        corpus: A file of documents.
        qrels: A file of judgements.
        duplicate_judgements: What a document counts as that is judged twice for a query.
    """

    queries: Path | None = None
    corpus: Path | None = None
    qrels: Path | None = None
    duplicate_judgements: DuplicateJudgements = "error"


def is_ir_dataset(name: str) -> bool:
    """Whether this names a collection of ir_datasets."""
    return name.startswith(_IR)


def open_collection(name: str, parts: CollectionParts) -> "Collection":
    """The collection of a folder, or of an id of ir_datasets.

    Raises:
        InputError: It cannot be read, or there are files beside an id, which has its own.
    """
    from secondpass.evaluation import read_collection, read_ir_dataset

    if is_ir_dataset(name):
        for flag, file in {"--queries": parts.queries, "--corpus": parts.corpus, "--qrels": parts.qrels}.items():
            if file is not None:
                raise InputError(f"{flag} must come with a folder, got {name}, which has its own")
        return read_ir_dataset(name.removeprefix(_IR), duplicate_judgements=parts.duplicate_judgements)
    return read_collection(
        Path(name),
        queries=parts.queries,
        corpus=parts.corpus,
        qrels=parts.qrels,
        duplicate_judgements=parts.duplicate_judgements,
    )


def names_of(data: Sequence[str]) -> list[str]:
    """What collections are called: the names of their folders, or all of their paths where those are alike."""
    short = [name.removeprefix(_IR) if is_ir_dataset(name) else Path(name).resolve().name for name in data]
    return short if len(set(short)) == len(short) else list(data)
