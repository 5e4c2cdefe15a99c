"""Small adapters as peft saves them, with weights that move every score."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from checkpoints import randomise
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

# The layers of attention under the names of every architecture that is tested.
ATTENTION = r".*\.(query|value|q_lin|v_lin|query_proj|value_proj|q_proj|v_proj|Wqkv|attn\.(q|v))"


def lora(**settings: Any) -> Any:
    """Settings of a LoRA adapter of a classifier."""
    from peft import LoraConfig

    return LoraConfig(**{"task_type": "SEQ_CLS", "target_modules": ATTENTION, "r": 2, "lora_alpha": 3} | settings)


def save_adapter(
    folder: Path, base: Path, settings: Any, *, auto: Any = AutoModelForSequenceClassification, **config: Any
) -> Path:
    """An adapter of `base` with random weights, alone in its folder."""
    from peft import get_peft_model

    adapted = get_peft_model(auto.from_pretrained(base, **config), settings)
    learned = [weight for _, weight in adapted.named_parameters() if weight.requires_grad]
    randomise(torch.nn.ParameterList(learned), seed=1)
    adapted.save_pretrained(folder)
    return folder


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change the weights of an adapter on disk."""
    state = load_file(folder / "adapter_model.safetensors")
    change(state)
    save_file(state, folder / "adapter_model.safetensors", metadata={"format": "pt"})


def logits_of(adapted: Any, base: Path, pairs: Sequence[tuple[str, str]]) -> torch.Tensor:
    """What a classifier of peft's gives each pair by itself. Shape: (n_pairs, n_labels)."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    adapted.eval()
    with torch.inference_mode():
        outputs = [adapted(**tokenizer(*pair, return_tensors="pt")).logits for pair in pairs]
    return torch.cat(outputs)


def load_applied(base: Path, folder: Path, **config: Any) -> Any:
    """A base with its adapter beside it, unmerged, as peft loads it."""
    from peft import PeftModel

    return PeftModel.from_pretrained(AutoModelForSequenceClassification.from_pretrained(base, **config), folder)
