"""Where windows begin and end is what their rules' number says: scores that caches keep depend on it."""

import pytest
from transformers import PreTrainedTokenizerFast

from secondpass.checkpoint.tokenizer import tokenize_with
from secondpass.model_names import bundled_folder
from secondpass.options import ModelOptions
from secondpass.tokenization.long_documents import WindowReader
from secondpass.tokenization.pairs import OneTextTokenizer

SENTENCES = "The wall fell. Its people came together! Who had thought so? Nobody, in so long a time, had."
PARAGRAPHS = "One city.\n\nTwo rivers meet there, and\na third one ends.\n\nFour."
UNBROKEN = "東京都の人口は千四百万人です。京都はその十分の一にも足りません。"
# The windows of each in twelve tokens, by rules and overlap. What moves one has to have rules of another number.
WINDOWS = {
    ("rules 2", None): {
        SENTENCES: [
            "The wall fell. Its people came together!",
            "together! Who had thought so? Nobody, in",
            "Nobody, in so long a time, had.",
        ],
        PARAGRAPHS: ["One city.\n\nTwo rivers meet there, and\na", "there, and\na third one ends.\n\nFour."],
        UNBROKEN: [
            "東京都の人口は千四百",
            "四百万人です。",
            "す。京都はその十分の",
            "分の一にも足りません",
            "の一にも足りません。",
        ],
    },
    ("rules 2", 0): {
        SENTENCES: [
            "The wall fell. Its people came together!",
            "Who had thought so? Nobody, in so long",
            "Nobody, in so long a time, had.",
        ],
        PARAGRAPHS: ["One city.\n\nTwo rivers meet there, and\na", "there, and\na third one ends.\n\nFour."],
        UNBROKEN: ["東京都の人口は千四百", "万人です。", "京都はその十分の一に", "の一にも足りません。"],
    },
}


@pytest.mark.parametrize("overlap", [None, 0])
def test_windows_lie_where_their_rules_put_them(overlap: int | None) -> None:
    settings = ModelOptions(long_documents="windows", window_overlap=overlap).window_settings()
    assert settings is not None
    folder = bundled_folder("secondpass/mini")
    assert folder is not None
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    read = WindowReader(OneTextTokenizer(tokenize_with(tokenizer), (1,), (2,), 12, ""), overlap)
    for text, expected in WINDOWS[(str(settings.rules), overlap)].items():
        windows = read([text]).windows
        spans = zip(windows.starts.tolist(), windows.ends.tolist(), strict=True)
        assert [text[start:end] for start, end in spans] == expected
