"""Where a long document may be split: between paragraphs, sentences, words, tokens, or in between where it must be."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from secondpass.tokenization.text_tokenizer import Offsets


class Boundary(IntEnum):
    """What ends at a place; the higher, the better it is to split there."""

    CHARACTER = 0
    """No more than a character, within a token or within what is seen as one character."""
    TOKEN = 1
    WORD = 2
    SENTENCE = 3
    PARAGRAPH = 4


# In Chinese and Japanese no white space has to follow; the others are Latin, Arabic, Urdu and Devanagari.
_SENTENCE_ENDS_WITHOUT_SPACE = "。！？｡"  # noqa: RUF001 - the full width is meant
_SENTENCE_ENDS = ".!?…؟۔।॥" + _SENTENCE_ENDS_WITHOUT_SPACE  # noqa: RUF001 - the Arabic full stop is meant
_CLOSING = "\"'”’»)]』」）"  # noqa: RUF001 - typographic quotes are meant
_PARAGRAPH_SEPARATOR = "\u2029"
_JOINER = "\u200d"


@dataclass(frozen=True, slots=True, eq=False)
class Boundaries:
    """All places at which a document may be split, its beginning and its end among them.

    Args:
        ends: The end of the text before each place. Shape: (n_places,), int64.
        starts: The beginning of the text behind it, white space left out. Shape: (n_places,), int64.
        n_before: Tokens before it, never decreasing. Shape: (n_places,), int64.
        kinds: What ends there, as `Boundary`. Shape: (n_places,), int64.
    """

    ends: NDArray[np.int64]
    starts: NDArray[np.int64]
    n_before: NDArray[np.int64]
    kinds: NDArray[np.int64]


def find_boundaries(text: str, tokens: Offsets) -> Boundaries:
    """The boundaries of a text that is not blank.

    Args:
        text: The document.
        tokens: Where its tokens stand.
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    blank = _where(codes, str.isspace)
    solid = np.concatenate([[False], ~blank, [False]])
    word_starts, word_ends = np.flatnonzero(solid[1:] & ~solid[:-1]), np.flatnonzero(solid[:-1] & ~solid[1:])
    within = tokens.starts[np.diff(tokens.starts, prepend=0) > 0]  # each once, and not the beginning of the text
    within = within[within < len(text)]
    within = within[~blank[within] & ~blank[within - 1]]
    starts = np.concatenate([word_starts, [len(text)], within])
    ends = np.concatenate([word_starts[:1], word_ends, within])
    kinds = np.concatenate(
        [
            [Boundary.PARAGRAPH],
            _kinds_of_word_ends(codes, word_ends, np.append(word_starts[1:], len(text))),
            _kinds_within_words(codes, within),
        ]
    )
    order = np.argsort(ends)
    starts, ends, kinds = starts[order], ends[order], kinds[order]
    n_before = np.searchsorted(tokens.starts, ends)
    reach = np.concatenate([[0], np.maximum.accumulate(tokens.ends)])[n_before]
    return Boundaries(ends, starts, n_before, np.where(reach > ends, Boundary.CHARACTER, kinds))


def _kinds_of_word_ends(
    codes: NDArray[np.uint32], ends: NDArray[np.int64], following: NDArray[np.int64]
) -> NDArray[np.int64]:
    """What else ends with each word; `following` says where the next one starts."""
    last = codes[ends - 1]
    last = np.where(_where(last, _CLOSING.__contains__), codes[np.maximum(ends - 2, 0)], last)
    kinds = np.where(_where(last, _SENTENCE_ENDS.__contains__), Boundary.SENTENCE, Boundary.WORD)
    # An empty line is two line feeds; the separator is as good as both.
    feeds = np.concatenate([[0], np.cumsum((codes == ord("\n")) + 2 * (codes == ord(_PARAGRAPH_SEPARATOR)))])
    kinds[feeds[following] - feeds[ends] > 1] = Boundary.PARAGRAPH
    kinds[-1] = Boundary.PARAGRAPH
    return kinds


def _kinds_within_words(codes: NDArray[np.uint32], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """What ends at places that have no white space beside them."""
    before, behind = codes[places - 1], codes[places]
    kinds = np.where(
        _where(before, _SENTENCE_ENDS_WITHOUT_SPACE.__contains__), Boundary.SENTENCE, np.int64(Boundary.TOKEN)
    )
    kinds[_where(behind, _joins) | (before == ord(_JOINER))] = Boundary.CHARACTER
    return kinds


def _joins(character: str) -> bool:
    """Whether a character is seen as one with the character before it: marks, joiners, skin tones."""
    return (
        character == _JOINER or unicodedata.category(character)[0] == "M" or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _where(codes: NDArray[np.uint32], is_so: Callable[[str], bool]) -> NDArray[np.bool_]:
    """Of each character, whether it is so; each different one is asked once."""
    different = np.flatnonzero(np.bincount(codes))
    answers = np.zeros(int(codes.max(initial=0)) + 1, np.bool_)
    answers[different] = [is_so(chr(code)) for code in different.tolist()]
    return answers[codes]
