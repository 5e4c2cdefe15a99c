"""Small random checkpoints in the layouts that people publish.

Weights are drawn wide enough that every part of a network moves its scores: with transformers' own initialisation a
lost token type or a wrong position would vanish in rounding.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from checkpoint_texts import CORPUS
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

Builder = Callable[[Path], Path]

SMALL: dict[str, Any] = {
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "intermediate_size": 40,
}


def randomise(model: nn.Module, seed: int = 0) -> None:
    """Fill a model with weights that matter, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            is_norm = parameter.dim() == 1 and name.endswith("weight")
            parameter.copy_(1 + 0.2 * noise if is_norm else 0.25 * noise)


def save(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, **config: Any) -> Path:
    """A checkpoint as `save_pretrained` writes it, with more entries in its config.json."""
    randomise(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    edit_json(folder / "config.json", **config)
    return folder


def edit_json(file: Path, **changes: Any) -> None:
    """Set (or with None remove) entries of a JSON object on disk."""
    values = json.loads(file.read_text()) if file.exists() else {}
    values.update(changes)
    file.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))


def write_weights(folder: Path, state: dict[str, torch.Tensor]) -> None:
    """Replace a checkpoint's safetensors."""
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def to_bin(folder: Path) -> Path:
    """Turn a checkpoint's safetensors into pytorch_model.bin."""
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def with_code(folder: Path) -> Path:
    """Let a BERT classifier be scored by code beside it, which doubles its logits."""
    (folder / "modeling.py").write_text(
        "from transformers import BertForSequenceClassification\n\n\n"
        "class Doubled(BertForSequenceClassification):\n"
        "    def forward(self, input_ids, attention_mask, token_type_ids, **others):\n"
        "        output = super().forward(input_ids, attention_mask, token_type_ids, **others)\n"
        "        output.logits = 2 * output.logits\n"
        "        return output\n"
    )
    edit_json(folder / "config.json", auto_map={"AutoModelForSequenceClassification": "modeling.Doubled"})
    return folder


def wordpiece(*, lower: bool = True, max_length: int = 512) -> PreTrainedTokenizerBase:
    """A BERT tokenizer over a small vocabulary, the same in every run: whole words, and pieces for all others."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    # The trainer of WordPiece numbers its pieces by a hash table's order, which differs between processes.
    trainer = trainers.BpeTrainer(vocab_size=230, show_progress=False)
    raw.train_from_iterator([text.lower() if lower else text for text in CORPUS], trainer)
    numbered: dict[str, int] = raw.get_vocab()
    pieces = sorted(numbered, key=numbered.__getitem__)
    return transformers.BertTokenizer(
        vocab=vocabulary([*pieces, *(f"##{piece}" for piece in pieces)]),
        do_lower_case=lower,
        model_max_length=max_length,
    )


def vocabulary(tokens: Sequence[str]) -> dict[str, int]:
    """BERT's special tokens and these, numbered in this order."""
    return {token: index for index, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *tokens])}


