"""A causal language model, reduced to the logits of a few answers."""

from collections.abc import Mapping, Sequence

import torch
from torch import nn
from transformers import AutoModelForCausalLM

from secondpass.checkpoint.config import load_config
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.pretrained import load_pretrained
from secondpass.checkpoint.ranking_model import LanguageModel
from secondpass.errors import CheckpointError


def load_language_model(folder: Folder, answers: Sequence[int], labels: Mapping[int, str]) -> LanguageModel:
    """The language model of a folder, whose head gives the logits of these answers and of no other token.

    What the model does with its logits (a soft cap, a scale) it does with each one alone, so the answers' logits are
    those of the whole vocabulary, and the head's other rows can be let go of.

    Args:
        folder: The checkpoint.
        answers: Vocabulary ids.
        labels: Name of each answer.

    Raises:
        CheckpointError: The weights do not fit, or its head has no row for an answer.
    """
    model = load_pretrained(AutoModelForCausalLM, folder, load_config(folder))
    whole = model.get_output_embeddings()
    if not isinstance(whole, nn.Linear):
        kind = type(whole).__name__
        raise CheckpointError(f"{folder.name}: the head of its language model must be one linear layer, got {kind}")
    for answer in answers:
        if not 0 <= answer < whole.out_features:
            raise CheckpointError(
                f"{folder.name}: an answer must be a token below {whole.out_features}, its language model's, "
                f"got {answer}"
            )
    has_bias = whole.bias is not None
    head = nn.Linear(whole.in_features, len(answers), bias=has_bias, dtype=torch.float32)
    rows = list(answers)
    with torch.no_grad():
        head.weight.copy_(whole.weight[rows])
        if has_bias:
            head.bias.copy_(whole.bias[rows])
    model.set_output_embeddings(head.eval())
    return LanguageModel(model, labels)
