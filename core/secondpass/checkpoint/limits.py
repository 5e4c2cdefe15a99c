"""How many tokens of a pair a checkpoint reads."""

from dataclasses import dataclass
from typing import Self

from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from secondpass.arguments import check_count
from secondpass.checkpoint.folder import Folder
from secondpass.errors import CheckpointError, InputError

# transformers writes 1e30 for "no limit stated".
_UNSTATED = 10**9


@dataclass(frozen=True, slots=True)
class Limit:
    """A checkpoint's limits in tokens, specials included.

    Args:
        stated: What it is used with: the smallest of what tokenizer, sentence-transformers' settings and positions
            allow; None where nothing says.
        positions: What it can read at all; None where its positions have no end.
    """

    stated: int | None
    positions: int | None

    @classmethod
    def of(cls, folder: Folder, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> Self:
        """The limits of a checkpoint."""
        rows = getattr(model.config, "max_position_embeddings", None)
        positions = rows - position_offset(model) if isinstance(rows, int) and rows > 0 else None
        setting = folder.json("sentence_bert_config.json").get("max_seq_length")
        limits = [limit for limit in (tokenizer.model_max_length, setting, positions) if limit is not None]
        stated = min((int(limit) for limit in limits if limit < _UNSTATED), default=None)
        return cls(stated, positions)

    def at_most(self, length: int) -> "Limit":
        """These limits, used with `length` tokens at most."""
        return Limit(length if self.stated is None else min(self.stated, length), self.positions)

    def resolve(self, name: str, max_length: int | None, n_special: int) -> int:
        """The length in force.

        Args:
            name: The checkpoint, for messages.
            max_length: What the caller asked for; None for the checkpoint's own.
            n_special: Tokens of a pair that are not text.

        Raises:
            InputError: max_length is above the model's positions, or leaves no room for text.
            CheckpointError: Neither the caller nor the checkpoint says.
        """
        if max_length is None:
            if self.stated is None:
                raise CheckpointError(f"{name} states no maximum length: pass max_length=")
            return self.stated
        check_count("max_length", max_length)
        if self.positions is not None and max_length > self.positions:
            raise InputError(
                f"max_length must be at most the {self.positions} tokens {name} can read, got {max_length}"
            )
        if max_length <= n_special:
            raise InputError(f"max_length must be above the {n_special} special tokens of a pair, got {max_length}")
        return max_length


def position_offset(model: nn.Module) -> int:
    """Positions that are never used: RoBERTa-like models count from pad_token_id + 1, so 514 positions are 512 tokens.

    They are the ones that pair a learned position table with an integer `padding_idx`.
    """
    for module in model.modules():
        padding = getattr(module, "padding_idx", None)
        if isinstance(padding, int) and isinstance(getattr(module, "position_embeddings", None), nn.Embedding):
            return padding + 1
    return 0
