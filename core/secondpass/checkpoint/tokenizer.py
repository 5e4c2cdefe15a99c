"""A checkpoint's tokenizer, used without changing its state."""

import itertools
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from tokenizers import Tokenizer, normalizers

from secondpass.arguments import describe
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.plain.tokenizer import PlainTokenizer
from secondpass.errors import CheckpointError
from secondpass.tokenization.pairs import PairTemplate
from secondpass.tokenization.text_tokenizer import FastTokenizer, PythonTokenizer, TextTokenizer
from secondpass.tokenization.tokens import Specials
from secondpass.tokenization.word_cache import WordTokenizer, is_word_local

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

AnyTokenizer: TypeAlias = "PreTrainedTokenizerBase | PlainTokenizer"
"""transformers', or one that was read without it."""


def check_vocabulary(folder: Folder, tokenizer: AnyTokenizer, n_embeddings: int | None) -> None:
    """Raise CheckpointError if a text may give a token that has no embedding: tokens added, embeddings not resized."""
    if n_embeddings is None:
        return
    homeless = sorted(token for token, number in tokenizer.get_vocab().items() if number >= n_embeddings)
    if homeless:
        raise CheckpointError(
            f"{folder.name}: its tokenizer must give no token above the model's {n_embeddings} embeddings, got "
            f"{', '.join(map(repr, homeless[:4]))}{f' and {len(homeless) - 4} more' if len(homeless) > 4 else ''}; "  # noqa: PLR2004 - as many as slice
            "resize the embeddings and train them, or remove the tokens"
        )


def gives_types(tokenizer: AnyTokenizer) -> bool:
    """Whether a tokenizer gives its model token types."""
    return "token_type_ids" in tokenizer.model_input_names


def side(stated: str) -> Literal["left", "right"]:
    """A tokenizer's truncation side."""
    return "left" if stated == "left" else "right"


def tokenize_with(tokenizer: AnyTokenizer) -> TextTokenizer:
    """A tokenizer of single texts, without special tokens, that any number of threads may call.

    Transformers' fast tokenizers set truncation and padding on the object they share, which gives wrong lengths between
    threads (huggingface/tokenizers#537 and others). A private copy with both off has no such state to change.
    """
    if isinstance(tokenizer, PlainTokenizer):
        raw = tokenizer.backend_tokenizer  # nobody else has it
    elif tokenizer.is_fast:
        raw = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        raw.no_truncation()
        raw.no_padding()
        # Whether special tokens written in a text are read as its letters: the one setting that the copy loses.
        raw.encode_special_tokens = tokenizer.backend_tokenizer.encode_special_tokens
    else:
        return PythonTokenizer(partial(tokenizer.encode, add_special_tokens=False, truncation=False))
    return WordTokenizer(raw) if is_word_local(raw) else FastTokenizer(raw)


def pair_template(tokenizer: AnyTokenizer, *, with_types: bool) -> PairTemplate:
    """The special tokens that a tokenizer puts around two texts, read off two one-word texts.

    Args:
        tokenizer: The checkpoint's tokenizer.
        with_types: Whether the model reads token types; without, all are 0.

    Raises:
        CheckpointError: The tokenizer does not build pairs out of its texts' own tokens.
    """
    # Two texts whose tokens differ, so that each can be found again.
    first, second = (tokenizer.encode(text, add_special_tokens=False) for text in ("one", "two two"))
    joined = tokenizer("one", "two two", return_token_type_ids=True)
    ids = list(joined["input_ids"])
    types = list(joined["token_type_ids"]) if with_types else [0] * len(ids)
    start = find_sublist(first, ids, 0)
    middle = find_sublist(second, ids, start + len(first)) if start >= 0 else -1
    if not first or not second or middle < 0:
        raise CheckpointError("the tokenizer builds pairs in a way that is not its two texts between special tokens")
    end, rest = start + len(first), middle + len(second)
    return PairTemplate(
        before=_specials(ids[:start], types[:start]),
        first_type=types[start],
        between=_specials(ids[end:middle], types[end:middle]),
        second_type=types[middle],
        after=_specials(ids[rest:], types[rest:]),
    )


def single_text_specials(tokenizer: AnyTokenizer, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Special ids before and after a single text.

    Args:
        tokenizer: The checkpoint's tokenizer.
        name: The checkpoint, for messages.

    Raises:
        CheckpointError: The tokenizer does not keep a text's own tokens.
    """
    alone, joined = tokenizer.encode("one", add_special_tokens=False), list(tokenizer("one")["input_ids"])
    start = find_sublist(alone, joined, 0)
    if not alone or start < 0:
        raise CheckpointError(f"{name}: the tokenizer does not put special tokens around a text's own")
    return tuple(joined[:start]), tuple(joined[start + len(alone) :])


def find_sublist(part: list[int], whole: list[int], start: int) -> int:
    """Where `part` begins in `whole` from `start` on; -1 if nowhere."""
    return next((i for i in range(start, len(whole) - len(part) + 1) if whole[i : i + len(part)] == part), -1)


def _specials(ids: list[int], types: list[int]) -> tuple[Specials, ...]:
    """Special tokens, neighbours of one type together."""
    runs = itertools.groupby(zip(ids, types, strict=True), key=lambda token: token[1])
    return tuple(Specials(tuple(token_id for token_id, _ in run), token_type) for token_type, run in runs)


def lower_case(folder: Folder, tokenizer: AnyTokenizer) -> None:
    """Let a tokenizer read lower case where sentence-transformers' settings say so, whatever its vocabulary."""
    file, settings = folder.transformer_settings()
    wanted = settings.get("do_lower_case", False)
    if not isinstance(wanted, bool):
        raise CheckpointError(f"{folder.name}: {file}: do_lower_case must be true or false, got {describe(wanted)}")
    if not wanted:
        return
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"{folder.name}: {file}: do_lower_case must come with a fast tokenizer, got {type(tokenizer).__name__}"
        )
    backend = tokenizer.backend_tokenizer
    others = [] if backend.normalizer is None else [backend.normalizer]
    backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *others])
