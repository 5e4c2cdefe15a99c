"""The passage that put a document in its place, in characters of the document's own text."""

from numbers import Integral
from typing import Final

from secondpass.ranking import Passage

# Metadata key under which adapters write a passage.
PASSAGE: Final = "passage"


def own_passage(passage: Passage | None, text: str, start: int) -> Passage | None:
    """A passage of what a model read, which may begin with metadata, as one of the document's own text.

    Args:
        passage: In characters of what was read; None where the scorer does not say.
        text: The document's own text.
        start: Where that begins in what was read; below 0 by the white space ahead of it that was left out.

    Returns:
        None where there is nothing to point at: the passage is the whole text, white space around it aside, or it lies
        in the metadata. Its score stays that of all that was read together, metadata included.
    """
    if passage is None:
        return None
    first, end = (min(max(place - start, 0), len(text)) for place in (passage.start, passage.end))
    is_whole = not text[:first].strip() and not text[end:].strip()
    return None if is_whole or not text[first:end].strip() else Passage(first, end, passage.score)


def passage_metadata(passage: Passage) -> dict[str, int | float]:
    """A passage as metadata holds it: plain numbers, of which JSON can be made."""
    return {"start": int(passage.start), "end": int(passage.end), "score": float(passage.score)}


def passage_text(passage: Passage, text: str) -> str:
    """The passage of the document's own text."""
    return text[passage.start : passage.end]


def moved_by(place: object, passage: Passage) -> object:
    """The place of a text in a larger one, as a splitter wrote it, moved to where the passage begins.

    Anything but an integer is no place, and stays; one of numpy's becomes Python's own, of which JSON can be made.
    """
    if isinstance(place, bool) or not isinstance(place, Integral):
        return place
    return int(place) + passage.start
