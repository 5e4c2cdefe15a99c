"""Which tokens of a pair stay."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing

from secondpass.tokenization.truncation import longest_first


@given(st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 1000))
def test_truncating_keeps_what_fits_and_never_more(n_first: int, n_second: int, room: int) -> None:
    first, second = (int(kept[0]) for kept in longest_first(np.array([n_first]), np.array([n_second]), room))
    assert 0 <= first <= n_first
    assert 0 <= second <= n_second
    assert first + second == min(room, n_first + n_second)
    if n_first <= room // 2 and n_first <= n_second:
        assert first == n_first, "a short query is never truncated"


def kept(n_first: int, n_second: int, room: int) -> tuple[int, int]:
    first, second = longest_first(np.array([n_first]), np.array([n_second]), room)
    return int(first[0]), int(second[0])


def test_of_an_odd_room_the_second_text_gets_the_odd_token_unless_the_first_is_longer() -> None:
    assert kept(9, 9, 5) == (2, 3)
    assert kept(8, 9, 5) == (2, 3)
    assert kept(9, 8, 5) == (3, 2)
    assert kept(2, 9, 5) == (2, 3)
    assert kept(9, 2, 5) == (3, 2)


REFERENCE = Tokenizer(WordLevel({"a": 0, "b": 1}))


REFERENCE.pre_tokenizer = WhitespaceSplit()


REFERENCE.post_processor = TemplateProcessing(single="$A", pair="$A:0 $B:1", special_tokens=[])


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40))
def test_it_is_the_rule_of_the_tokenizers_library(n_first: int, n_second: int, room: int) -> None:
    REFERENCE.enable_truncation(room, strategy="longest_first")
    types = REFERENCE.encode("a " * n_first, "b " * n_second).type_ids
    assert kept(n_first, n_second, room) == (types.count(0), types.count(1))
