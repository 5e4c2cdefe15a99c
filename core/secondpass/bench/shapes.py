"""Models of published sizes with random weights, for machines without the checkpoints: speed needs no training."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secondpass.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# Tokens per pair that every shape is measured with, special tokens included.
MAX_LENGTH = 512

# Of a tokenizer that is made from texts: its special tokens, and its largest size, which is BERT's.
_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_VOCABULARY = 30_522


def _bert(layers: int, width: int, heads: int, model_type: str = "bert", **others: Any) -> dict[str, Any]:  # noqa: ANN401 - a config takes anything
    return {
        "model_type": model_type,
        "vocab_size": 30_522,
        "num_hidden_layers": layers,
        "hidden_size": width,
        "num_attention_heads": heads,
        "intermediate_size": 4 * width,
        **others,
    }


_QWEN3: dict[str, Any] = {
    "model_type": "qwen3",
    "vocab_size": 151_669,
    "num_hidden_layers": 28,
    "hidden_size": 1024,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 3072,
    "max_position_embeddings": 40_960,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
}

# Sizes as in the config.json of the checkpoint named beside each.
SHAPES: dict[str, dict[str, Any]] = {
    "tinybert-l2": _bert(2, 128, 2),  # cross-encoder/ms-marco-TinyBERT-L2-v2
    "minilm-l2": _bert(2, 384, 12),  # cross-encoder/ms-marco-MiniLM-L2-v2
    "minilm-l6": _bert(6, 384, 12),  # cross-encoder/ms-marco-MiniLM-L6-v2
    "minilm-l12": _bert(12, 384, 12),  # cross-encoder/ms-marco-MiniLM-L12-v2
    "electra-base": _bert(12, 768, 12, "electra", embedding_size=768),  # cross-encoder/ms-marco-electra-base
    "xlm-r-l6": _bert(  # cross-encoder/mmarco-mMiniLMv2-L6: MiniLM's width, XLM-R's vocabulary
        6, 384, 12, "xlm-roberta", vocab_size=250_002, type_vocab_size=1, max_position_embeddings=514
    ),
    "modernbert-small": _bert(  # jhu-clsp/mmBERT-small
        22, 384, 6, "modernbert", vocab_size=256_000, intermediate_size=1152, max_position_embeddings=8192
    ),
    "deberta-v3-base": _bert(  # mixedbread-ai/mxbai-rerank-base-v1
        12,
        768,
        12,
        "deberta-v2",
        vocab_size=128_100,
        type_vocab_size=0,
        layer_norm_eps=1e-7,
        relative_attention=True,
        position_buckets=256,
        max_relative_positions=-1,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
    ),
    "gte-base": _bert(  # Alibaba-NLP/gte-multilingual-reranker-base, whose layers transformers' own GTE has
        12,
        768,
        12,
        "gte",
        vocab_size=250_048,
        max_position_embeddings=8192,
        rope_parameters={"rope_type": "linear", "rope_theta": 160_000.0, "factor": 8 ** (2 / 64)},
    ),
    "qwen3-0.6b": _QWEN3,  # tomaarsen/Qwen3-Reranker-0.6B-seq-cls, given texts without a prompt
    "qwen3-reranker-0.6b": _QWEN3,  # the same, given texts in the prompt of Qwen/Qwen3-Reranker-0.6B
    "tiny": _bert(2, 32, 2, vocab_size=600),  # for trying the command out
}

# The prompts that shapes are asked with, by their names in known.toml.
_PROMPTS = {"qwen3-reranker-0.6b": "qwen3-reranker"}
# What such prompts hold that is one token of their models.
_PROMPT_SPECIALS = ("<|im_start|>", "<|im_end|>", "<think>", "</think>")
_MESSAGE = '{{ messages | selectattr("role", "eq", "ROLE") | map(attribute="content") | first }}'

# Model types that read no token types.
_WITHOUT_TYPES = ("xlm-roberta", "modernbert", "gte", "qwen3")


def save_random(shape: str, folder: Path, texts: Iterable[str], tokenizer: Path | None = None) -> None:
    """Write a checkpoint of a published size with random weights, one label and 512 tokens, the same every time.

    Args:
        shape: One of `SHAPES`.
        folder: Where to write it.
        texts: What a tokenizer takes its words from where there is none yet.
        tokenizer: A folder with a tokenizer.json; None makes a tokenizer of the texts' words.

    Raises:
        InputError: No shape has this name, or the folder has no tokenizer.json.
    """
    if shape not in SHAPES:
        raise InputError(f"shape must be one of {', '.join(SHAPES)}, got {shape!r}")
    import torch
    import transformers

    sizes = dict(SHAPES[shape])
    prompt = _prompt_of(shape)
    has_types = sizes["model_type"] not in _WITHOUT_TYPES
    fast_tokenizer = _fast_tokenizer(texts, tokenizer, prompt or "", has_types=has_types)
    if prompt is not None:
        fast_tokenizer.add_special_tokens({"additional_special_tokens": list(_PROMPT_SPECIALS)})
        roles = {role: _MESSAGE.replace("ROLE", role) for role in ("query", "document")}
        fast_tokenizer.chat_template = prompt.format(**roles)
    ids = {f"{name}_token_id": getattr(fast_tokenizer, f"{name}_token_id") for name in ("pad", "cls", "sep")}
    sizes |= ids | {"bos_token_id": ids["cls_token_id"], "eos_token_id": ids["sep_token_id"], "num_labels": 1}
    sizes["vocab_size"] = max(sizes["vocab_size"], len(fast_tokenizer))
    config = transformers.AutoConfig.for_model(**sizes)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModelForSequenceClassification.from_config(config)
    model.save_pretrained(folder)
    fast_tokenizer.save_pretrained(folder)


def _prompt_of(shape: str) -> str | None:
    """A format string of query and document; None where the shape is asked without a prompt."""
    from secondpass.checkpoint.prompts import OneText, prompt_named

    if shape not in _PROMPTS:
        return None
    prompt = prompt_named(_PROMPTS[shape])
    if not isinstance(prompt.body, OneText):
        raise TypeError(f"the prompt of {shape} has no single text")
    pieces = (*prompt.before, prompt.body.text, prompt.body.ending, *prompt.after)
    return "".join(pieces).replace("{instruction}", prompt.instruction)


def _fast_tokenizer(
    texts: Iterable[str], folder: Path | None, prompt: str, *, has_types: bool
) -> "PreTrainedTokenizerFast":
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    if folder is None:
        raw = _word_tokenizer(texts, prompt)
    elif (folder / "tokenizer.json").is_file():
        raw = Tokenizer.from_file(str(folder / "tokenizer.json"))
    else:
        raise InputError(f"tokenizer must be a folder with a tokenizer.json, got '{folder}'")
    names = {
        role: next((name for name in choices if raw.token_to_id(name) is not None), None)
        for role, choices in {
            "pad_token": ("[PAD]", "<pad>"),
            "unk_token": ("[UNK]", "<unk>"),
            "cls_token": ("[CLS]", "<s>"),
            "sep_token": ("[SEP]", "</s>"),
        }.items()
    }
    missing = [role for role, name in names.items() if name is None]
    if missing:
        raise InputError(f"tokenizer must know BERT's or RoBERTa's special tokens, got '{folder}' without {missing[0]}")
    raw.no_truncation()
    raw.no_padding()
    inputs = ["input_ids", "token_type_ids", "attention_mask"] if has_types else ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=MAX_LENGTH, model_input_names=inputs, **names)


def _word_tokenizer(texts: Iterable[str], prompt: str) -> Any:  # noqa: ANN401 - tokenizers carries no types
    """WordPiece over the most frequent words, those of the prompt, and all characters.

    Not by a trainer: these break ties differently every time.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    normalizer, splitter = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()

    def split(text: str) -> list[str]:
        return [word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))]

    counts, asked = Counter(word for text in texts for word in split(text)), split(prompt)
    characters = sorted({character for word in (*counts, *asked) for character in word})
    pieces = [*_SPECIALS, *characters, *(f"##{character}" for character in characters), *asked]
    words = sorted(counts, key=lambda word: (-counts[word], word))
    vocabulary = list(dict.fromkeys([*pieces, *words]))[:_VOCABULARY]
    raw = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(vocabulary)}, unk_token="[UNK]"))  # noqa: S106 - a token, not a password
    raw.normalizer, raw.pre_tokenizer = normalizer, splitter
    specials = [(name, raw.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=specials
    )
    return raw
