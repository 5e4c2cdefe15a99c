"""One tokenizer of every kind: small ones, and those of real models."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import checkpoints
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


def tokenizer_of(name: str, folder: Path) -> PreTrainedTokenizerBase:
    return SMALL[name]() if name in SMALL else real_tokenizer(name, folder)


def real_tokenizer(name: str, folder: Path) -> PreTrainedTokenizerBase:
    source = shared(f"data/tokenizers/{name}")
    for file in source.iterdir():
        if file.name not in ("config.json", "ORIG_MODEL_CARD.md"):
            shutil.copy(file, folder / file.name)
    checkpoints.edit_json(folder / "tokenizer_config.json", **REAL[name])
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return tokenizer
