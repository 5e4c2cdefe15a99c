"""Documents of a corpus that may be larger than memory: read anew each time, and held only where they are needed."""

from collections.abc import Callable, ItemsView, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TypeAlias

# Gives every document's id and text, from the first one again.
ReadDocuments: TypeAlias = Callable[[], Iterator[tuple[str, str]]]


class StreamedDocuments(Mapping[str, str]):
    """Texts by id; ids are unique.

    To look up one is to read the corpus up to it, so many are best asked for at once, of `texts_of`.

    Args:
        read: Gives every document's id and text; called for each look.
    """

    def __init__(self, read: ReadDocuments) -> None:
        self._read = read
        self._kept: Mapping[str, str] = {}

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self._read())

    def __len__(self) -> int:
        return sum(1 for _ in self._read())

    def __getitem__(self, wanted: str) -> str:
        for key, text in self._read():
            if key == wanted:
                return text
        raise KeyError(wanted)

    def items(self) -> ItemsView[str, str]:
        """Ids with texts, in one look."""
        return _Items(self)

    def select(self, wanted: AbstractSet[str]) -> Mapping[str, str]:
        """At least those of the wanted documents that there are, in one look; they are held until others are wanted."""
        kept = self._kept
        if not wanted <= kept.keys():
            kept = self._kept = {key: text for key, text in self._read() if key in wanted}
        return kept


class _Items(ItemsView[str, str]):
    """What `items` gives; the standard one would look up each document by itself."""

    _mapping: StreamedDocuments

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self._mapping._read()  # noqa: SLF001 - its own


def texts_of(documents: Mapping[str, str], wanted: AbstractSet[str]) -> Mapping[str, str]:
    """Documents by id, among them all of those that are wanted and there; of a streamed corpus hardly any others."""
    return documents.select(wanted) if isinstance(documents, StreamedDocuments) else documents
