"""What makes tokens of (query, document) pairs, as a checkpoint reads them, and how many at most."""

from secondpass.checkpoint.backbone_facts import n_token_types
from secondpass.checkpoint.chat_template import ChatTemplate, chat_template_of
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.limits import Limit
from secondpass.checkpoint.ranking_model import RankingModel
from secondpass.checkpoint.stored_prompts import default_prompt, stored_prompts
from secondpass.checkpoint.tokenizer import AnyTokenizer, gives_types, pair_template, side, tokenize_with
from secondpass.errors import InputError
from secondpass.options import ModelOptions
from secondpass.tokenization.pairs import PairTokenizer, TwoTextTokenizer
from secondpass.tokenization.prompts import PromptTokenizer, fixed_ending


def pair_tokenizer_of(
    folder: Folder, model: RankingModel, tokenizer: AnyTokenizer, options: ModelOptions
) -> PairTokenizer:
    """Through the checkpoint's chat template where its files say so, else as two texts.

    Raises:
        CheckpointError: The tokenizer does not build such pairs, or nothing states a limit.
        InputError: max_length or instruction does not fit the checkpoint.
    """
    limit = Limit.of(folder, tokenizer, model.backbone)
    template = chat_template_of(folder, tokenizer)
    if template is None:
        return _two_texts(folder, model, tokenizer, limit, options)
    return _chat(folder, template, limit, options)


def _two_texts(
    folder: Folder, model: RankingModel, tokenizer: AnyTokenizer, limit: Limit, options: ModelOptions
) -> PairTokenizer:
    """Two texts with special tokens around them, as nearly all checkpoints read."""
    if options.instruction is not None and not stored_prompts(folder):
        raise InputError(_without_place(folder))
    template = pair_template(tokenizer, with_types=_reads_types(model, tokenizer))
    length = limit.resolve(folder.name, options.max_length, template.n_special)
    return TwoTextTokenizer(
        tokenize_with(tokenizer),
        template,
        length,
        prompt=_prompt(folder, options),
        truncation_side=side(tokenizer.truncation_side),
        odd_to_first=not tokenizer.is_fast,
    )


def _chat(folder: Folder, template: ChatTemplate, limit: Limit, options: ModelOptions) -> PairTokenizer:
    """One text, of which truncation never takes what the template puts behind the last message."""
    tokenizer = template.tokenizer
    if options.instruction is not None and not template.takes_instruction():
        raise InputError(_without_place(folder))
    write = template.instructed(_prompt(folder, options))
    write.check(folder.name)
    tokenize = tokenize_with(tokenizer)
    length = limit.resolve(folder.name, options.max_length, int(tokenize([write("", "")]).lengths[0]))
    ending = fixed_ending(write.ending(tokenize))
    return PromptTokenizer(tokenize, (), write, ending, (), length, side(tokenizer.truncation_side))


def _reads_types(model: RankingModel, tokenizer: AnyTokenizer) -> bool:
    """Token types count where the tokenizer makes them and the model reads more than one."""
    return n_token_types(model.backbone) > 1 and gives_types(tokenizer)


def _prompt(folder: Folder, options: ModelOptions) -> str:
    return default_prompt(folder) if options.instruction is None else options.instruction


def _without_place(folder: Folder) -> str:
    return f"instruction must be left out for {folder.name}: what it reads has no place for one"
