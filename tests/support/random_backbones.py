"""Small random transformers models of every architecture, and their own forward as the reference."""

from collections.abc import Callable, Sequence
from functools import cache

import torch
import transformers
from torch import Tensor
from transformers import PreTrainedModel

from secondpass.encoder import (
    Capabilities,
    PackedEncoder,
    Pooling,
    Precision,
    RoundingTexts,
    TokenBatch,
    packed_encoder,
)
from secondpass.encoder.pooling import CAUSAL_PACKED_POOLINGS, PACKED_POOLINGS
from secondpass.execution.devices import capabilities_of

VOCABULARY = 97
POSITIONS = 200

CPU: Capabilities = capabilities_of(torch.device("cpu"))
_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 36,
    "num_attention_heads": 3,
    "num_hidden_layers": 3,
    "intermediate_size": 50,
    "max_position_embeddings": POSITIONS,
}
_DISTILBERT: dict[str, object] = {"dim": 36, "n_heads": 3, "n_layers": 3, "hidden_dim": 50}
_MODERNBERT: dict[str, object] = {
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "cls_token_id": 1,
    "sep_token_id": 2,
}

# As DeBERTa-v3, with so few buckets that the longest texts go past the largest distance.
DEBERTA: dict[str, object] = {
    "relative_attention": True,
    "position_buckets": 16,
    "max_relative_positions": 40,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": "p2c|c2p",
    "position_biased_input": False,
}
# Gates multiply rounding errors from layer to layer, in transformers' own forward too: two layers keep them small.
_GTE: dict[str, object] = {
    "rope_parameters": {"rope_type": "default", "rope_theta": 20_000.0},
    "num_hidden_layers": 2,
}

# Name -> model type and what its config changes.
MODELS: dict[str, tuple[str, dict[str, object]]] = {
    "bert": ("bert", {}),
    "bert-odd-head": ("bert", {"hidden_size": 35, "num_attention_heads": 5, "hidden_act": "tanh"}),
    "bert-wide-head": ("bert", {"hidden_size": 48}),
    "bert-one-layer": ("bert", {"num_hidden_layers": 1, "hidden_act": "silu"}),
    "bert-eps": ("bert", {"layer_norm_eps": 0.1, "pad_token_id": 7, "type_vocab_size": 3}),
    "electra-narrow": ("electra", {"embedding_size": 20, "hidden_act": "gelu_new"}),
    "electra-even": ("electra", {"embedding_size": 36}),
    "roberta": ("roberta", {"pad_token_id": 1, "type_vocab_size": 1}),
    "xlmr-pad-5": ("xlm-roberta", {"pad_token_id": 5, "type_vocab_size": 1}),
    "xlmr-two-types": ("xlm-roberta", {"pad_token_id": 1, "hidden_act": "gelu_pytorch_tanh"}),
    "deberta-v3": ("deberta-v2", DEBERTA),
    "deberta-wide-head": (
        "deberta-v2",
        DEBERTA | {"hidden_size": 48, "position_buckets": 64, "max_relative_positions": 100},
    ),
    "deberta-own-projections": ("deberta-v2", DEBERTA | {"share_att_key": False, "type_vocab_size": 2}),
    "deberta-c2p": ("deberta-v2", DEBERTA | {"pos_att_type": ["c2p"], "norm_rel_ebd": "none", "hidden_act": "silu"}),
    "deberta-p2c": ("deberta-v2", DEBERTA | {"pos_att_type": ["p2c"], "share_att_key": False}),
    "deberta-every-distance": ("deberta-v2", DEBERTA | {"position_buckets": -1, "max_relative_positions": -1}),
    "deberta-clamped": ("deberta-v2", DEBERTA | {"position_buckets": -1, "max_relative_positions": 20}),
    "deberta-narrow": ("deberta-v2", DEBERTA | {"embedding_size": 20, "position_biased_input": True}),
    "deberta-absolute": ("deberta-v2", {"num_hidden_layers": 2, "layer_norm_eps": 0.1}),
    "deberta-one-layer": ("deberta-v2", DEBERTA | {"num_hidden_layers": 1}),
    "distilbert": ("distilbert", _DISTILBERT),
    "gte": ("gte", _GTE),
    "gte-scaled": (
        "gte",
        _GTE | {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e5, "factor": 1.4}, "type_vocab_size": 2},
    ),
    "gte-wide-head": ("gte", _GTE | {"hidden_size": 48, "type_vocab_size": 0, "hidden_act": "relu"}),
    "distilbert-relu": ("distilbert", _DISTILBERT | {"activation": "relu"}),
    "modernbert": ("modernbert", _MODERNBERT | {"local_attention": 16}),
    "modernbert-wide": ("modernbert", _MODERNBERT | {"local_attention": 128, "num_hidden_layers": 5}),
    "modernbert-wide-head": ("modernbert", _MODERNBERT | {"hidden_size": 48, "local_attention": 16}),
    "modernbert-biases": (
        "modernbert",
        _MODERNBERT
        | {"local_attention": 8, "norm_bias": True, "attention_bias": True, "mlp_bias": True, "num_hidden_layers": 2},
    ),
    "modernbert-global": ("modernbert", _MODERNBERT | {"global_attn_every_n_layers": 1, "hidden_activation": "silu"}),
}

