"""A tokenizer read from tokenizer.json, where transformers would make the very same of it.

Of some classes transformers keeps of that file little more than the vocabulary: it builds normaliser, splitting and
special tokens anew from tokenizer_config.json and from what its class says. What is read here is used only where both
agree in every part, and where the settings hold nothing else that could matter; all else is left to transformers.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

from secondpass.checkpoint.folder import Folder

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
_SPECIALS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_OTHER_FILES = ("added_tokens.json", "chat_template.jinja", "chat_template.json")
# What transformers takes for "no limit stated".
_NO_LIMIT = 10**30

Settings = Mapping[str, Any]


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
    kind = _kind_of(str(folder.config.get("model_type")), stated.get("tokenizer_class"))
    has_more = folder.has(*_OTHER_FILES) or (folder.path / "additional_chat_templates").exists()
    if kind is None or has_more or not folder.has("tokenizer.json") or not _are_usual(stated, kind):
        return None
    try:
        raw = Tokenizer.from_file(str(folder.file("tokenizer.json")))
    except Exception:  # noqa: BLE001 - the library raises nothing more precise
        return None
    settings = {**kind.defaults, **{key: value for key, value in stated.items() if value is not None}}
    sides = _sides(raw, settings)
    if sides is None or not _knows_its_specials(raw, folder, settings) or not kind.is_what(raw, settings):
        return None
    raw.no_truncation()
    raw.no_padding()
    names = tuple(settings.get("model_input_names", kind.input_names))
    return PlainTokenizer(raw, settings.get("model_max_length", _NO_LIMIT), *sides, names)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A class of transformers' tokenizers.

    Args:
        is_what: Whether the class would make this tokenizer from these settings.
        defaults: Of the settings that it reads.
        input_names: What its models read.
    """

    is_what: Callable[[Tokenizer, Settings], bool]
    defaults: Settings
    input_names: tuple[str, ...] = ("input_ids", "attention_mask")


def _is_bert(raw: Tokenizer, settings: Settings) -> bool:
    model = raw.model
    if not isinstance(model, models.WordPiece):
        return False
    cls, sep = _token(settings, "cls_token"), _token(settings, "sep_token")
    normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings["tokenize_chinese_chars"],
        strip_accents=settings.get("strip_accents"),
        lowercase=settings["do_lower_case"],
    )
    processor = processors.TemplateProcessing(
        single=f"{cls}:0 $A:0 {sep}:0",
        pair=f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
        special_tokens=[_numbered(raw, token) for token in (cls, sep)],
    )
    return (
        (model.unk_token, model.continuing_subword_prefix, model.max_input_chars_per_word)
        == (_token(settings, "unk_token"), "##", 100)
        and _same(raw.normalizer, normalizer)
        and _same(raw.pre_tokenizer, pre_tokenizers.BertPreTokenizer())
        and _same(raw.post_processor, processor)
        and _has_specials_in_vocabulary(raw)
    )


def _is_roberta(raw: Tokenizer, settings: Settings) -> bool:
    model = raw.model
    if not isinstance(model, models.BPE):
        return False
    cls, sep = _token(settings, "cls_token"), _token(settings, "sep_token")
    space, trim = settings["add_prefix_space"], settings["trim_offsets"]
    processor = processors.RobertaProcessing(_numbered(raw, sep), _numbered(raw, cls), trim, space)
    return (
        not any((model.dropout, model.continuing_subword_prefix, model.end_of_word_suffix, model.unk_token))
        and not any((model.fuse_unk, model.byte_fallback, model.ignore_merges))
        and raw.normalizer is None
        and _same(raw.pre_tokenizer, pre_tokenizers.ByteLevel(add_prefix_space=space))
        and _same(raw.post_processor, processor)
        and _has_specials_in_vocabulary(raw)
    )


def _is_xlm_roberta(raw: Tokenizer, settings: Settings) -> bool:
    model = raw.model
    if not isinstance(model, models.Unigram):
        return False
    bos, eos = _token(settings, "bos_token"), _token(settings, "eos_token")
    state = model.__getstate__()  # with all of the vocabulary, so that it is not parsed; nothing else tells these two
    scheme = "always" if settings["add_prefix_space"] else "never"
    splitting = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme=scheme)]
    )
    processor = processors.TemplateProcessing(
        single=[bos, "$A", eos],
        pair=[bos, "$A", eos, eos, "$B", eos],
        special_tokens=[_numbered(raw, token) for token in (bos, eos)],
    )
    return (
        state.startswith(b'{"type":"Unigram","unk_id":3,')
        and state.endswith(b',"byte_fallback":false}')
        and (raw.normalizer is None or isinstance(raw.normalizer, normalizers.Precompiled))
        and _same(raw.pre_tokenizer, splitting)
        and _same(raw.post_processor, processor)
        and _has_specials_in_vocabulary(raw)
    )


