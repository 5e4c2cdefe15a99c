"""Each word is tokenized once, whatever interrupts, in bounded memory, for any number of threads."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from secondpass.tokenization.tokens import Spans
from secondpass.tokenization.word_cache import WordCache


def counting() -> tuple[WordCache, list[str]]:
    """A word cache, and the words that it had to tokenize: a word's tokens are its characters."""
    asked: list[str] = []

    def tokenize(words: Sequence[str]) -> Spans:
        asked.extend(words)
        if "poison" in words:
            raise ValueError("poisoned")
        return Spans.of([[ord(character) for character in word] for word in words])

    return WordCache(tokenize), asked


def letters(spans: Spans) -> str:
    return "".join(map(chr, spans.concatenate()))


def test_a_word_is_tokenized_once() -> None:
    cache, asked = counting()
    assert letters(cache(["the wall the", "wall of"])) == "thewallthewallof"
    assert letters(cache(["of\nthe  city"])) == "ofthecity"
    assert asked == ["the", "wall", "of", "", "city"]


def test_words_that_cannot_be_tokenized_leave_nothing_behind() -> None:
    cache, _ = counting()
    cache(["the wall"])
    with pytest.raises(ValueError, match="poisoned"):
        cache(["wall poison gate"])
    assert letters(cache(["the gate wall"])) == "thegatewall"


def test_an_interruption_leaves_nothing_behind() -> None:
    class Interrupting(str):
        __slots__ = ()

        def __hash__(self) -> int:
            raise KeyboardInterrupt

    cache, _ = counting()
    cache(["the wall"])
    with pytest.raises(KeyboardInterrupt):
        cache.look_up(["gate", Interrupting("of")])
    assert letters(cache(["city wall gate"])) == "citywallgate"


def test_the_cache_is_bounded() -> None:
    cache, asked = counting()
    cache(["a " + " ".join(f"{i:0100d}" for i in range(11_000))])
    assert letters(cache(["a b"])) == "ab"
    assert asked[-2:] == ["a", "b"], "over a million characters it starts again"


def test_threads_may_share_a_cache() -> None:
    cache, _ = counting()
    texts = [" ".join(f"w{(i * j) % 997}" for j in range(200)) for i in range(64)]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda text: letters(cache([text])), texts))
    assert got == [text.replace(" ", "") for text in texts]
