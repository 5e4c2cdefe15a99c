"""Causal language models that judge a pair in one word: Qwen3-Reranker and its kin.

The prompt ends where the model would answer; the logits of its two answers are a head of two labels. The prompt is
part of how a checkpoint was trained, so each needs its own below.
"""

from dataclasses import dataclass

import torch
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedTokenizerBase

from secondpass.checkpoint.adapter import is_classifier_adapter
from secondpass.checkpoint.config import load_config
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.known import known_checkpoints, lookup
from secondpass.checkpoint.layouts.layout import Layout
from secondpass.checkpoint.limits import Limit
from secondpass.checkpoint.pair_reading import PairReading
from secondpass.checkpoint.ranking_model import RankingModel, SplitModel
from secondpass.checkpoint.st_modules import module_specs
from secondpass.checkpoint.tokenizer import load_tokenizer, tokenize_with
from secondpass.checkpoint.weights import backbone_of, load_pretrained
from secondpass.encoder.pooling import Pooling
from secondpass.errors import CheckpointError
from secondpass.tokenization.pairs import PromptTokenizer


@dataclass(frozen=True, slots=True)
class Prompt:
    """How a causal reranker is asked.

    Args:
        before: Prompt ahead of the texts.
        body: The texts, `{query}` and `{document}`.
        after: Prompt behind the texts, up to the answer.
        answers: The words whose logits are compared: not relevant, relevant.
        max_length: Tokens its authors use, the prompt included.
    """

    before: str
    body: str
    after: str
    answers: tuple[str, str]
    max_length: int


# By the names in known.toml. Qwen3: the code on the cards of Qwen/Qwen3-Reranker-0.6B, -4B and -8B.
PROMPTS = {
    "qwen3-reranker": Prompt(
        before=(
            "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
            'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
        ),
        body=(
            "<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n"
            "<Query>: {query}\n<Document>: {document}"
        ),
        after="<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
        answers=("no", "yes"),
        max_length=8192,
    ),
}


def _matches(folder: Folder) -> bool:
    """Whether config.json names a causal language model, and no adapter makes a classifier of it."""
    if is_classifier_adapter(folder):
        return False
    architectures = folder.config.get("architectures") or []
    return any(str(name).endswith("ForCausalLM") for name in architectures)


def prompt_of(folder: Folder) -> Prompt:
    """How this checkpoint is asked.

    Raises:
        CheckpointError: No prompt is known for it.
    """
    if any(spec.kind == "LogitScore" for spec in module_specs(folder)):
        raise CheckpointError(
            f"{folder.name}: modules.json lists LogitScore, whose chat template and answers cannot be read yet"
        )
    known = lookup(folder.whole)  # an adapter is asked as its base is
    if known is None or known.prompt is None:
        with_prompt = [known.name for known in known_checkpoints() if known.prompt is not None]
        raise CheckpointError(
            f"{folder.name} is a causal language model ({folder.config.get('model_type')}) and no prompt is known that "
            f"makes it a reranker; known by name, or as a folder whose path ends in it: {', '.join(with_prompt)}"
        )
    return PROMPTS[known.prompt]


def _load(folder: Folder) -> RankingModel:
    """The transformer, and the two answers' rows of its language-model head.

    Raises:
        CheckpointError: No prompt is known, an answer is not one token, or the weights do not fit.
    """
    prompt = prompt_of(folder)
    answers = _token_ids(load_tokenizer(folder), prompt.answers, folder)
    model = load_pretrained(AutoModelForCausalLM, folder, load_config(folder))
    rows = model.get_output_embeddings().weight.detach()[answers]
    head = nn.Linear(rows.shape[1], len(answers), bias=False, dtype=torch.float32)
    with torch.no_grad():
        head.weight.copy_(rows)
    return SplitModel(backbone_of(model), Pooling.LAST, head.eval(), dict(enumerate(prompt.answers)))


def _read(
    folder: Folder, model: RankingModel, tokenizer: PreTrainedTokenizerBase, max_length: int | None
) -> PairReading:
    """Both texts in the checkpoint's prompt.

    Raises:
        InputError: max_length does not fit the checkpoint.
    """
    prompt = prompt_of(folder)
    before, after = (tuple(tokenizer.encode(t, add_special_tokens=False)) for t in (prompt.before, prompt.after))
    limit = Limit.of(folder, tokenizer, model.backbone).at_most(prompt.max_length)
    length = limit.resolve(folder.name, max_length, len(before) + len(after))
    return PairReading(PromptTokenizer(tokenize_with(tokenizer), before, prompt.body, after, length), length)


def _token_ids(tokenizer: PreTrainedTokenizerBase, words: tuple[str, ...], folder: Folder) -> list[int]:
    ids = [tokenizer.encode(word, add_special_tokens=False) for word in words]
    for word, tokens in zip(words, ids, strict=True):
        if len(tokens) != 1:
            raise CheckpointError(f"{folder.name}: the answer {word!r} must be one token, got {len(tokens)}")
    return [tokens[0] for tokens in ids]


LAYOUT = Layout(_matches, _load, _read)
