"""Where the passage of a truncated document ends: so that its characters alone have the tokens that were read."""

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from secondpass.tokenization.item_tokenizer import FittedTokens
from secondpass.tokenization.text_tokenizer import words_to

# Characters behind the last one read on which the tokens that were read do not depend any more.
_FAR = 64


def passage_end(document: str, end: int, fit: Callable[[Sequence[int]], FittedTokens]) -> int:
    """Where the passage ends, one behind its last character.

    What is read last may depend on what stands behind it: GPT-2's splitting takes the last line feed of several apart
    where a word follows, and normalisers join a letter with its accent. The passage then goes on by a character or two,
    or by a word or two, which are truncated again when it is read alone.

    Args:
        document: It is truncated on the right.
        end: One behind the last character that is read.
        fit: What is read of the document up to each of these characters.

    Returns:
        `end`, unless the passage has the tokens that were read only with more of the document.
    """
    if not 0 < end < len(document):
        return end
    fitted = fit([words_to(document, end + _FAR), end])
    if fitted.query_excess[0] or not fitted.document_excess[0]:  # the rest of the document matters
        fitted = fit([len(document), end])
    read, alone = (fitted.tokens.take([row]).ids for row in (0, 1))
    if np.array_equal(alone, read):
        return end
    ends = sorted(set(_ends_behind(document, end)))
    tokens = fit(ends).tokens
    return next((ends[i] for i in range(len(ends)) if np.array_equal(tokens.take([i]).ids, read)), end)


def _ends_behind(document: str, end: int) -> Iterator[int]:
    """A character, two, a word and two words further on."""
    yield min(end + 1, len(document))
    yield min(end + 2, len(document))
    for _ in range(2):
        word = re.compile(rf"\s{{0,{_FAR}}}\S{{0,{_FAR}}}").match(document, end)
        end = end if word is None else word.end()
        yield end
