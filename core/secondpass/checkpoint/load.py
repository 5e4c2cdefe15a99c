"""One checkpoint, whole: its networks, how it reads pairs, which label counts, and the unit of its scores."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from secondpass.checkpoint.backbone_facts import n_embeddings
from secondpass.checkpoint.checkpoint_files import CheckpointFiles
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.known import KnownCheckpoint, known_by_name, lookup
from secondpass.checkpoint.labels import Relevance, find_label, resolve_label
from secondpass.checkpoint.layouts import Layout, layout_of
from secondpass.checkpoint.plain.tokenizer import plain_tokenizer
from secondpass.checkpoint.ranking_model import LanguageModel, RankingModel
from secondpass.checkpoint.score_activation import ScoreActivation, resolve_activation, states_exclusive
from secondpass.checkpoint.settings import check_settings
from secondpass.checkpoint.source import find
from secondpass.checkpoint.tokenizer import AnyTokenizer, check_vocabulary, gives_types, lower_case
from secondpass.errors import CheckpointError
from secondpass.options import ModelOptions
from secondpass.tokenization.pairs import PairTokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything a score needs.

    Args:
        folder: Where its files are.
        files: Those files, as they were before the first of them was loaded.
        model: The networks, on the CPU.
        tokenize: Pairs to tokens.
        max_length: Tokens of a pair, specials included.
        relevance: Which column of the logits means relevant, and how the others count.
        activation: Relevance logit to score.
    """

    folder: Folder
    files: CheckpointFiles
    model: RankingModel
    tokenize: PairTokenizer
    max_length: int
    relevance: Relevance
    activation: ScoreActivation


def load_checkpoint(name: str, options: ModelOptions) -> Checkpoint:
    """A checkpoint and how to score with it; what the caller leaves open, the checkpoint decides.

    Args:
        name: Hub id, local folder, or the name of a bundled model.
        options: Where to look for it, and the caller's limit, instruction, label and activation; devices and
            arithmetic are not this function's business.

    Raises:
        CheckpointError: It cannot be scored the way its authors meant.
        InputError: An option does not fit the checkpoint.
    """
    _refuse_known(name, known_by_name(name))  # before anything is downloaded
    folder = find(name, options)
    folder.require_config()
    files = CheckpointFiles(folder)
    check_settings(folder)
    known = lookup(folder)
    _refuse_known(name, known)
    layout = layout_of(folder)
    model, tokenizer = _load_plain(folder, layout) or _load_pretrained(folder, layout)
    check_vocabulary(folder, tokenizer, n_embeddings(model.backbone))
    tokenize = layout.pair_tokenizer(folder, model, tokenizer, options)
    n_labels = len(model.labels)
    if options.label is None:
        label = resolve_label(folder.name, n_labels, model.labels, _known_label(known, model))
    else:
        label = find_label(options.label, n_labels, model.labels)
    if options.activation is None:
        authors = None if known is None else known.activation
        activation = resolve_activation(folder, n_labels, layout.activation(folder) if authors is None else authors)
    else:
        activation = ScoreActivation(options.activation)
    return Checkpoint(
        folder,
        files,
        model,
        tokenize,
        tokenize.max_length,
        Relevance(label, exclusive=_is_exclusive(folder, model)),
        activation,
    )


def _load_plain(folder: Folder, layout: Layout) -> tuple[RankingModel, AnyTokenizer] | None:
    """Networks and tokenizer as the files hold them; None where only transformers knows what they mean.

    That saves the seconds that its import takes, and scores are the same.
    """
    model = layout.load_plain(folder)
    tokenizer = None if model is None else plain_tokenizer(folder)
    if model is None or tokenizer is None:
        return None
    lower_case(folder, tokenizer)
    return model, tokenizer


def _load_pretrained(folder: Folder, layout: Layout) -> tuple[RankingModel, AnyTokenizer]:
    """Networks and tokenizer as transformers makes them."""
    model = layout.load(folder)
    tokenizer = tokenizer_of(folder)
    if model.backbone.config.pad_token_id is None:
        # Classifiers on causal models refuse batches without; which token they read without it, `WholeModel` says.
        model.backbone.config.pad_token_id = tokenizer.pad_token_id
    return replace(model, reads_types=gives_types(tokenizer)), tokenizer


def _is_exclusive(folder: Folder, model: RankingModel) -> bool:
    """Whether one label alone is true of a pair."""
    if isinstance(model, LanguageModel):  # its answers are one label: they count by their difference
        return True
    # An activation says it more clearly than the problem type, which sentence-transformers does not read.
    stated = states_exclusive(folder)
    return folder.config.get("problem_type") != "multi_label_classification" if stated is None else stated


def _known_label(known: KnownCheckpoint | None, model: RankingModel) -> int | None:
    """The relevant column, where its names need not say so."""
    if isinstance(model, LanguageModel):
        return len(model.labels) - 1
    return None if known is None else known.label


def tokenizer_of(folder: Folder) -> "PreTrainedTokenizerBase":
    """A checkpoint's tokenizer as transformers makes it: its own, or that of the checkpoint it was made from.

    Raises:
        CheckpointError: There is none, or it cannot be read.
    """
    from secondpass.checkpoint.pretrained_tokenizer import load_tokenizer

    known = lookup(folder)
    known_base = None if known is None else known.tokenizer
    return load_tokenizer(
        folder, known_base=layout_of(folder).tokenizer_id(folder) if known_base is None else known_base
    )


def _refuse_known(name: str, known: KnownCheckpoint | None) -> None:
    """Raise CheckpointError for a checkpoint that is known to give no score to a pair."""
    if known is not None and known.kind == "bi-encoder":
        raise CheckpointError(f"{name} is a bi-encoder and has no head for pairs; use secondpass.BiEncoder")
    if known is not None and known.refused is not None:
        raise CheckpointError(f"{name} cannot be scored: {known.refused}")
