"""Token ids and type ids equal transformers' exactly, with real tokenizers, over every way a pair can be cut."""

import shutil
from pathlib import Path
from typing import Any

import checkpoints
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import shared
from texts import SHORT_PAIRS
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from secondpass.checkpoint.tokenizer import pair_template, tokenize_with
from secondpass.pairs import TwoTextEncoder, longest_first

# Each real tokenizer, and what its folder has to say besides the files for transformers to load it as its authors do.
REAL: dict[str, dict[str, Any]] = {
    "ms-marco-MiniLM-L-6-v2": {},
    "bert-base-cased": {"tokenizer_class": "BertTokenizer", "do_lower_case": False},
    "bert-base-multilingual-cased": {"tokenizer_class": "BertTokenizer", "do_lower_case": False},
    "roberta-base": {"tokenizer_class": "RobertaTokenizer"},
    "xlm-roberta-base-rebuilt": {"tokenizer_class": "PreTrainedTokenizerFast"},
}


def real_tokenizer(name: str, folder: Path) -> PreTrainedTokenizerBase:
    source = shared(f"data/tokenizers/{name}")
    for file in source.iterdir():
        if file.name not in ("config.json", "ORIG_MODEL_CARD.md"):
            shutil.copy(file, folder / file.name)
    checkpoints.edit_json(folder / "tokenizer_config.json", **REAL[name])
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return tokenizer


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("max_length", [5, 6, 16, 31, 512])
def test_ids_and_types_equal_transformers(name: str, max_length: int, tmp_path: Path) -> None:
    tokenizer = real_tokenizer(name, tmp_path)
    with_types = "token_type_ids" in tokenizer.model_input_names
    encode = TwoTextEncoder(tokenize_with(tokenizer), pair_template(tokenizer, with_types=with_types), max_length)
    queries, documents = zip(*SHORT_PAIRS, strict=True)
    expected = tokenizer(list(queries), list(documents), truncation=True, max_length=max_length)
    encoded = encode(SHORT_PAIRS)
    assert [tokens.ids for tokens in encoded] == expected["input_ids"]
    if with_types:
        assert [tokens.type_ids for tokens in encoded] == expected["token_type_ids"]
    else:
        assert not any(any(tokens.type_ids) for tokens in encoded)


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
    encoded = TwoTextEncoder(ENCODE, TEMPLATE, max_length)([(query, document)])[0]
    assert encoded.ids == expected["input_ids"][0]
    assert encoded.type_ids == expected["token_type_ids"][0]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.integers(min_value=4, max_value=64))
def test_any_text_gets_transformers_tokens(query: str, document: str, max_length: int) -> None:
    expected = WORDPIECE([query], [document], truncation=True, max_length=max_length)
    encoded = TwoTextEncoder(ENCODE, TEMPLATE, max_length)([(query, document)])[0]
    assert encoded.ids == expected["input_ids"][0]


@given(st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 1000))
def test_cutting_keeps_what_fits_and_never_more(n_first: int, n_second: int, room: int) -> None:
    first, second = longest_first(n_first, n_second, room)
    assert 0 <= first <= n_first
    assert 0 <= second <= n_second
    assert first + second == min(room, n_first + n_second)
    if n_first <= room // 2 and n_first <= n_second:
        assert first == n_first, "a short query is never cut"


def test_a_left_cutting_tokenizer_keeps_the_ends(tmp_path: Path) -> None:
    checkpoints.wordpiece().save_pretrained(tmp_path)
    reloaded = AutoTokenizer.from_pretrained(tmp_path, truncation_side="left")
    pair = ("the berlin wall", "and its people in the year of the revolution")
    expected = reloaded([pair[0]], [pair[1]], truncation=True, max_length=9)["input_ids"][0]
    encode = TwoTextEncoder(tokenize_with(reloaded), TEMPLATE, 9, truncation_side="left")
    assert encode([pair])[0].ids == expected
