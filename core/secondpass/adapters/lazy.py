"""A model that is loaded when the first document is scored, and never travels in a pickle."""

import asyncio
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secondpass.adapters.services import is_url, scorer_at
from secondpass.adapters.sharing import load_cross_encoder, shared_cross_encoder
from secondpass.arguments import describe
from secondpass.calibration import Calibration
from secondpass.concurrency.per_process import PerProcess
from secondpass.errors import InputError, InputTypeError
from secondpass.model_names import portable_name
from secondpass.options import ModelOptions
from secondpass.ranking import RankedDocument, Readings, Scorer
from secondpass.ranking.scorer_checks import check_scorer, is_scorer

if TYPE_CHECKING:
    from secondpass.cross_encoder import CrossEncoder


class LazyCrossEncoder:
    """A `Scorer` that knows its model's name and options, and loads it on first use.

    Copies and pickles hold the name and the options (the token among them), never the weights; the names of a local
    folder and of `cache_dir` become absolute in them. Two are equal when they would load the same model in the same
    way.

    Args:
        model: Hub id, local folder, or the name of a bundled model.
        options: How to load it; None takes every default.
        share: Use the process's one model of these options; False loads one for this object alone.
    """

    def __init__(self, model: str, options: ModelOptions | None = None, *, share: bool = True) -> None:
        self._model = model
        self._options = ModelOptions() if options is None else options
        self._share = share
        self._loading = PerProcess(threading.Lock)
        self._loaded: CrossEncoder | None = None

    @property
    def model(self) -> str:
        """Hub id, local folder, or the name of a bundled model."""
        return self._model

    @property
    def options(self) -> ModelOptions:
        """How it is loaded."""
        return self._options

    @property
    def calibration(self) -> Calibration | None:
        """What makes probabilities of its logits; None where scores are in the activation's unit."""
        return self._options.calibration

    @property
    def share(self) -> bool:
        """Whether it is the process's one model of these options."""
        return self._share

    @property
    def is_loaded(self) -> bool:
        """Whether this object holds a loaded model."""
        return self._loaded is not None

    def load(self) -> "CrossEncoder":
        """The model itself, loaded now unless it is loaded; any number of threads may ask.

        Raises:
            SecondPassError: Whatever `CrossEncoder` raises while loading.
        """
        loaded = self._loaded
        if loaded is not None:
            return loaded
        with self._loading.get():
            loaded = self._loaded  # read once: `release` may come at any moment
            if loaded is None:
                load = shared_cross_encoder if self.share else load_cross_encoder
                loaded = self._loaded = load(self.model, self.options)
            return loaded

    def release(self) -> None:
        """Let go of the model; if nobody else holds it, its memory is free, on accelerators too."""
        with self._loading.get():  # a model that is just being loaded is let go of as well
            if self._loaded is None:
                return
            self._loaded = None
        from secondpass.execution.devices import free_cached_memory  # noqa: PLC0415 - imports torch, as the model did

        free_cached_memory()

    def score(self, query: str, documents: Sequence[str]) -> NDArray[np.float32]:
        """See `CrossEncoder.score`."""
        return self.load().score(query, documents)

    def predict(self, pairs: Iterable[tuple[str, str]]) -> NDArray[np.float32]:
        """See `CrossEncoder.predict`."""
        return self.load().predict(pairs)

    def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
        """See `CrossEncoder.rank`."""
        return self.load().rank(query, documents)

    def read(self, pairs: Iterable[tuple[str, str]]) -> Readings:
        """See `CrossEncoder.read`."""
        return self.load().read(pairs)

    async def ascore(self, query: str, documents: Sequence[str]) -> NDArray[np.float32]:
        """See `CrossEncoder.ascore`; loading does not block the event loop either."""
        return await (await self._aload()).ascore(query, documents)

    async def arank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
        """See `CrossEncoder.arank`; loading does not block the event loop either."""
        return await (await self._aload()).arank(query, documents)

    async def _aload(self) -> "CrossEncoder":
        loaded = self._loaded
        return loaded if loaded is not None else await asyncio.to_thread(self.load)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LazyCrossEncoder):
            return NotImplemented
        return (self.model, self.options, self.share) == (other.model, other.options, other.share)

    def __hash__(self) -> int:
        return hash((self.model, self.options, self.share))

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (portable_name(self.model), self.options.portable(), self.share)


def scorer_of(
    model: str | Path | None, scorer: Scorer | None, options: ModelOptions | None = None, *, share: bool = True
) -> Scorer:
    """The scorer that an adapter's arguments mean; loads nothing, and asks no service.

    Raises:
        InputError: There is not exactly one of `model` and `scorer`, or there are options beside a scorer or a service,
            which cannot follow them.
    """
    check_model_name(model)
    if model is None:
        if scorer is None:
            raise InputError("give model (a name or a URL) or scorer (an object), got neither")
        check_given_scorer(scorer)
        changed = () if options is None else options.given()
        if changed:
            instead = "; write scorer=Calibrated(scorer, calibration)" if "calibration" in changed else ""
            raise InputError(f"{', '.join(changed)} says how to load a model and means nothing to a scorer{instead}")
        return scorer
    if scorer is not None:
        raise InputError(f"give model or scorer, got both: {model!r} and a {type(scorer).__name__}")
    name = str(model)
    if is_url(name):
        return scorer_at(name, ModelOptions() if options is None else options)
    return LazyCrossEncoder(name, options, share=share)


def check_model_name(model: object) -> None:
    """Raise InputTypeError unless `model` is None, or a name or path as text or `Path`."""
    if model is None or isinstance(model, str | Path):
        return
    name = None if is_scorer(model) else _model_name_in(model)
    instead = "give an object that scores as scorer=..." if name is None else f"write model={name!r}"
    raise InputTypeError(f"model must be a name, got {describe(model)}: {instead}")


def check_given_scorer(scorer: object) -> Scorer:
    """The scorer; raise InputTypeError unless it is one, with what to write where it is another library's model."""
    name = None if is_scorer(scorer) else _model_name_in(scorer)
    try:
        return check_scorer(scorer)
    except InputTypeError as error:
        if name is None:
            raise
        raise InputTypeError(f"{error}; model={name!r} in place of scorer loads it") from None


def _model_name_in(value: object) -> str | None:
    """What a reranker of another library, or of a framework, calls its model; None where it does not say."""
    names = (getattr(value, attribute, None) for attribute in ("model_name", "name_or_path", "model"))
    return next((name for name in names if isinstance(name, str)), None)


def _restore(model: str, options: ModelOptions, share: bool) -> LazyCrossEncoder:  # noqa: FBT001 - pickle's order
    return LazyCrossEncoder(model, options, share=share)
