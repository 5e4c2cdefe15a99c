"""A sparse encoder that learned from MS MARCO's judgements: the part of the teacher that knows web questions.

The weight of a term in a text is the maximum, over the text's tokens, of log(1 + relu(logit)) of a masked language
model (Formal et al., 2021, arXiv:2107.05720); the score of a pair is the dot product of both texts' weights.
"""

from pathlib import Path

import torch
from scipy.sparse import csr_matrix, vstack
from torch import Tensor
from transformers import AutoTokenizer, BertForMaskedLM

# Tokens per text, and texts at a time.
MAX_LENGTH, BATCH = 256, 32


class SparseEncoder:
    """SPLADE-tiny.

    Args:
        folder: A BERT with its masked language model's head, and its tokenizer.
    """

    def __init__(self, folder: Path) -> None:
        self._model = BertForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        # Memory for the logits of one text: to ask the system for so much for each takes longer than to fill it.
        self._logits = torch.empty(MAX_LENGTH, self._model.config.vocab_size)

    @torch.inference_mode()
    def encode(self, texts: list[str]) -> csr_matrix:
        """The weight of each term in each text, at least 0. Shape: (n_texts, vocabulary)."""
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        rows = []
        for first in range(0, len(order), BATCH):
            batch = self._tokenizer(
                [texts[index] for index in order[first : first + BATCH]],
                padding=True,
                truncation=True,
                max_length=MAX_LENGTH,
                return_tensors="pt",
            )
            head = self._model.cls.predictions
            states = head.transform(self._model.bert(**batch).last_hidden_state)
            for own, mask in zip(states, batch["attention_mask"].bool(), strict=True):
                tokens = own[mask]
                logits = self._logits[: len(tokens)]
                torch.addmm(head.decoder.bias, tokens, head.decoder.weight.T, out=logits)
                rows.append(csr_matrix(term_weights(logits)[None].numpy()))
        place = [0] * len(order)
        for row, index in enumerate(order):
            place[index] = row
        return vstack(rows, format="csr")[place]


def term_weights(logits: Tensor) -> Tensor:
    """The weight of each term in a text; the logarithm, which keeps the order, is taken of the largest logits alone.

    Args:
        logits: Of each word of the vocabulary in each token's place. Shape: (n_tokens, ..., vocabulary).

    Returns:
        Shape: (..., vocabulary).
    """
    return logits.amax(dim=0).relu().log1p()
