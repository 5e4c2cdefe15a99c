"""What libraries that convert a network need: the network, and inputs to follow through it."""

import inspect
from typing import Any, Literal

from secondpass.bench.peers.inputs import load_tokenizer
from secondpass.bench.setting import Setting


def network_to_trace(setting: Setting, *, attention: Literal["sdpa", "eager"]) -> tuple[Any, dict[str, Any]]:
    """A checkpoint's network in float32, and example inputs in the order of its forward's parameters."""
    import torch
    from transformers import AutoModelForSequenceClassification

    network = AutoModelForSequenceClassification.from_pretrained(
        setting.model,
        dtype=torch.float32,
        attn_implementation=attention,
        trust_remote_code=setting.trust_remote_code,
    ).eval()
    # Of unlike lengths: tracing a batch without padding would leave the attention mask out of the graph.
    pairs = [("query", "a document"), ("query", "another document, longer than the first one by several words")]
    example = load_tokenizer(setting)(pairs, padding=True, return_tensors="pt")
    return network, {name: example[name] for name in inspect.signature(network.forward).parameters if name in example}