def _keeps_file(raw: Tokenizer, settings: Settings) -> bool:  # noqa: ARG001 - what `is_what` takes
    return raw.post_processor is not None  # else transformers makes one


_ROBERTA_SPECIALS = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "cls_token": "<s>",
    "mask_token": "<mask>",
}
_BERT = _Kind(
    _is_bert,
    {
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
        "do_lower_case": True,
        "tokenize_chinese_chars": True,
    },
    ("input_ids", "token_type_ids", "attention_mask"),
)
_DISTILBERT = _Kind(_is_bert, _BERT.defaults)
_ROBERTA = _Kind(_is_roberta, {**_ROBERTA_SPECIALS, "add_prefix_space": False, "trim_offsets": True})
_XLM_ROBERTA = _Kind(_is_xlm_roberta, {**_ROBERTA_SPECIALS, "add_prefix_space": True})
_AS_IT_IS = _Kind(_keeps_file, {})
_BERT_KINDS = {"BertTokenizer": _BERT, "DistilBertTokenizer": _DISTILBERT}
# By model_type, as AutoTokenizer finds the class; classes that take the file as it is stand for all of these.
_KINDS: dict[str, dict[str, _Kind]] = {
    "bert": _BERT_KINDS,
    "distilbert": _BERT_KINDS,
    "electra": _BERT_KINDS,
    "roberta": {"RobertaTokenizer": _ROBERTA},
    "xlm-roberta": {"XLMRobertaTokenizer": _XLM_ROBERTA},
    "camembert": {},
    "modernbert": {},
}
_GENERIC = ("PreTrainedTokenizerFast", "TokenizersBackend")


def _kind_of(model_type: str, stated_class: object) -> _Kind | None:
    if model_type not in _KINDS or not isinstance(stated_class, str):
        return None
    if stated_class in _GENERIC:
        return _AS_IT_IS
    return _KINDS[model_type].get(stated_class.removesuffix("Fast"))


def _are_usual(stated: Settings, kind: _Kind) -> bool:
    return all(_is_usual(key, value, kind) for key, value in stated.items())


def _is_usual(key: str, value: object, kind: _Kind) -> bool:
    if value is None:
        return key in (*_HARMLESS, *_FLAGS, *_EMPTY, *_SPECIALS) and key not in kind.defaults
    if key in _EMPTY:
        return not value
    if key in _SPECIALS:
        return isinstance(_content(value), str)
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
    if not all(_content(settings[name]) in specials for name in _SPECIALS if name in settings):
        return False
    if "added_tokens_decoder" in settings:
        described = {str(number): _as_dict(token) for number, token in added.items()}
        return bool(settings["added_tokens_decoder"] == described)
    legacy = folder.json("special_tokens_map.json")
    return all(name in _SPECIALS and _content(token) == _content(settings.get(name)) for name, token in legacy.items())


def _has_specials_in_vocabulary(raw: Tokenizer) -> bool:
    """Whether every added token is a word of the vocabulary, so that adding it once more gives it the same number."""
    return all(raw.model.token_to_id(token.content) == n for n, token in raw.get_added_tokens_decoder().items())


def _as_dict(token: AddedToken) -> dict[str, object]:
    flags = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")
    return {flag: getattr(token, flag) for flag in flags}


def _content(token: object) -> object:
    return token.get("content") if isinstance(token, dict) else token


def _token(settings: Settings, name: str) -> str:
    return str(_content(settings[name]))


def _numbered(raw: Tokenizer, token: str) -> tuple[str, int]:
    """A token that is there, and its id."""
    number = raw.token_to_id(token)
    if number is None:
        raise KeyError(token)
    return token, number


def _same(part: Any, other: Any) -> bool:  # noqa: ANN401 - the library's parts share no typed base
    """Whether two parts of tokenizers are written in the same way."""
    return type(part) is type(other) and json.loads(part.__getstate__()) == json.loads(other.__getstate__())
