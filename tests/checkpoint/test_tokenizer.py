"""How a checkpoint's tokenizer is read."""

import checkpoints
from tokenizers import AddedToken

from secondpass.checkpoint.tokenizer import tokenize_with
from secondpass.tokenization.word_cache import WordTokenizer


def test_tokenizers_that_look_across_words_read_whole_texts() -> None:
    assert not isinstance(tokenize_with(checkpoints.roberta_tokenizer()), WordTokenizer)
    assert isinstance(tokenize_with(checkpoints.wordpiece()), WordTokenizer)
    for across in ("new york", " new", "new\n", AddedToken("new", rstrip=True)):
        wordpiece = checkpoints.wordpiece()
        wordpiece.add_tokens([across])
        assert not isinstance(tokenize_with(wordpiece), WordTokenizer)
