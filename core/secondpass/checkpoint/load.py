"""One checkpoint, whole: its networks, how it reads pairs, which label counts, and the unit of its scores."""

from dataclasses import dataclass
from typing import Literal

from secondpass.checkpoint import labels, score_activation
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.known import lookup
from secondpass.checkpoint.layouts import layout_of
from secondpass.checkpoint.pair_reading import side
from secondpass.checkpoint.ranking_model import RankingModel
from secondpass.checkpoint.score_activation import ScoreActivation
from secondpass.checkpoint.source import Source
from secondpass.checkpoint.tokenizer import load_tokenizer
from secondpass.errors import CheckpointError
from secondpass.options import ActivationName
from secondpass.tokenization.pairs import PairTokenizer


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything a score needs.

    Args:
        name: What the user called it.
        folder: Where its files are.
        layout: Which layout it has.
        model: The networks, in float32 on the CPU.
        encode: Pairs to tokens.
        max_length: Tokens of a pair, specials included.
        label: The column of the logits that means relevant.
        activation: Relevance logit to score.
        padding_side: Where the model expects padding, should it need any.
    """

    name: str
    folder: Folder
    layout: str
    model: RankingModel
    encode: PairTokenizer
    max_length: int
    label: int
    activation: ScoreActivation
    padding_side: Literal["left", "right"]


def load_checkpoint(
    source: Source,
    *,
    max_length: int | None = None,
    activation_name: ActivationName | None = None,
    label: int | str | None = None,
) -> Checkpoint:
    """A checkpoint and how to score with it; what the caller leaves open, the checkpoint decides.

    Args:
        source: Where it is.
        max_length: Tokens of a pair, specials included; None: the checkpoint's own limit.
        activation_name: "identity" or "sigmoid"; None: the checkpoint's own.
        label: Index or name of the relevant label; None: resolved.

    Raises:
        CheckpointError: It cannot be scored the way its authors meant.
        InputError: An argument does not fit the checkpoint.
    """
    folder = source.folder()
    folder.require_config()
    known = lookup(folder)
    if known is not None and known.kind == "bi-encoder":
        raise CheckpointError(f"{folder.name} is a bi-encoder and has no head for pairs; use secondpass.BiEncoder")
    layout = layout_of(folder, known)
    model = layout.load(folder, source)
    n_labels = len(model.labels)
    tokenizer_base = known.tokenizer if known is not None and known.tokenizer is not None else layout.tokenizer(folder)
    tokenizer = load_tokenizer(folder, source, known_base=tokenizer_base)
    if model.backbone.config.pad_token_id is None:
        # Classifiers on causal models find a text's last token by it and refuse batches without.
        model.backbone.config.pad_token_id = tokenizer.pad_token_id
    reading = layout.read(folder, model, tokenizer, max_length)
    return Checkpoint(
        name=source.name,
        folder=folder,
        layout=layout.name,
        model=model,
        encode=reading.encode,
        max_length=reading.max_length,
        label=(
            labels.requested(label, n_labels, model.labels)
            if label is not None
            else labels.of_checkpoint(folder.name, n_labels, model.labels, known.label if known else None)
        ),
        activation=(
            score_activation.of_checkpoint(folder, n_labels, layout.activation)
            if activation_name is None
            else ScoreActivation(activation_name)
        ),
        padding_side=side(tokenizer.padding_side),
    )
