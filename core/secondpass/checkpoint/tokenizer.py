"""A checkpoint's tokenizer: found, loaded without guessing, and used without changing its state."""

import itertools
from functools import partial
from typing import Any

from tokenizers import Tokenizer, normalizers
from torch import nn
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from secondpass.arguments import describe
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.gte import gte_config
from secondpass.checkpoint.source import find_base
from secondpass.errors import CheckpointError, CheckpointNotFoundError, RemoteCodeError
from secondpass.tokenization.pairs import PairTemplate
from secondpass.tokenization.text_tokenizer import FastTokenizer, PythonTokenizer, TextTokenizer
from secondpass.tokenization.tokens import Specials
from secondpass.tokenization.word_cache import WordTokenizer, is_word_local

_VOCABULARIES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "sentencepiece.bpe.model",
    "spiece.model",
    "spm.model",
    "tokenizer.model",
)


def load_tokenizer(folder: Folder, *, known_base: str | None = None) -> PreTrainedTokenizerBase:
    """The tokenizer in the folder, else the one of the model it was made from.

    Args:
        folder: The checkpoint.
        known_base: Hub id of its tokenizer, where that is known of this checkpoint.

    Raises:
        CheckpointError: There is none, it cannot be read, or it does not say whether it lower-cases.
        RemoteCodeError: It is defined by code in the checkpoint.
    """
    for level in folder.levels():
        if level.has(*_VOCABULARIES):
            return _load(level, folder)
    bases = [base for base in (known_base, *_named_bases(folder)) if base is not None and base != folder.name]
    for base in bases:
        try:
            other = find_base(folder, base)
        except CheckpointNotFoundError:
            continue
        if other.has(*_VOCABULARIES):
            return _load(other, other)
    tried = f"; nor could the one of {' or '.join(bases)}, which it was made from, be found" if bases else ""
    raise CheckpointError(f"{folder.name} holds no tokenizer ({', '.join(_VOCABULARIES)}){tried}")


def check_vocabulary(folder: Folder, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """Raise CheckpointError if a text may give a token that has no embedding: tokens added, embeddings not resized."""
    table = model.get_input_embeddings()
    if not isinstance(table, nn.Embedding):
        return
    n_embeddings = table.num_embeddings
    homeless = sorted(token for token, number in tokenizer.get_vocab().items() if number >= n_embeddings)
    if homeless:
        raise CheckpointError(
            f"{folder.name}: its tokenizer must give no token above the model's {n_embeddings} embeddings, got "
            f"{', '.join(map(repr, homeless[:4]))}{f' and {len(homeless) - 4} more' if len(homeless) > 4 else ''}; "  # noqa: PLR2004 - as many as slice
            "resize the embeddings and train them, or remove the tokens"
        )


def tokenize_with(tokenizer: PreTrainedTokenizerBase) -> TextTokenizer:
    """A tokenizer of single texts, without special tokens, that any number of threads may call.

    Transformers' fast tokenizers set truncation and padding on the object they share, which gives wrong lengths between
    threads (huggingface/tokenizers#537 and others). A private copy with both off has no such state to change.
    """
    if tokenizer.is_fast:
        raw = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        raw.no_truncation()
        raw.no_padding()
        return WordTokenizer(raw) if is_word_local(raw) else FastTokenizer(raw)
    return PythonTokenizer(partial(tokenizer.encode, add_special_tokens=False, truncation=False))


def pair_template(tokenizer: PreTrainedTokenizerBase, *, with_types: bool) -> PairTemplate:
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


def single_text_specials(tokenizer: PreTrainedTokenizerBase, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
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


def _load(folder: Folder, settings: Folder) -> PreTrainedTokenizerBase:
    """The tokenizer in a folder, which sentence-transformers' files in `settings` may tell to lower-case."""
    stated = folder.json("tokenizer_config.json")
    if "AutoTokenizer" in (stated.get("auto_map") or {}) and not folder.hub.trust_remote_code:
        raise RemoteCodeError(
            f"{folder.name}: its tokenizer is code in the checkpoint (auto_map); pass trust_remote_code=True to run it"
        )
    _refuse_unknown_case(folder, stated)
    config = gte_config(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder.path, config=config, local_files_only=True, trust_remote_code=folder.hub.trust_remote_code
        )
    except Exception as error:  # transformers raises whatever its parsers do; the user needs to know which file
        raise CheckpointError(f"{folder.name}: its tokenizer cannot be loaded: {error}") from error
    if len(tokenizer) == 0:
        raise CheckpointError(f"{folder.name}: its tokenizer has no vocabulary")
    if not isinstance(tokenizer.model_max_length, int | float):  # transformers compares it with every text's length
        limit = describe(tokenizer.model_max_length)
        raise CheckpointError(f"{folder.name}: tokenizer_config.json: model_max_length must be an integer, got {limit}")
    _lower_case(settings, tokenizer)
    return tokenizer


def _lower_case(folder: Folder, tokenizer: PreTrainedTokenizerBase) -> None:
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


def _refuse_unknown_case(folder: Folder, stated: dict[str, Any]) -> None:
    """Raise CheckpointError where a cased WordPiece vocabulary would be lower-cased by default."""
    if folder.has("tokenizer.json") or not folder.has("vocab.txt") or "do_lower_case" in stated:
        return
    vocabulary = (folder.path / "vocab.txt").read_text(encoding="utf-8").splitlines()
    cased = sum(1 for piece in vocabulary if not piece.startswith("[") and piece != piece.lower())
    if cased > len(vocabulary) // 100:
        raise CheckpointError(
            f"{folder.name}: vocab.txt is cased ({cased} of {len(vocabulary)} pieces), but tokenizer_config.json does "
            'not say do_lower_case; add {"do_lower_case": false} to it'
        )


def _named_bases(folder: Folder) -> list[str]:
    """Hub ids of the models a checkpoint says it was made from: its config first, then its card."""
    claimed = folder.config.get("_name_or_path")
    bases = [claimed] if isinstance(claimed, str) and claimed else []
    card = folder.path / "README.md"
    if card.is_file():
        bases += [base for base in _card_bases(card.read_text(encoding="utf-8", errors="replace")) if base not in bases]
    return bases


def _card_bases(card: str) -> list[str]:
    """`base_model` of a model card's metadata, one or several."""
    from huggingface_hub import ModelCard  # noqa: PLC0415 - pulls in a template engine, needed by few checkpoints

    try:
        base = ModelCard(card, ignore_metadata_errors=True).data.to_dict().get("base_model")
    except ValueError:
        return []
    names = base if isinstance(base, list) else [base]
    return [name for name in names if isinstance(name, str)]
