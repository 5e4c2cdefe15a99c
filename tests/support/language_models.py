"""Small random causal language models with tokenizers of the kinds that published rerankers have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers
from checkpoint_texts import CORPUS
from checkpoints import SMALL, save
from sentence_transformers import CrossEncoder as Reference
from sentence_transformers.base.modules import Transformer
from sentence_transformers.cross_encoder.modules import LogitScore
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

# Words that have to be one token each, as in the vocabularies of the published models.
ANSWERS = "yes no Yes No 0 1"
TEXTS = [
    *CORPUS,
    *[ANSWERS, ANSWERS.replace(" ", "\n")] * 50,
    "<Instruct>: <Query>: <Document>: ??\nA: B: query: document:",
]
# How Qwen's tokenizers split texts: punctuation takes line breaks that follow it along, so that texts tokenised apart
# and then joined are not tokenised as a whole is.
_QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
GEMMA_SPECIALS = ["<pad>", "<eos>", "<bos>"]


def qwen_tokenizer() -> PreTrainedTokenizerBase:
    """Byte-level BPE in Qwen's manner, without special tokens around a text."""
    raw = Tokenizer(models.BPE())
    raw.normalizer = normalizers.NFC()
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_QWEN_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=560,
        special_tokens=QWEN_SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token=QWEN_SPECIALS[0], eos_token=QWEN_SPECIALS[2], model_max_length=131_072
    )


def gemma_tokenizer() -> PreTrainedTokenizerBase:
    """BPE over whole texts with byte fallback in Gemma's manner, `<bos>` ahead of a text."""
    raw = Tokenizer(models.BPE(byte_fallback=True))
    raw.normalizer = normalizers.Replace(" ", "▁")
    raw.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=GEMMA_SPECIALS, show_progress=False)
    raw.train_from_iterator([text.replace(" ", "▁") for text in TEXTS], trainer)
    raw.add_tokens(fallback)
    raw.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos> $B", special_tokens=[("<bos>", raw.token_to_id("<bos>"))]
    )
    specials = dict(zip(("pad_token", "eos_token", "bos_token"), GEMMA_SPECIALS, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=10**30, **specials)


_SHAPE: dict[str, Any] = SMALL | {
    "hidden_size": 32,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 900,
}


def _model(name: str, tokenizer: PreTrainedTokenizerBase, **config: Any) -> transformers.PreTrainedModel:
    made = getattr(transformers, f"{name}Config")(
        **(_SHAPE | {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id} | config)
    )
    model: transformers.PreTrainedModel = getattr(transformers, f"{name}ForCausalLM")(made)
    return model


def qwen2(folder: Path) -> Path:
    tokenizer = qwen_tokenizer()
    return save(folder, _model("Qwen2", tokenizer, tie_word_embeddings=True), tokenizer)


def qwen3(folder: Path) -> Path:
    tokenizer = qwen_tokenizer()
    return save(folder, _model("Qwen3", tokenizer, tie_word_embeddings=False), tokenizer)


def llama(folder: Path) -> Path:
    tokenizer = qwen_tokenizer()
    return save(folder, _model("Llama", tokenizer, tie_word_embeddings=False), tokenizer)


def gemma(folder: Path) -> Path:
    tokenizer = gemma_tokenizer()
    return save(folder, _model("Gemma", tokenizer), tokenizer)


def gemma2(folder: Path) -> Path:
    """Its logits are soft-capped; low enough here to change them all."""
    tokenizer = gemma_tokenizer()
    model = _model("Gemma2", tokenizer, final_logit_softcapping=2.0, sliding_window=16, query_pre_attn_scalar=8)
    return save(folder, model, tokenizer)


def gemma3(folder: Path) -> Path:
    tokenizer = gemma_tokenizer()
    made = transformers.Gemma3TextConfig(
        **_SHAPE,
        vocab_size=len(tokenizer),
        sliding_window=16,
        query_pre_attn_scalar=8,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    )
    return save(folder, transformers.Gemma3ForCausalLM(made), tokenizer)


def cohere(folder: Path) -> Path:
    """Its logits are scaled."""
    tokenizer = qwen_tokenizer()
    return save(folder, _model("Cohere", tokenizer, logit_scale=0.3), tokenizer)


def phi(folder: Path) -> Path:
    """Its head has a bias."""
    tokenizer = qwen_tokenizer()
    return save(folder, _model("Phi", tokenizer, tie_word_embeddings=False), tokenizer)


LANGUAGE_MODELS: dict[str, Callable[[Path], Path]] = {
    "qwen2": qwen2,
    "qwen3": qwen3,
    "llama": llama,
    "gemma": gemma,
    "gemma2": gemma2,
    "gemma3": gemma3,
    "cohere": cohere,
    "phi": phi,
}

_CONTENT = '{{ messages | selectattr("role", "eq", "ROLE") | map(attribute="content") | first | default("DEFAULT") }}'


def content(role: str, default: str = "") -> str:
    """A template's expression for what the message of this role holds."""
    return _CONTENT.replace("ROLE", role).replace("DEFAULT", default)


# The place of each text differs: what truncation takes away, too.
DOCUMENT_LAST = (
    f"<|im_start|>system\nAnswer yes or no.<|im_end|>\n<Instruct>: {content('system', 'Is it relevant?')}\n"
    f"<Query>: {content('query')}\n<Document>: {content('document')}<|im_end|>\n<|im_start|>assistant\n"
)
QUERY_LAST = f"{content('system')}<Document>: {content('document')}\n<Query>: {content('query')} ??"
NOTHING_BEHIND = f"<Query>: {content('query')}\n<Document>: {content('document')}"
PARTS = (
    "{% for m in messages %}{{ m.role }}: {{ m.content[0].text | trim }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def with_template(folder: Path, template: str) -> Path:
    """The folder, its tokenizer now with this chat template."""
    (folder / "chat_template.jinja").write_text(template)
    return folder


def logit_score(base: Path, folder: Path, *, false: str | None = "no", true: str = "yes", **transformer: Any) -> Path:
    """A reranker as sentence-transformers saves one that scores with the logits of tokens."""
    module = Transformer(str(base), transformer_task="text-generation", **transformer)
    assert module.tokenizer is not None
    ids = [
        None if word is None else module.tokenizer.encode(word, add_special_tokens=False)[-1] for word in (true, false)
    ]
    assert ids[0] is not None
    Reference(modules=[module, LogitScore(ids[0], ids[1])], device="cpu").save_pretrained(str(folder))
    return folder


def sequence_classifier(folder: Path, name: str = "Qwen3") -> Path:
    """A classifier on a causal transformer, its tokenizer with a chat template."""
    tokenizer = qwen_tokenizer()
    made = getattr(transformers, f"{name}Config")(
        **_SHAPE, vocab_size=len(tokenizer), num_labels=1, pad_token_id=tokenizer.pad_token_id
    )
    return save(folder, getattr(transformers, f"{name}ForSequenceClassification")(made), tokenizer)
