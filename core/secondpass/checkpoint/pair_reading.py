"""How a checkpoint reads (query, document) pairs, and how many tokens of them."""

import inspect
from dataclasses import dataclass
from typing import Literal

from transformers import PreTrainedTokenizerBase

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.limits import Limit
from secondpass.checkpoint.ranking_model import RankingModel
from secondpass.checkpoint.settings import check_chat_template
from secondpass.checkpoint.tokenizer import pair_template, tokenize_with
from secondpass.errors import CheckpointError
from secondpass.tokenization.pairs import PairTokenizer, TwoTextTokenizer


@dataclass(frozen=True, slots=True)
class PairReading:
    """Pairs to tokens.

    Args:
        tokenize: Does it.
        max_length: The limit in force, tokens of a pair, specials included.
    """

    tokenize: PairTokenizer
    max_length: int


def read_two_texts(
    folder: Folder, model: RankingModel, tokenizer: PreTrainedTokenizerBase, max_length: int | None
) -> PairReading:
    """Two texts with special tokens around them, as nearly all layouts read.

    Raises:
        CheckpointError: The tokenizer does not build such pairs, or nothing states a limit.
        InputError: max_length does not fit the checkpoint.
    """
    check_chat_template(folder, tokenizer)
    template = pair_template(tokenizer, with_types=_reads_types(model, tokenizer))
    length = Limit.of(folder, tokenizer, model.backbone).resolve(folder.name, max_length, template.n_special)
    tokenize = TwoTextTokenizer(
        tokenize_with(tokenizer),
        template,
        length,
        prompt=default_prompt(folder),
        truncation_side=side(tokenizer.truncation_side),
    )
    return PairReading(tokenize, length)


def side(stated: str) -> Literal["left", "right"]:
    """A tokenizer's padding or truncation side."""
    return "left" if stated == "left" else "right"


def _reads_types(model: RankingModel, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Token types count where the tokenizer makes them and the model reads more than one."""
    n_types = getattr(model.backbone.config, "type_vocab_size", None)
    if n_types is None:
        n_types = 2 if "token_type_ids" in inspect.signature(model.backbone.forward).parameters else 0
    return n_types > 1 and "token_type_ids" in tokenizer.model_input_names


def default_prompt(folder: Folder) -> str:
    """The text sentence-transformers puts before the first of two texts; "" if none."""
    config = folder.json("config_sentence_transformers.json")
    name, prompts = config.get("default_prompt_name"), config.get("prompts") or {}
    if name is None:
        return ""
    if not isinstance(prompts, dict) or not isinstance(prompts.get(name), str):
        raise CheckpointError(f"{folder.name}: default_prompt_name {name!r} is not among its prompts")
    return str(prompts[name])
