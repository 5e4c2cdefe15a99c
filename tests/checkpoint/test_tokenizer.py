"""How a checkpoint's tokenizer is read."""

from collections.abc import Callable
from pathlib import Path

import checkpoints
import pytest
from tokenizers import AddedToken
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from secondpass.checkpoint.tokenizer import tokenize_with
from secondpass.tokenization.word_cache import WordTokenizer


@pytest.mark.parametrize("make", [checkpoints.wordpiece, checkpoints.roberta_tokenizer])
@pytest.mark.parametrize("setting", [{}, {"split_special_tokens": True}])
def test_special_tokens_in_texts_are_read_as_the_tokenizer_says(
    make: Callable[[], PreTrainedTokenizerBase], setting: dict[str, bool], tmp_path: Path
) -> None:
    make().save_pretrained(tmp_path)
    checkpoints.edit_json(tmp_path / "tokenizer_config.json", **setting)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    special = tokenizer.all_special_tokens[0]
    text = f"berlin {special} wall"
    expected = tokenizer.encode(text, add_special_tokens=False)
    assert (tokenizer.convert_tokens_to_ids(special) in expected) is not bool(setting)
    assert tokenize_with(tokenizer)([text]).concatenate().tolist() == expected


def test_tokenizers_that_look_across_words_read_whole_texts() -> None:
    assert not isinstance(tokenize_with(checkpoints.roberta_tokenizer()), WordTokenizer)
    assert isinstance(tokenize_with(checkpoints.wordpiece()), WordTokenizer)
    for across in ("new york", " new", "new\n", AddedToken("new", rstrip=True)):
        wordpiece = checkpoints.wordpiece()
        wordpiece.add_tokens([across])
        assert not isinstance(tokenize_with(wordpiece), WordTokenizer)
