"""Whose scores a job takes: any model, any service, any scorer that looks at each document by itself."""

from pathlib import Path

from secondpass.adapters.lazy import scorer_of
from secondpass.arguments import check_kind
from secondpass.options import ModelOptions
from secondpass.ranking import Scorer, unwrapped
from secondpass.ranking.scorer_checks import check_pointwise, check_raises_failures


def checked_scorer(
    model: str | Path | None, scorer: Scorer | None, options: ModelOptions | None, *, share: bool = True
) -> Scorer:
    """The scorer that a job's arguments mean; loads nothing.

    Args:
        model: Hub id, local folder, the name of a bundled model, or the http(s) URL of a service.
        scorer: Anything that scores, instead of a model.
        options: How to load the model; None takes every default.
        share: Use the process's one model of these options.

    Raises:
        InputError: There is not exactly one of `model` and `scorer`, or the scorer's scores depend on what else is
            scored, as a cascade's do, or are made up where a service fails.
    """
    check_kind("options", options, ModelOptions)
    if scorer is not None:
        check_pointwise(scorer, "what is scored together in a job is no ranking")
        check_raises_failures(scorer)
    return scorer_of(model, scorer, options, share=share)


def reads_windows(scorer: Scorer | None, options: ModelOptions | None) -> bool:
    """Whether long documents are read in windows, whose best one is told: by the options, or the scorer itself."""
    return "windows" in (getattr(options, "long_documents", None), getattr(unwrapped(scorer), "long_documents", None))
