"""Token ids and type ids equal transformers' exactly, with every kind of tokenizer, however a pair is truncated."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from texts import SHORT_PAIRS
from tokenizer_kinds import PYTHON, REAL, SMALL, tokenizer_of
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordPiece
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from secondpass.checkpoint import load_checkpoint
from secondpass.checkpoint.tokenizer import pair_template, tokenize_with
from secondpass.options import ModelOptions
from secondpass.tokenization.pairs import TwoTextTokenizer
from secondpass.tokenization.tokens import PairTokens, Spans
from secondpass.tokenization.word_cache import WordCache, WordTokenizer, is_word_local, tokenize_words


def split(pairs: PairTokens, numbers: NDArray[np.integer[Any]]) -> list[list[int]]:
    """The numbers of each pair."""
    return [part.tolist() for part in np.split(numbers, pairs.lengths.cumsum()[:-1])]


@pytest.mark.parametrize("name", [*SMALL, *REAL])
@pytest.mark.parametrize("max_length", [5, 6, 16, 31, 512])
def test_ids_and_types_equal_transformers(name: str, max_length: int, tmp_path: Path) -> None:
    tokenizer = tokenizer_of(name, tmp_path)
    with_types = "token_type_ids" in tokenizer.model_input_names
    tokenize = tokenize_with(tokenizer)
    assert isinstance(tokenize, WordTokenizer) == isinstance(tokenizer.backend_tokenizer.model, WordPiece)
    encode = TwoTextTokenizer(tokenize, pair_template(tokenizer, with_types=with_types), max_length)
    queries, documents = zip(*SHORT_PAIRS, strict=True)
    expected = tokenizer(list(queries), list(documents), truncation=True, max_length=max_length)
    encoded = encode(SHORT_PAIRS)
    assert split(encoded, encoded.ids) == expected["input_ids"]
    if with_types:
        assert split(encoded, encoded.type_ids) == expected["token_type_ids"]
    else:
        assert not encoded.type_ids.any()


@pytest.mark.parametrize("name", PYTHON)
@pytest.mark.parametrize("max_length", [7, 8, 20, 21])
def test_ids_equal_those_of_tokenizers_written_in_python(name: str, max_length: int, tmp_path: Path) -> None:
    """Checkpoints with them are read through the whole of `CrossEncoder`: the rule depends on the kind of tokenizer."""
    tokenizer = tokenizer_of(name, tmp_path)
    assert not tokenizer.is_fast
    values = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, "num_labels": 1}
    config = BertConfig(**checkpoints.SMALL | values)
    config.tokenizer_class = type(tokenizer).__name__
    folder = checkpoints.save(tmp_path / "saved", BertForSequenceClassification(config), tokenizer)
    lengths = (1, 2, 3, 5, 8, 9, 10, 17, 30)
    pairs = [("a " * n_query, "b " * n_document) for n_query in lengths for n_document in lengths]
    encoded = load_checkpoint(str(folder), ModelOptions(max_length=max_length)).tokenize(pairs)
    queries, documents = zip(*pairs, strict=True)
    expected = tokenizer(list(queries), list(documents), truncation=True, max_length=max_length)
    assert split(encoded, encoded.ids) == expected["input_ids"]


WORDPIECE = checkpoints.wordpiece()
ENCODE = tokenize_with(WORDPIECE)
TEMPLATE = pair_template(WORDPIECE, with_types=True)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(min_value=0, max_value=40),
    st.integers(min_value=0, max_value=40),
    st.integers(min_value=4, max_value=60),
)
def test_the_truncation_rule_equals_the_tokenizers_librarys(n_query: int, n_document: int, max_length: int) -> None:
    query, document = " ".join(["the"] * n_query), " ".join(["berlin"] * n_document)
    expected = WORDPIECE([query], [document], truncation=True, max_length=max_length)
    encoded = TwoTextTokenizer(ENCODE, TEMPLATE, max_length)([(query, document)])
    assert encoded.ids.tolist() == expected["input_ids"][0]
    assert encoded.type_ids.tolist() == expected["token_type_ids"][0]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.integers(min_value=4, max_value=64))
def test_any_text_gets_transformers_tokens(query: str, document: str, max_length: int) -> None:
    expected = WORDPIECE([query], [document], truncation=True, max_length=max_length)
    encoded = TwoTextTokenizer(ENCODE, TEMPLATE, max_length)([(query, document)])
    assert encoded.ids.tolist() == expected["input_ids"][0]


def test_a_left_cutting_tokenizer_keeps_the_ends(tmp_path: Path) -> None:
    checkpoints.wordpiece().save_pretrained(tmp_path)
    reloaded = AutoTokenizer.from_pretrained(tmp_path, truncation_side="left")
    pair = ("the berlin wall", "and its people in the year of the revolution")
    expected = reloaded([pair[0]], [pair[1]], truncation=True, max_length=9)["input_ids"][0]
    encode = TwoTextTokenizer(tokenize_with(reloaded), TEMPLATE, 9, truncation_side="left")
    assert encode([pair]).ids.tolist() == expected


def per_text(spans: Spans) -> list[list[int]]:
    return [spans.ids[start : start + n].tolist() for start, n in zip(spans.starts, spans.lengths, strict=True)]


# What could make a word's tokens depend on the words beside it: white space of all kinds, control characters that are
# taken out, marks that join the letter before, letters that are words of their own, and special tokens in plain text.
ODD_CHARACTERS = " \n\t\r\x00\x0b\x1c\x85\xa0\xad\u0300\u0345\u200b\u200d\u2028\u3000\ufe0f\ufeff\ufffd"
ODD_PIECES = [*ODD_CHARACTERS, *"aZ9é\u0130ΣßßÅﬁ東京.'-#", "[SEP]", "[MASK]", "don't", "a" * 101]


# Added tokens with each of the flags under which the words of a text still stand alone.
ADDED = [
    AddedToken("<mask>", lstrip=True, special=True, normalized=False),
    AddedToken("<t>", lstrip=True),
    AddedToken("the", single_word=True),
    AddedToken("東京"),
]
ODD_PIECES += ["<mask>", " <mask>", "<t>", "the", "東"]


@pytest.mark.parametrize("added", [(), ADDED], ids=["plain", "added"])
@pytest.mark.parametrize(
    "name",
    ["wordpiece", "wordpiece-cased", "ms-marco-MiniLM-L-6-v2", "bert-base-cased", "bert-base-multilingual-cased"],
)
def test_words_have_the_same_tokens_alone(name: str, added: Sequence[AddedToken], tmp_path: Path) -> None:
    tokenizer = tokenizer_of(name, tmp_path)
    tokenizer.add_tokens(list(added))
    raw = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    assert is_word_local(raw)

    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.lists(st.one_of(st.sampled_from(ODD_PIECES), st.text(max_size=5))).map("".join), min_size=1))
    def check(texts: list[str]) -> None:
        expected = [raw.encode(text, add_special_tokens=False).ids for text in texts]
        assert per_text(WordCache(partial(tokenize_words, raw))(texts)) == expected
        words = [text.replace(" ", "") for text in texts]
        assert per_text(tokenize_words(raw, words)) == [raw.encode(w, add_special_tokens=False).ids for w in words]

    check()
