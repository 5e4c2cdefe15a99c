"""One tokenizer of every kind: small ones, and those of real models."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import checkpoints
import transformers
from shared import shared
from transformers import AutoTokenizer, PreTrainedTokenizerBase

# Each real tokenizer, and what its folder has to say besides the files for transformers to load it as its authors do.
REAL: dict[str, dict[str, Any]] = {
    "ms-marco-MiniLM-L-6-v2": {},
    "bert-base-cased": {"tokenizer_class": "BertTokenizer", "do_lower_case": False},
    "bert-base-multilingual-cased": {"tokenizer_class": "BertTokenizer", "do_lower_case": False},
    "roberta-base": {"tokenizer_class": "RobertaTokenizer"},
    "xlm-roberta-base-rebuilt": {"tokenizer_class": "PreTrainedTokenizerFast"},
}
# Small ones, which every clone has.
SMALL: dict[str, Callable[[], PreTrainedTokenizerBase]] = {
    "wordpiece": checkpoints.wordpiece,
    "wordpiece-cased": partial(checkpoints.wordpiece, lower=False),
    "byte-bpe-roberta": checkpoints.roberta_tokenizer,
    "byte-bpe-modernbert": checkpoints.modernbert_tokenizer,
}


def _phobert(folder: Path) -> PreTrainedTokenizerBase:
    """Letters, at the end of a word and within it; no merges."""
    letters = "".join(f"{letter} 1\n{letter}@@ 1\n" for letter in ascii_lowercase)
    (folder / "vocab.txt").write_text(letters)
    (folder / "bpe.codes").write_text("#version: 0.2\n")
    return transformers.PhobertTokenizer(str(folder / "vocab.txt"), str(folder / "bpe.codes"))


def _bert_japanese(folder: Path) -> PreTrainedTokenizerBase:
    specials = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    (folder / "vocab.txt").write_text("\n".join((*specials, *ascii_lowercase)))
    return transformers.BertJapaneseTokenizer(
        str(folder / "vocab.txt"), word_tokenizer_type="basic", subword_tokenizer_type="character"
    )


# Written in Python, from files that are put into a folder.
PYTHON: dict[str, Callable[[Path], PreTrainedTokenizerBase]] = {"phobert": _phobert, "bert-japanese": _bert_japanese}


def tokenizer_of(name: str, folder: Path) -> PreTrainedTokenizerBase:
    if name in SMALL:
        return SMALL[name]()
    return PYTHON[name](folder) if name in PYTHON else real_tokenizer(name, folder)


def real_tokenizer(name: str, folder: Path) -> PreTrainedTokenizerBase:
    source = shared(f"data/tokenizers/{name}")
    for file in source.iterdir():
        if file.name not in ("config.json", "ORIG_MODEL_CARD.md"):
            shutil.copy(file, folder / file.name)
    checkpoints.edit_json(folder / "tokenizer_config.json", **REAL[name])
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return tokenizer
