"""How a component loads its model, and lets go of it."""

import asyncio
import dataclasses
from abc import abstractmethod
from typing import Final

from haystack.utils import Secret

from haystack_integrations.components.rankers.secondpass.copies import HoldsModel
from haystack_integrations.components.rankers.secondpass.parameters import model_options
from haystack_integrations.components.rankers.secondpass.request import Selection
from secondpass.adapters.lazy import scorer_of
from secondpass.adapters.services import is_url
from secondpass.options import ActivationName
from secondpass.ranking import Loadable, Scorer

# Where Haystack looks for the hub's token; a service never gets it.
HUB_TOKEN: Final = Secret.from_env_var(["HF_API_TOKEN", "HF_TOKEN"], strict=False)


class LoadsModel(HoldsModel):
    """What a component with the parameters of `SecondPassRanker` does with its model."""

    scorer: Scorer | None
    token: Secret | None
    share_model: bool

    @abstractmethod
    def _model_name(self) -> str:
        """The model by its name; the default's where none is named."""

    def warm_up(self) -> None:
        """Load the model, unless it is loaded; a `scorer` that can load its own does so."""
        scorer = self._scorer()
        if isinstance(scorer, Loadable):
            scorer.load()

    async def warm_up_async(self) -> None:
        """What `warm_up` does, without blocking the event loop."""
        await asyncio.to_thread(self.warm_up)

    def close(self) -> None:
        """Let go of the model; its memory is free when no other adapter shares it. The next run loads it again.

        A `scorer` stays as it is: others may be using it.
        """
        self._held.release()

    async def close_async(self) -> None:
        """What `close` does, without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def _scorer(self, selection: Selection | None = None) -> Scorer:
        """What scores, by what the parameters and this run say now; a model that they still name stays loaded."""
        if selection is None:
            selection = Selection.of(vars(self))
        options = model_options(vars(self))
        if self.scorer is not None:
            return scorer_of(self.model, self.scorer, options)
        # The token is asked for once, when it is needed: what it comes from may be gone later.
        name, share, token = self._model_name(), self.share_model, self.token
        if is_url(name) and token == HUB_TOKEN:
            token = None
        # The head's own number, because scaling is a choice of each run; a calibration is none, and a service scales.
        is_raw = options.calibration is None and not selection.is_scaled
        unit: ActivationName | None = "identity" if is_raw else None

        def make() -> Scorer:
            secret = None if token is None else token.resolve_value()
            return scorer_of(name, None, dataclasses.replace(options, activation=unit, token=secret), share=share)

        return self._held.get((name, options, token, share), make, unit=unit)
