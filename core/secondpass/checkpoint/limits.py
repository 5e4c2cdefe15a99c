"""How many tokens of a pair a checkpoint reads."""

from dataclasses import dataclass, replace
from typing import Literal, Self

from secondpass.arguments import check_count, describe
from secondpass.checkpoint.backbone_facts import AnyBackbone, readable_tokens, stated_tokens
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.tokenizer import AnyTokenizer
from secondpass.errors import CheckpointError, InputError

# transformers writes 1e30 for "no limit stated".
_UNSTATED = 10**9


@dataclass(frozen=True, slots=True)
class Limit:
    """A checkpoint's limits in tokens, specials included.

    Args:
        stated: What it is used with: what sentence-transformers' settings say, and no more than it can read; else what
            the tokenizer says, and no more than the config does; None where nothing says.
        positions: What it can read at all; None where its positions have no end.
        source: Where `stated` stands, for messages.
    """

    stated: int | None
    positions: int | None
    source: str = ""

    @classmethod
    def of(cls, folder: Folder, tokenizer: AnyTokenizer, backbone: AnyBackbone) -> Self:
        """The limits of a checkpoint.

        Args:
            folder: Where its files are.
            tokenizer: Its tokenizer.
            backbone: Its transformer.

        Raises:
            CheckpointError: A file states something that is not a number of tokens.
        """
        file, settings = folder.transformer_settings()
        positions = readable_tokens(backbone)
        stated: dict[str, object]
        if settings.get("max_seq_length") is None:
            stated = {
                "config.json: max_position_embeddings": stated_tokens(backbone),
                "tokenizer_config.json: model_max_length": tokenizer.model_max_length,
            }
        else:  # it takes the place of both, larger or smaller, as far as there are positions
            stated = {
                f"{file}: max_seq_length": settings["max_seq_length"],
                "config.json: max_position_embeddings": positions,
            }
        limits = {source: _tokens(folder.name, source, value) for source, value in stated.items() if value is not None}
        smallest = min(limits, key=lambda source: limits[source], default="")
        if not smallest or limits[smallest] >= _UNSTATED:
            return cls(None, positions)
        return cls(limits[smallest], positions, smallest)

    def at_most(self, length: int) -> "Limit":
        """These limits, used with `length` tokens at most."""
        return self if self.stated is not None and self.stated <= length else replace(self, stated=length, source="")

    def resolve(
        self, name: str, max_length: int | None, n_special: int, *, unit: Literal["pair", "text"] = "pair"
    ) -> int:
        """The length in force.

        Args:
            name: The checkpoint, for messages.
            max_length: What the caller asked for; None for the checkpoint's own.
            n_special: Tokens of a pair that are not text.
            unit: What is read: a pair, or a text by itself.

        Raises:
            InputError: max_length is above the model's positions, or leaves no room for text.
            CheckpointError: Neither the caller nor the checkpoint says, or the checkpoint leaves no room for text.
        """
        if max_length is None:
            if self.stated is None:
                raise CheckpointError(f"{name} states no maximum length: pass max_length=")
            if self.stated <= n_special:
                raise CheckpointError(
                    f"{name}: {self.source} must be above the {n_special} special tokens of a {unit}, got "
                    f"{self.stated}; pass max_length= to score it all the same"
                )
            return self.stated
        check_count("max_length", max_length)
        if self.positions is not None and max_length > self.positions:
            raise InputError(
                f"max_length must be at most the {self.positions} tokens {name} can read, got {max_length}"
            )
        if max_length <= n_special:
            raise InputError(f"max_length must be above the {n_special} special tokens of a {unit}, got {max_length}")
        return max_length


def _tokens(name: str, source: str, value: object) -> int:
    """A number of tokens as a file states it; a float, such as 1e30, where it is a whole number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise CheckpointError(f"{name}: {source} must be an integer, got {describe(value)}")
    return value