_CAUSAL: dict[str, object] = {"num_key_value_heads": 3, "num_hidden_layers": 2}
QWEN3 = _CAUSAL | {"num_attention_heads": 6, "head_dim": 10}
CAUSAL_MODELS: dict[str, tuple[str, dict[str, object]]] = {
    "qwen3": ("qwen3", QWEN3),
    "qwen3-ungrouped": ("qwen3", _CAUSAL | {"head_dim": 12}),
    "qwen3-wide-head": ("qwen3", _CAUSAL | {"num_key_value_heads": 1, "head_dim": 16, "attention_bias": True}),
    "qwen3-one-layer": ("qwen3", _CAUSAL | {"num_attention_heads": 6, "head_dim": 4, "num_hidden_layers": 1}),
    "qwen2": ("qwen2", _CAUSAL | {"num_key_value_heads": 1}),
    "llama": ("llama", _CAUSAL | {"attention_bias": True, "mlp_bias": True, "rms_norm_eps": 0.1}),
    "llama-scaled": (
        "llama",
        _CAUSAL
        | {
            "rope_parameters": {"rope_type": "linear", "type": "linear", "rope_theta": 1e5, "factor": 1.4},
            "hidden_act": "gelu",
        },
    ),
}
MODELS |= CAUSAL_MODELS

# Every model with the poolings that its packed form has.
CASES = [
    (name, pooling)
    for name in MODELS
    for pooling in (CAUSAL_PACKED_POOLINGS if name in CAUSAL_MODELS else PACKED_POOLINGS)
]


def random_model(model_type: str, **options: object) -> PreTrainedModel:
    """A base model as transformers initialises it, of small sizes unless `options` say otherwise."""
    config = transformers.AutoConfig.for_model(model_type, **(_SIZES | options))
    model: PreTrainedModel = transformers.AutoModel.from_config(config)
    model.eval()
    return model


@cache
def backbone(name: str) -> PreTrainedModel:
    """A model whose states differ from token to token, so that a wrong mask or position shows. Not to be changed."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model_type, options = MODELS[name]
        model = random_model(model_type, **options)
        with torch.no_grad():
            for parameter_name, parameter in model.named_parameters():
                if "norm" in parameter_name.lower():
                    parameter.add_(torch.randn_like(parameter) * 0.2)
                else:
                    parameter.normal_(std=1.0 if "embed" in parameter_name else 0.3)
    return model


def random_batch(model: PreTrainedModel, lengths: Sequence[int], *, seed: int = 0, device: str = "cpu") -> TokenBatch:
    generator = torch.Generator().manual_seed(seed)
    n_tokens = sum(lengths)
    n_types = max(1, getattr(model.config, "type_vocab_size", 1))
    ids = torch.randint(8, VOCABULARY, (n_tokens,), generator=generator)
    type_ids = torch.randint(0, n_types, (n_tokens,), generator=generator)
    return TokenBatch(ids.to(device), type_ids.to(device), tuple(lengths))


def packed_form(
    model: PreTrainedModel,
    *,
    precision: Precision,
    pooling: Pooling,
    capabilities: Capabilities,
    rounding_texts: RoundingTexts | None = None,
) -> PackedEncoder | None:
    """The packed encoder of a base model, which stays as it is."""
    return packed_encoder(
        model.config,
        {name: parameter.detach() for name, parameter in model.named_parameters()},
        precision=precision,
        pooling=pooling,
        capabilities=capabilities,
        rounding_texts=rounding_texts,
    )


def rounding_texts(
    model: PreTrainedModel, scores: Callable[[Tensor], Tensor] = lambda pooled: pooled[:, :0]
) -> RoundingTexts:
    """What rounding is measured on; without scores no order can be lost, so that every part is rounded."""
    return RoundingTexts(random_batch(model, (40,) * 16, seed=1), scores)


def reference(model: PreTrainedModel, batch: TokenBatch, pooling: Pooling) -> Tensor:
    """transformers' own forward, one pair at a time and unpadded; on the CPU."""
    pooled = []
    ids, types = batch.ids.split(batch.lengths), batch.type_ids.split(batch.lengths)
    for pair_ids, pair_types in zip(ids, types, strict=True):
        inputs = {"input_ids": pair_ids[None], "attention_mask": torch.ones_like(pair_ids)[None]}
        if hasattr(model.config, "type_vocab_size"):
            inputs["token_type_ids"] = pair_types[None]
        with torch.inference_mode():
            states = model(**inputs).last_hidden_state[0]
        match pooling:
            case Pooling.CLS:
                pooled.append(states[0])
            case Pooling.LAST:
                pooled.append(states[-1])
            case _:
                pooled.append(states.mean(dim=0))
    return torch.stack(pooled)
