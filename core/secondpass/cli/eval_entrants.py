"""What takes part in `secondpass eval`: models, in their ways to read, and cascades of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from secondpass.cli.loading import load_quietly
from secondpass.options import ModelOptions

if TYPE_CHECKING:
    from secondpass import Cascade, CrossEncoder


@dataclass(frozen=True, slots=True)
class Entrant:
    """A model in one of its ways to read, or a cascade.

    Args:
        name: What the results call it.
        models: The model's name; those of a cascade in their order.
        options: How they are loaded.
        rereads: The name of the entrant before it whose truncated documents alone it reads again; None reads all.
        keep: What goes on from stage to stage of a cascade; nothing for a model.
    """

    name: str
    models: Sequence[str]
    options: ModelOptions
    rereads: str | None = None
    keep: Sequence[float] = ()

    @property
    def is_cascade(self) -> bool:
        """Whether it is several models in a row."""
        return bool(self.keep)

    def load(self) -> "CrossEncoder | Cascade":
        """What scores."""
        from secondpass import Cascade

        models = [load_quietly(model, self.options) for model in self.models]
        if not self.is_cascade:
            return models[0]
        return Cascade(models, keep=self.keep[0] if len(self.keep) == 1 else self.keep)


def entrants(
    models: Sequence[str], options: ModelOptions, *, both_ways: bool, keeps: Sequence[Sequence[float]]
) -> list[Entrant]:
    """All that take part.

    Args:
        models: Their names.
        options: How they are loaded.
        both_ways: Each model twice: with documents truncated, and then in windows.
        keeps: What goes on from stage to stage in each cascade of the models, in their order.
    """
    if not both_ways:
        cascades = [
            Entrant("-".join(["cascade-keep", *map(str, keep)]), tuple(models), options, keep=keep) for keep in keeps
        ]
        return [*(Entrant(model, (model,), options) for model in models), *cascades]
    truncating = replace(options, long_documents="truncate", window_overlap=None, window_aggregation="max")
    return [
        entrant
        for model in models
        for entrant in (
            Entrant(f"{model}, truncated", (model,), truncating),
            Entrant(f"{model}, windows", (model,), options, rereads=f"{model}, truncated"),
        )
    ]
