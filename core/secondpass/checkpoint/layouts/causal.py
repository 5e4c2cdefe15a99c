"""Causal language models that judge a pair in one word, and whose files do not say how they are asked.

Qwen3-Reranker and its kin: the prompt ends where the model would answer. Which prompt that is follows from the
checkpoint's name, and from nothing else.
"""

import dataclasses

from secondpass.checkpoint.adapter import is_classifier_adapter
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.known import known_checkpoints, lookup
from secondpass.checkpoint.layouts.layout import Layout
from secondpass.checkpoint.limits import Limit
from secondpass.checkpoint.prompts import OneText, Prompt, prompt_named
from secondpass.checkpoint.ranking_model import PretrainedModel, RankingModel
from secondpass.checkpoint.st_modules import module_specs
from secondpass.checkpoint.tokenizer import AnyTokenizer, single_text_specials, tokenize_with
from secondpass.errors import CheckpointError
from secondpass.options import ModelOptions
from secondpass.tokenization.pairs import PairTokenizer


def _matches(folder: Folder) -> bool:
    """Whether config.json names a causal language model, and no adapter makes a classifier of it."""
    if is_classifier_adapter(folder):
        return False
    return any(name.endswith("ForCausalLM") for name in folder.architectures)


def prompt_of(folder: Folder) -> Prompt:
    """How this checkpoint is asked.

    Raises:
        CheckpointError: No prompt is known for it, or its files speak of another way.
    """
    specs = module_specs(folder)
    if specs:
        kinds = ", ".join(spec.kind for spec in specs)
        raise CheckpointError(
            f"{folder.name}: modules.json must list Transformer and LogitScore for a language model, got {kinds}"
        )
    known = lookup(folder.whole)  # an adapter is asked as its base is
    if known is None or known.prompt is None:
        with_prompt = [known.name for known in known_checkpoints() if known.prompt is not None]
        raise CheckpointError(
            f"{folder.name} is a causal language model ({folder.config.get('model_type')}) and no prompt is known that "
            "makes it a reranker: it has no modules.json with sentence-transformers' LogitScore; known by name, or as "
            f"a folder whose path ends in it: {', '.join(with_prompt)}"
        )
    return prompt_named(known.prompt)


def _load(folder: Folder) -> PretrainedModel:
    """The language model, reduced to the prompt's answers.

    Raises:
        CheckpointError: No prompt is known, an answer is not one token, or the weights do not fit.
    """
    from secondpass.checkpoint.language_model import load_language_model
    from secondpass.checkpoint.pretrained_tokenizer import load_tokenizer

    prompt = prompt_of(folder)
    answers = _answer_ids(load_tokenizer(folder), prompt, folder)
    return load_language_model(folder, answers, dict(enumerate(map(str, prompt.answers))))


def _pair_tokenizer(
    folder: Folder, model: RankingModel, tokenizer: AnyTokenizer, options: ModelOptions
) -> PairTokenizer:
    """Both texts in the checkpoint's prompt.

    Raises:
        InputError: max_length does not fit the checkpoint.
    """
    prompt = prompt_of(folder)
    frame = prompt.frame(tokenize_with(tokenizer), options.instruction)
    if isinstance(prompt.body, OneText):
        first, last = single_text_specials(tokenizer, folder.name)
        frame = dataclasses.replace(frame, before=frame.before + first, after=last + frame.after)
    limit = prompt.body.limit(Limit.of(folder, tokenizer, model.backbone), frame)
    length = limit.resolve(folder.name, options.max_length, prompt.body.n_fixed(frame))
    return prompt.body.tokenizer(frame, length)


def _answer_ids(tokenizer: AnyTokenizer, prompt: Prompt, folder: Folder) -> list[int]:
    ids: list[int] = []
    for answer in prompt.answers:
        tokens = [answer] if isinstance(answer, int) else tokenizer.encode(answer, add_special_tokens=False)
        if len(tokens) != 1:
            raise CheckpointError(f"{folder.name}: the answer {answer!r} must be one token, got {len(tokens)}")
        ids += tokens
    return ids


LAYOUT = Layout(_matches, _load, pair_tokenizer=_pair_tokenizer, activation=lambda folder: prompt_of(folder).activation)
