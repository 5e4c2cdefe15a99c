"""Pairs as padded tensors, without the loops over single tokens in which transformers makes tensors of lists.

Those take longer than a GPU does with the tensors: it would wait for them.
"""

from collections.abc import Sequence
from typing import Any, TypeGuard

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase


def are_pairs(inputs: Sequence[Any]) -> TypeGuard[Sequence[tuple[str, str]]]:
    """Whether these are pairs of texts, at least one."""
    return len(inputs) > 0 and all(_is_pair(each) for each in inputs)


def _is_pair(each: object) -> bool:
    # A text is a sequence of texts, too.
    return isinstance(each, list | tuple) and len(each) == 2 and all(isinstance(text, str) for text in each)  # noqa: PLR2004 - a pair


def trial(max_length: int) -> tuple[tuple[str, str], ...]:
    """Pairs to compare two ways with: short ones with spaces around them, and on each side one that is too long."""
    long = "word " * (max_length + 1)
    return (" what is a second pass", "A second pass "), ("a", long), (long, "reads both texts"), (long, long)


def tokenize_pairs(tokenizer: PreTrainedTokenizerBase, pairs: Sequence[tuple[str, str]]) -> dict[str, Tensor]:
    """What the tokenizer makes of pairs, truncated to its length, padded on the right to the longest.

    Args:
        tokenizer: Of the model.
        pairs: Queries and documents.

    Returns:
        int64 tensors of shape (n_pairs, seq) by the names of the model's arguments.
    """
    encoded = tokenizer(
        [query for query, _ in pairs],
        [document for _, document in pairs],
        truncation="longest_first",
        return_attention_mask=False,
    )
    paddings = {"input_ids": tokenizer.pad_token_id, "token_type_ids": tokenizer.pad_token_type_id}
    features = {
        name: pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=paddings[name])
        for name, rows in encoded.items()
    }
    lengths = torch.tensor([len(row) for row in encoded["input_ids"]])
    features["attention_mask"] = (torch.arange(int(lengths.max())) < lengths[:, None]).long()
    return features
