"""A small random GTE reranker in the layout of Alibaba-NLP/gte-multilingual-reranker-base."""

import json
import re
from pathlib import Path
from typing import Any

import checkpoints
import transformers
from safetensors.torch import load_file

# config.json of the hub, but for the sizes.
CONFIG: dict[str, Any] = {
    "architectures": ["NewForSequenceClassification"],
    "attention_probs_dropout_prob": 0.0,
    "auto_map": {
        "AutoConfig": "Alibaba-NLP/new-impl--configuration.NewConfig",
        "AutoModel": "Alibaba-NLP/new-impl--modeling.NewModel",
        "AutoModelForSequenceClassification": "Alibaba-NLP/new-impl--modeling.NewForSequenceClassification",
    },
    "classifier_dropout": 0.0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 24,
    "id2label": {"0": "LABEL_0"},
    "initializer_range": 0.02,
    "intermediate_size": 40,
    "label2id": {"LABEL_0": 0},
    "layer_norm_eps": 1e-12,
    "layer_norm_type": "layer_norm",
    "logn_attention_clip1": False,
    "logn_attention_scale": False,
    "max_position_embeddings": 512,
    "model_type": "new",
    "num_attention_heads": 3,
    "num_hidden_layers": 3,
    "pack_qkv": True,
    "pad_token_id": 1,
    "position_embedding_type": "rope",
    "rope_scaling": {"factor": 8.0, "type": "ntk"},
    "rope_theta": 20000,
    "torch_dtype": "float16",
    "transformers_version": "4.39.1",
    "type_vocab_size": 1,
    "unpad_inputs": False,
    "use_memory_efficient_attention": False,
}


def gte(folder: Path, **config: Any) -> Path:
    """The folder; entries of `config` replace the hub's, or with None remove them."""
    tokenizer = checkpoints.roberta_tokenizer()
    stated = {key: value for key, value in (CONFIG | config).items() if value is not None}
    sizes = ("hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "type_vocab_size")
    kept = {key: stated[key] for key in sizes if key in stated}
    native = transformers.GteConfig(**kept, vocab_size=len(tokenizer), id2label={0: "LABEL_0"})
    checkpoints.save(folder, transformers.GteForSequenceClassification(native), tokenizer)
    # transformers writes GTE's weights under their authors' names, but for that of the whole.
    state = load_file(folder / "model.safetensors")
    checkpoints.write_weights(folder, {re.sub(r"^gte\.", "new.", name): tensor for name, tensor in state.items()})
    (folder / "config.json").write_text(json.dumps({"vocab_size": len(tokenizer)} | stated))
    return folder
