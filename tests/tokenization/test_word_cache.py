"""Each word is tokenized once, whatever interrupts, in bounded memory, for any number of threads."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from secondpass.tokenization.tokens import Spans
from secondpass.tokenization.word_cache import WordCache, is_word_local


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
    words = [f"{number:0100d}" for number in range(3000)]
    cache([" ".join(words)])
    del asked[:]
    assert letters(cache([" ".join(words[::-1])])) == "".join(words[::-1])
    assert 750 < len(asked) < 1500, "of 300,000 characters at most 250,000 are kept, and most of these"


def test_words_in_use_stay() -> None:
    cache, asked = counting()
    for text in range(20):
        words = ["the", "wall", *(f"{text}-{number:0100d}" for number in range(500)), "the"]
        assert letters(cache([" ".join(words)])) == "".join(words)
    assert asked.count("the") == asked.count("wall") == 1
    assert len(asked) == 2 + 20 * 500


def test_words_that_were_in_use_make_room() -> None:
    cache, asked = counting()
    before = [f"{number:0100d}" for number in range(2000)]
    for _ in range(8):
        cache([" ".join(before)])
    for text in range(100):
        recent = [f"{text}-{number:0100d}" for number in range(500)]
        for _ in range(3):
            cache([" ".join(recent)])
    del asked[:]
    cache([" ".join(before)])
    assert len(asked) == 2000, "what is used no more is forgotten in the end"


def test_threads_may_share_a_cache() -> None:
    cache, _ = counting()
    texts = [" ".join(f"w{(i * j) % 997}" for j in range(200)) for i in range(64)]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda text: letters(cache([text])), texts))
    assert got == [text.replace(" ", "") for text in texts]


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (AddedToken("[X]"), True),
        (AddedToken("[X]", lstrip=True), True),
        (AddedToken("[X]", rstrip=True), False),
        (AddedToken("[X Y]"), False),
    ],
)
def test_added_tokens_that_reach_beyond_their_word_rule_the_cache_out(token: AddedToken, *, expected: bool) -> None:
    tokenizer = Tokenizer(WordPiece({"[UNK]": 0, "a": 1}))
    tokenizer.normalizer, tokenizer.pre_tokenizer = BertNormalizer(), BertPreTokenizer()
    tokenizer.add_tokens([token])
    assert is_word_local(tokenizer) is expected
