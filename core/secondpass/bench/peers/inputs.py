"""Padded batches, as libraries without packing are fed."""

import itertools
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from secondpass.bench.setting import ScoreFunction, Setting
from secondpass.errors import InputError
from secondpass.ranking import Pair

# How pairs are grouped into batches, in order.
Batching: TypeAlias = Callable[[Sequence[Pair]], Iterator[list[Pair]]]

# sentence-transformers' default.
_BATCH_SIZE = 32


def load_tokenizer(setting: Setting) -> Any:  # noqa: ANN401 - transformers' classes share no useful type
    """The checkpoint's tokenizer, as transformers loads it.

    Raises:
        InputError: It has a chat template, through which sentence-transformers puts pairs: side by side, as here, they
            would be other pairs.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(setting.model, trust_remote_code=setting.trust_remote_code)
    if tokenizer.chat_template is not None:
        raise InputError("it puts query and document side by side, and the checkpoint has a chat template")
    return tokenizer


def batches_by_query(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """One batch per query, however many candidates it has."""
    for _, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
        yield list(group)


def batches_by_number(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """Batches of 32 pairs."""
    for start in range(0, len(pairs), _BATCH_SIZE):
        yield list(pairs[start : start + _BATCH_SIZE])


def tokenize_padded(
    tokenizer: Any,  # noqa: ANN401 - transformers' own
    pairs: Sequence[Pair],
    setting: Setting,
    tensors: Literal["pt", "np"],
) -> Any:  # noqa: ANN401 - transformers' own
    """One padded batch, in torch's tensors or numpy's arrays."""
    return tokenizer(
        [query for query, _ in pairs],
        [document for _, document in pairs],
        padding=True,
        truncation=True,
        max_length=setting.max_length,
        return_tensors=tensors,
    )


def padded_arrays(
    tokenizer: Any,  # noqa: ANN401 - transformers' own
    pairs: Sequence[Pair],
    setting: Setting,
    names: Container[str],
) -> dict[str, NDArray[np.int64]]:
    """One padded batch's inputs of these names."""
    features = tokenize_padded(tokenizer, pairs, setting, "np")
    return {name: values.astype(np.int64) for name, values in features.items() if name in names}


def score_longest_first(setting: Setting, score_in_order: ScoreFunction) -> ScoreFunction:
    """A scorer that feeds another the longest pairs first, so that a batch holds pairs of about the same length.

    Args:
        setting: Whose tokenizer tells how long a pair is.
        score_in_order: Scores pairs in batches of neighbours.

    Returns:
        What gives the scores in the order of the pairs.
    """
    tokenizer = load_tokenizer(setting)

    def score(pairs: Sequence[Pair]) -> NDArray[np.float32]:
        lengths = [len(ids) for ids in tokenizer(list(pairs), truncation=True, max_length=setting.max_length).input_ids]
        order = sorted(range(len(pairs)), key=lambda i: -lengths[i])
        scores = np.empty(len(pairs), np.float32)
        scores[order] = score_in_order([pairs[i] for i in order])
        return scores

    return score
