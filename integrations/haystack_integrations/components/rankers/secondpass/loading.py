"""How a component loads its model, and lets go of it."""

import asyncio
import dataclasses
from abc import abstractmethod

from haystack.utils import Secret

from haystack_integrations.components.rankers.secondpass.held_model import HoldsModel
from haystack_integrations.components.rankers.secondpass.parameters import model_options
from secondpass.adapters.lazy import LazyCrossEncoder, scorer_of
from secondpass.options import ActivationName
from secondpass.ranking import Loadable, Scorer


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

    def _scorer(self) -> Scorer:
        """What scores, by what the parameters say now; a model that they still name stays loaded."""
        options = model_options(vars(self))
        if self.scorer is not None:
            return scorer_of(self.model, self.scorer, options)
        # The token is asked for once, when it is needed: what it comes from may be gone later.
        name, share = self._model_name(), self.share_model

        def make() -> LazyCrossEncoder:
            token = None if self.token is None else self.token.resolve_value()
            # The head's own number, because scaling is a choice of each run; a calibration is none.
            activation: ActivationName | None = "identity" if options.calibration is None else None
            return LazyCrossEncoder(name, dataclasses.replace(options, token=token, activation=activation), share=share)

        return self._held.get((name, options, self.token, share), make)