def byte_bpe(template: str, specials: list[str], max_length: int = 512) -> PreTrainedTokenizerBase:
    """A byte-level BPE tokenizer with the given template for pairs."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(CORPUS, trainer)
    first, second = template.split("|")
    raw.post_processor = processors.TemplateProcessing(
        single=first, pair=first + " " + second, special_tokens=[(s, raw.token_to_id(s)) for s in specials]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token=specials[1] if specials[0].startswith("<s") else specials[0],
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask"],
    )


def roberta_tokenizer(max_length: int = 512) -> PreTrainedTokenizerBase:
    return byte_bpe("<s> $A </s>|</s> $B </s>", ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], max_length)


def modernbert_tokenizer(max_length: int = 512) -> PreTrainedTokenizerBase:
    return byte_bpe("[CLS] $A [SEP]|$B [SEP]", ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"], max_length)


def words(tokens: Sequence[str]) -> PreTrainedTokenizerBase:
    """A BERT tokenizer that knows these words."""
    return transformers.BertTokenizer(vocab=vocabulary(tokens), model_max_length=512)


def bert(
    folder: Path,
    *,
    n_labels: int = 1,
    max_length: int = 512,
    tokenizer: PreTrainedTokenizerBase | None = None,
    **config: Any,
) -> Path:
    tokenizer = tokenizer or wordpiece(max_length=max_length)
    values = SMALL | {"vocab_size": len(tokenizer), "num_labels": n_labels} | config
    return save(folder, transformers.BertForSequenceClassification(transformers.BertConfig(**values)), tokenizer)


def confident(folder: Path) -> Path:
    """A BERT whose logits are near 30, where their sigmoid is 1 in single precision."""
    state = load_file(bert(folder) / "model.safetensors")
    state["classifier.bias"] += 30
    write_weights(folder, state)
    return folder


def electra(folder: Path, *, n_labels: int = 1, **config: Any) -> Path:
    tokenizer = wordpiece()
    values = SMALL | {"vocab_size": len(tokenizer), "num_labels": n_labels, "embedding_size": 16} | config
    return save(folder, transformers.ElectraForSequenceClassification(transformers.ElectraConfig(**values)), tokenizer)


def roberta(folder: Path, *, xlm: bool = False, **config: Any) -> Path:
    tokenizer = roberta_tokenizer()
    values = SMALL | {
        "vocab_size": len(tokenizer),
        "num_labels": 1,
        "type_vocab_size": 1,
        "pad_token_id": 1,
        "max_position_embeddings": 130,
    }
    kind = "XLMRoberta" if xlm else "Roberta"
    made = getattr(transformers, f"{kind}Config")(**(values | config))
    return save(folder, getattr(transformers, f"{kind}ForSequenceClassification")(made), tokenizer)


def xlm_roberta(folder: Path, **config: Any) -> Path:
    return roberta(folder, xlm=True, **config)


def distilbert(folder: Path, **config: Any) -> Path:
    tokenizer = wordpiece()
    values: dict[str, Any] = {
        "dim": 24,
        "n_layers": 3,
        "n_heads": 3,
        "hidden_dim": 40,
        "vocab_size": len(tokenizer),
        "num_labels": 1,
    }
    made = transformers.DistilBertConfig(**(values | config))
    return save(folder, transformers.DistilBertForSequenceClassification(made), tokenizer)


def modernbert(folder: Path, *, pooling: str = "cls", **config: Any) -> Path:
    tokenizer = modernbert_tokenizer()
    values = SMALL | {
        "vocab_size": len(tokenizer),
        "num_labels": 1,
        "classifier_pooling": pooling,
        "local_attention": 16,
        "global_attn_every_n_layers": 3,
        "pad_token_id": 0,
        "cls_token_id": 1,
        "sep_token_id": 2,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "max_position_embeddings": 400,
    }
    made = transformers.ModernBertConfig(**(values | config))
    return save(folder, transformers.ModernBertForSequenceClassification(made), tokenizer)


def modernbert_mean(folder: Path) -> Path:
    return modernbert(folder, pooling="mean")


def deberta_v2(folder: Path, **config: Any) -> Path:
    tokenizer = modernbert_tokenizer()
    values = SMALL | {"vocab_size": len(tokenizer), "num_labels": 1}
    made = transformers.DebertaV2Config(
        **values,
        type_vocab_size=0,
        relative_attention=True,
        position_biased_input=False,
        pos_att_type=["p2c", "c2p"],
        max_position_embeddings=512,
        **config,
    )
    return save(folder, transformers.DebertaV2ForSequenceClassification(made), tokenizer)


def mpnet(folder: Path) -> Path:
    tokenizer = roberta_tokenizer()
    values = SMALL | {"vocab_size": len(tokenizer), "num_labels": 1}
    made = transformers.MPNetConfig(**values, max_position_embeddings=130, pad_token_id=1)
    return save(folder, transformers.MPNetForSequenceClassification(made), tokenizer)


def bert_cat(folder: Path) -> Path:
    """BERT_Cat as its authors' class saves it: inner config nested, inner weights under `bert_model.`."""
    tokenizer = wordpiece()
    inner = transformers.DistilBertConfig(dim=24, n_layers=2, n_heads=3, hidden_dim=40, vocab_size=len(tokenizer))
    model = transformers.DistilBertModel(inner)
    head = nn.Linear(24, 1)
    randomise(model, 1)
    randomise(head, 2)
    state = {f"bert_model.{name}": tensor for name, tensor in model.state_dict().items()}
    state |= {f"_classification_layer.{name}": tensor for name, tensor in head.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state, folder / "pytorch_model.bin")
    config = {"model_type": "BERT_Cat", "architectures": ["BERT_Cat"], "bert_model": inner.to_dict()}
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer.save_pretrained(folder)
    return folder


def capreolus(folder: Path) -> Path:
    """The checkpoint whose authors read `out_proj(CLS)`; known by its name."""
    return electra(folder / "Capreolus" / "electra-base-msmarco", n_labels=2)


def qwen3_tokenizer() -> PreTrainedTokenizerBase:
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>", "yes", "no"]
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=500,
            special_tokens=specials[:5],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    raw.add_tokens(specials[5:])
    return PreTrainedTokenizerFast(tokenizer_object=raw, pad_token=specials[0], eos_token=specials[2])


def qwen3_reranker(folder: Path) -> Path:
    """A causal language model under the name by which its prompt is known."""
    return qwen3(folder / "Qwen" / "Qwen3-Reranker-0.6B")


def qwen3(folder: Path) -> Path:
    """A plain causal language model."""
    tokenizer = qwen3_tokenizer()
    made = transformers.Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        intermediate_size=40,
        max_position_embeddings=600,
        tie_word_embeddings=True,
    )
    return save(folder, transformers.Qwen3ForCausalLM(made), tokenizer)


def base_transformer(folder: Path) -> Path:
    """A BERT without any head, as bi-encoders build on."""
    tokenizer = wordpiece(max_length=128)
    return save(folder, transformers.BertModel(transformers.BertConfig(**SMALL, vocab_size=len(tokenizer))), tokenizer)


CLASSIFIERS: dict[str, Builder] = {
    "bert": bert,
    "electra": electra,
    "roberta": roberta,
    "xlm_roberta": xlm_roberta,
    "distilbert": distilbert,
    "modernbert": modernbert,
    "modernbert_mean": modernbert_mean,
    "deberta_v2": deberta_v2,
    "mpnet": mpnet,
}
