"""Where the files of a test collection are in its folder, as BEIR names them."""

from pathlib import Path

from secondpass.errors import InputError

# The names that files go by in a collection's folder, the first one there is taken.
_QUERIES_NAMES = ("queries.jsonl",)
_CORPUS_NAMES = ("corpus.jsonl", "passages.jsonl")
_QRELS_NAMES = ("qrels.trec", "qrels.tsv", "qrels/test.tsv", "qrels.jsonl", "qrels.txt")


def text_files(folder: Path, *, queries: Path | None = None, corpus: Path | None = None) -> tuple[Path, Path]:
    """The files of queries and of documents of a collection: those that are given, or else those in its folder.

    Raises:
        InputError: One is missing.
    """
    return (
        _find(folder, _QUERIES_NAMES, "queries") if queries is None else queries,
        _find(folder, _CORPUS_NAMES, "corpus") if corpus is None else corpus,
    )


def qrels_file(folder: Path) -> Path:
    """The file of judgements in a collection's folder.

    Raises:
        InputError: There is none.
    """
    return _find(folder, _QRELS_NAMES, "qrels")


def is_of_collection(file: Path) -> bool:
    """Whether a file has one of the names by which a collection's files are found in its folder."""
    name = file.name.removesuffix(".gz")
    names = {*_QUERIES_NAMES, *_CORPUS_NAMES, *_QRELS_NAMES}
    return name in names or f"{file.parent.name}/{name}" in names


def _find(folder: Path, names: tuple[str, ...], what: str) -> Path:
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    raise InputError(f"{what} must be given, or be {' or '.join(names)} in {folder}")
