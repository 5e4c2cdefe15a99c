"""A tokenizer read from tokenizer.json, where transformers would make the very same of it.

Of some classes transformers keeps of that file little more than the vocabulary: it builds normaliser, splitting and
special tokens anew from tokenizer_config.json and from what its class says. What is read here is used only where both
agree in every part, and where the settings hold nothing else that could matter; all else is left to transformers.
"""

from dataclasses import dataclass
from typing import Any, Literal

from tokenizers import AddedToken, Tokenizer

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.plain.tokenizer_classes import Settings, TokenizerClass, content_of, tokenizer_class

# Settings that change no token, with the types that they may have beside null.
_HARMLESS: dict[str, tuple[type, ...]] = {
    "added_tokens_decoder": (dict,),
    "backend": (str,),
    "clean_up_tokenization_spaces": (bool,),
    "do_basic_tokenize": (bool,),
    "errors": (str,),
    "is_local": (bool,),
    "local_files_only": (bool,),
    "max_length": (int,),
    "model_input_names": (list,),
    "model_max_length": (int, float),
    "name_or_path": (str,),
    "pad_to_multiple_of": (int,),
    "pad_token_type_id": (int,),
    "padding_side": (str,),
    "special_tokens_map_file": (str,),
    "stride": (int,),
    "tokenizer_class": (str,),
    "tokenizer_file": (str,),
    "truncation_side": (str,),
    "truncation_strategy": (str,),
}
# Those that a class may read, which are then compared with what the file says, by what it takes where they are absent.
_FLAGS = {
    "add_prefix_space": (bool,),
    "do_lower_case": (bool,),
    "strip_accents": (bool,),
    "tokenize_chinese_chars": (bool,),
    "trim_offsets": (bool,),
}
# These hold nothing.
_EMPTY = ("additional_special_tokens", "extra_special_tokens", "never_split", "processor_class", "sp_model_kwargs")
# Of which transformers takes no null.
_NEVER_NULL = ("added_tokens_decoder", "model_input_names", "padding_side", "truncation_side")
_SPECIALS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_OTHER_FILES = ("added_tokens.json", "chat_template.jinja", "chat_template.json")
# What transformers takes for "no limit stated".
_NO_LIMIT = 10**30


@dataclass(frozen=True, slots=True, eq=False)
class PlainTokenizer:
    """A tokenizer of the `tokenizers` library, and what tokenizer_config.json says of its use.

    Attributes are those of transformers' tokenizers.
    """

    backend_tokenizer: Tokenizer
    model_max_length: int | float
    padding_side: Literal["left", "right"]
    truncation_side: Literal["left", "right"]
    model_input_names: tuple[str, ...]
    is_fast: bool = True
    chat_template: None = None

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """The ids of a text."""
        ids: list[int] = self.backend_tokenizer.encode(text, add_special_tokens=add_special_tokens).ids
        return ids

    def __call__(self, first: str, second: str | None = None, *, return_token_type_ids: bool = False) -> dict[str, Any]:
        """A text or a pair with its special tokens."""
        encoding = self.backend_tokenizer.encode(first, second)
        types = {"token_type_ids": encoding.type_ids} if return_token_type_ids else {}
        return {"input_ids": encoding.ids, **types}

    def get_vocab(self) -> dict[str, int]:
        """Every token's id."""
        vocabulary: dict[str, int] = self.backend_tokenizer.get_vocab()
        return vocabulary


def plain_tokenizer(folder: Folder) -> PlainTokenizer | None:
    """The tokenizer of a folder; None where only transformers can tell what it is."""
    stated = folder.json("tokenizer_config.json")
    kind = tokenizer_class(str(folder.config.get("model_type")), stated.get("tokenizer_class"))
    has_more = folder.has(*_OTHER_FILES) or (folder.path / "additional_chat_templates").exists()
    if kind is None or has_more or not folder.has("tokenizer.json") or not _are_usual(stated, kind):
        return None
    try:
        raw = Tokenizer.from_file(str(folder.file("tokenizer.json")))
    except Exception:  # noqa: BLE001 - the library raises nothing more precise
        return None
    settings = {**kind.defaults, **{key: value for key, value in stated.items() if value is not None}}
    if raw.padding is not None:
        settings.setdefault("pad_token", raw.padding["pad_token"])  # which transformers then adds as a special one
    sides = _sides(raw, settings)
    if sides is None or not _knows_its_specials(raw, folder, settings) or not kind.is_what(raw, settings):
        return None
    raw.no_truncation()
    raw.no_padding()
    names = tuple(settings.get("model_input_names", kind.input_names))
    return PlainTokenizer(raw, settings.get("model_max_length", _NO_LIMIT), *sides, names)


def _are_usual(stated: Settings, kind: TokenizerClass) -> bool:
    return all(_is_usual(key, value, kind) for key, value in stated.items())


def _is_usual(key: str, value: object, kind: TokenizerClass) -> bool:
    if value is None:
        may_be_null = {*_HARMLESS, *_FLAGS, *_EMPTY, *_SPECIALS} - {*_NEVER_NULL, *kind.defaults}
        return key in may_be_null
    if key in _EMPTY:
        return not value
    if key in _SPECIALS:
        is_token = isinstance(value, str) or (isinstance(value, dict) and value.get("__type") == "AddedToken")
        return is_token and isinstance(content_of(value), str)
    return type(value) in _HARMLESS.get(key, _FLAGS.get(key, ()))


def _sides(raw: Tokenizer, settings: Settings) -> tuple[Literal["left", "right"], Literal["left", "right"]] | None:
    """Where padding and truncation go: as stated, else as in tokenizer.json."""
    padding, truncation = raw.padding or {}, raw.truncation or {}
    sides = (
        settings.get("padding_side", padding.get("direction", "right")),
        settings.get("truncation_side", truncation.get("direction", "right")),
    )
    return sides if set(sides) <= {"left", "right"} else None


def _knows_its_specials(raw: Tokenizer, folder: Folder, settings: Settings) -> bool:
    """Whether tokenizer.json has every special token that the other files name, as they describe it."""
    added: dict[int, AddedToken] = raw.get_added_tokens_decoder()
    specials = {token.content for token in added.values() if token.special}
    if not all(content_of(settings[name]) in specials for name in _SPECIALS if name in settings):
        return False
    if "added_tokens_decoder" in settings:
        described = {str(number): _as_dict(token) for number, token in added.items()}
        return bool(settings["added_tokens_decoder"] == described)
    legacy = folder.json("special_tokens_map.json")
    return all(
        name in _SPECIALS and content_of(token) == content_of(settings.get(name)) for name, token in legacy.items()
    )


def _as_dict(token: AddedToken) -> dict[str, object]:
    flags = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")
    return {flag: getattr(token, flag) for flag in flags}
