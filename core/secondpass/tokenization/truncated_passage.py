"""The passage of a truncated document: characters that, alone, have the tokens that were read."""

import re
from collections.abc import Callable, Sequence

import numpy as np

from secondpass.tokenization.item_tokenizer import FittedTokens
from secondpass.tokenization.text_tokenizer import words_to
from secondpass.tokenization.windows import Span

# Characters beyond the passage on which the tokens that were read do not depend any more.
_FAR = 64


def truncated_passage(document: str, read: Span, fit: Callable[[Sequence[Span]], FittedTokens]) -> Span:
    """The passage of a document that is truncated on one side.

    What is read there may depend on what stands beyond it: GPT-2's splitting takes the last line feed of several apart
    where a word follows, and normalisers join a letter with its accent. The passage then goes on by a character or two,
    or by a word or two, which are truncated again when it is read alone.

    Args:
        document: The whole of it.
        read: The characters that are read, from its beginning or to its end.
        fit: What is read of each of these parts of the document.

    Returns:
        `read`, unless the passage has the tokens that were read only with more of the document.
    """
    whole = Span(0, len(document))
    if read == whole or read.start >= read.end:
        return read
    fitted = fit([_further(document, read), read])
    if fitted.query_excess[0] or not fitted.document_excess[0]:  # the rest of the document matters
        fitted = fit([whole, read])
    tokens, alone = (fitted.tokens.take([row]).ids for row in (0, 1))
    if np.array_equal(alone, tokens):
        return read
    longer = _a_little_longer(document, read)
    longer_tokens = fit(longer).tokens
    same = (span for i, span in enumerate(longer) if np.array_equal(longer_tokens.take([i]).ids, tokens))
    return next(same, read)


def _further(document: str, read: Span) -> Span:
    """The passage and some words more, so that what is read of it is what is read of the document."""
    if read.start:
        return Span(max(read.start - 4 * _FAR, 0), read.end)
    return Span(0, words_to(document, read.end + _FAR))


def _a_little_longer(document: str, read: Span) -> list[Span]:
    """The passage and a character, two, a word and two words more."""
    beyond = document[max(read.start - 4 * _FAR, 0) : read.start][::-1] if read.start else document[read.end :]
    word = rf"\s{{0,{_FAR}}}\S{{0,{_FAR}}}"
    first, second = (re.compile(pattern).match(beyond) for pattern in (word, 2 * word))
    lengths = {1, 2, *(found.end() for found in (first, second) if found is not None)}
    more = sorted({min(length, len(beyond)) for length in lengths})
    return [Span(read.start - n, read.end) if read.start else Span(0, read.end + n) for n in more]
