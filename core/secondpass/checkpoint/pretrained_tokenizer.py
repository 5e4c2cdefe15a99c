"""A checkpoint's tokenizer as transformers makes it: found, and loaded without guessing."""

from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from secondpass.arguments import describe
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.gte import gte_config
from secondpass.checkpoint.source import find_base
from secondpass.checkpoint.tokenizer import lower_case
from secondpass.errors import CheckpointError, CheckpointNotFoundError, RemoteCodeError

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


def _load(folder: Folder, settings: Folder) -> PreTrainedTokenizerBase:
    """The tokenizer in a folder, which sentence-transformers' files in `settings` may tell to lower-case."""
    stated = folder.json("tokenizer_config.json")
    if "AutoTokenizer" in (stated.get("auto_map") or {}) and not folder.hub.trust_remote_code:
        raise RemoteCodeError(
            f"{folder.name}: its tokenizer is code in the checkpoint (auto_map); pass trust_remote_code=True to run it"
        )
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
    _refuse_unknown_case(folder, stated, tokenizer)
    lower_case(settings, tokenizer)
    return tokenizer


def _refuse_unknown_case(folder: Folder, stated: dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise CheckpointError where a cased vocabulary is lower-cased by its class's default alone."""
    is_stated = folder.has("tokenizer.json") or "do_lower_case" in stated
    if is_stated or not folder.has("vocab.txt") or not _lower_cases(tokenizer):
        return
    vocabulary = (folder.path / "vocab.txt").read_text(encoding="utf-8").splitlines()
    cased = sum(1 for piece in vocabulary if not piece.startswith("[") and piece != piece.lower())
    if cased > len(vocabulary) // 100:
        raise CheckpointError(
            f"{folder.name}: vocab.txt is cased ({cased} of {len(vocabulary)} pieces), but tokenizer_config.json does "
            'not say do_lower_case; add {"do_lower_case": false} to it'
        )


def _lower_cases(tokenizer: PreTrainedTokenizerBase) -> bool:
    if not tokenizer.is_fast:
        return bool(getattr(tokenizer, "do_lower_case", False))
    normalizer = tokenizer.backend_tokenizer.normalizer
    return normalizer is not None and normalizer.normalize_str("A") == "a"


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
    from huggingface_hub import ModelCard

    try:
        base = ModelCard(card, ignore_metadata_errors=True).data.to_dict().get("base_model")
    except ValueError:
        return []
    names = base if isinstance(base, list) else [base]
    return [name for name in names if isinstance(name, str)]
