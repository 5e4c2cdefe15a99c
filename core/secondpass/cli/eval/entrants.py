"""What takes part in `secondpass eval`: models, in their ways to read, and cascades of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from secondpass.cli.loading import load_quietly
from secondpass.options import ModelOptions

if TYPE_CHECKING:
    from secondpass import Calibration, Cascade, CrossEncoder, Scorer


@dataclass(frozen=True, slots=True)
class Entrant:
    """A model in one of its ways to read, or a cascade.

    Args:
        name: What the results call it.
        models: The model's name; those of a cascade in their order.
        options: How they are loaded.
        rereads: The name of the entrant before it whose truncated documents alone it reads again; None reads all.
        keep: What goes on from stage to stage of a cascade; nothing for a model.
        calibrations: What makes probabilities of the models' logits, one each; none leaves scores as they are.
    """

    name: str
    models: Sequence[str]
    options: ModelOptions
    rereads: str | None = None
    keep: Sequence[float] = ()
    calibrations: "Sequence[Calibration]" = ()

    @property
    def is_cascade(self) -> bool:
        """Whether it is several models in a row."""
        return bool(self.keep)

    @property
    def score_map(self) -> "Calibration | None":
        """What makes probabilities of the scores; None where nothing does, or they are some, as a cascade's."""
        return None if self.is_cascade or not self.calibrations else self.calibrations[0]

    def load(self) -> "CrossEncoder | Cascade":
        """What scores: logits where a model has a calibration, for probabilities may be equal where logits differ.

        Raises:
            InputError: A calibration is another model's.
        """
        from secondpass import Calibrated, Cascade

        models = [load_quietly(model, self.options) for model in self.models]
        if not self.is_cascade:
            if self.score_map is not None:
                self.score_map.check_model(models[0].fingerprint())
            return models[0]
        stages: list[Scorer] = [*models]
        if self.calibrations:
            stages = [Calibrated(model, of_model) for model, of_model in zip(models, self.calibrations, strict=True)]
        return Cascade(stages, keep=self.keep[0] if len(self.keep) == 1 else self.keep)


def entrants(
    models: Sequence[str],
    options: ModelOptions,
    *,
    both_ways: bool,
    keeps: Sequence[Sequence[float]],
    calibrations: "Sequence[Calibration]",
) -> list[Entrant]:
    """All that take part.

    Args:
        models: Their names.
        options: How they are loaded.
        both_ways: Each model twice: with documents truncated, and then in windows. Then there are no cascades and no
            calibrations, for one fits one way to read.
        keeps: What goes on from stage to stage in each cascade of the models, in their order.
        calibrations: Those of the models' logits, in their order; none leaves scores as they are.
    """
    if both_ways:
        return _in_both_ways(models, options)
    if calibrations:
        options = replace(options, activation="identity")
    alone = [
        Entrant(model, (model,), options, calibrations=calibrations[number : number + 1])
        for number, model in enumerate(models)
    ]
    cascades = [
        Entrant(
            "-".join(["cascade-keep", *map(str, keep)]), tuple(models), options, keep=keep, calibrations=calibrations
        )
        for keep in keeps
    ]
    return alone + cascades


def _in_both_ways(models: Sequence[str], options: ModelOptions) -> list[Entrant]:
    truncating = replace(options, long_documents="truncate", window_overlap=None, window_aggregation="max")
    return [
        entrant
        for model in models
        for entrant in (
            Entrant(f"{model}, truncated", (model,), truncating),
            Entrant(f"{model}, windows", (model,), options, rereads=f"{model}, truncated"),
        )
    ]
