"""Which tokens of a pair stay."""

import itertools
import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from transformers import CanineTokenizer

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


def test_the_odd_token_goes_to_the_first_text_by_the_rule_of_tokenizers_in_python(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)  # they warn at every call
    reference = CanineTokenizer()
    cases = [(a, b, room) for a, b, room in itertools.product(range(14), range(14), range(1, 20)) if a + b > room]
    for n_first, n_second, room in cases:
        ids, pair_ids = [0] * n_first, [1] * n_second
        first, second, _ = reference.truncate_sequences(ids, pair_ids, n_first + n_second - room, "longest_first")
        kept = longest_first(np.array([n_first]), np.array([n_second]), room, odd_to_first=True)
        assert (int(kept[0][0]), int(kept[1][0])) == (len(first), len(second)), (n_first, n_second, room)
