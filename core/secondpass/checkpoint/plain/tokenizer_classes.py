"""Classes of transformers' tokenizers: what each builds from tokenizer_config.json, held against tokenizer.json."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

Settings: TypeAlias = Mapping[str, Any]
"""Those of tokenizer_config.json that are not null, with the class's defaults."""


@dataclass(frozen=True, slots=True)
class TokenizerClass:
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
_BERT = TokenizerClass(
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
_DISTILBERT = TokenizerClass(_is_bert, _BERT.defaults)
_ROBERTA = TokenizerClass(_is_roberta, {**_ROBERTA_SPECIALS, "add_prefix_space": False, "trim_offsets": True})
_XLM_ROBERTA = TokenizerClass(_is_xlm_roberta, {**_ROBERTA_SPECIALS, "add_prefix_space": True})
_AS_IT_IS = TokenizerClass(_keeps_file, {})
_BERT_KINDS = {"BertTokenizer": _BERT, "DistilBertTokenizer": _DISTILBERT}
# By model_type, as AutoTokenizer finds the class; classes that take the file as it is stand for all of these.
_KINDS: dict[str, dict[str, TokenizerClass]] = {
    "bert": _BERT_KINDS,
    "distilbert": _BERT_KINDS,
    "electra": _BERT_KINDS,
    "roberta": {"RobertaTokenizer": _ROBERTA},
    "xlm-roberta": {"XLMRobertaTokenizer": _XLM_ROBERTA},
    "camembert": {},
    "modernbert": {},
}
_GENERIC = ("PreTrainedTokenizerFast", "TokenizersBackend")


def tokenizer_class(model_type: str, stated_class: object) -> TokenizerClass | None:
    """The class that AutoTokenizer takes; None where that is another one, or hard to tell."""
    if model_type not in _KINDS or not isinstance(stated_class, str):
        return None
    if stated_class in _GENERIC:
        return _AS_IT_IS
    return _KINDS[model_type].get(stated_class.removesuffix("Fast"))


def content_of(token: object) -> object:
    """The text of a token, which may be described beside it."""
    return token.get("content") if isinstance(token, dict) else token


def _has_specials_in_vocabulary(raw: Tokenizer) -> bool:
    """Whether every added token is a word of the vocabulary, so that adding it once more gives it the same number."""
    return all(raw.model.token_to_id(token.content) == n for n, token in raw.get_added_tokens_decoder().items())


def _token(settings: Settings, name: str) -> str:
    return str(content_of(settings[name]))


def _numbered(raw: Tokenizer, token: str) -> tuple[str, int]:
    """A token that is there, and its id."""
    number = raw.token_to_id(token)
    if number is None:
        raise KeyError(token)
    return token, number


def _same(part: Any, other: Any) -> bool:  # noqa: ANN401 - the library's parts share no typed base
    """Whether two parts of tokenizers are written in the same way."""
    return type(part) is type(other) and json.loads(part.__getstate__()) == json.loads(other.__getstate__())
