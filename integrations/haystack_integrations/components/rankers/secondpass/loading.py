"""How a component loads its model, lets go of it, and is copied and pickled with it or without."""

import asyncio
import dataclasses
from typing import Any, Final

from haystack.utils import Secret

from haystack_integrations.components.rankers.secondpass.parameters import model_options
from haystack_integrations.components.rankers.secondpass.request import Selection
from secondpass.adapters.held_model import HeldModel
from secondpass.adapters.lazy import check_model_name, scorer_of
from secondpass.adapters.services import is_url
from secondpass.model_names import portable_name
from secondpass.options import ActivationName
from secondpass.ranking import Loadable, Scorer

# What the rankers of Haystack take when no model is named.
DEFAULT_MODEL: Final = "cross-encoder/ms-marco-MiniLM-L-6-v2"

# In the state of copies and pickles, the name by which the model is found from any working folder.
_FOUND_AS: Final = "_found_as"

# Where Haystack looks for the hub's token; a service never gets it.
HUB_TOKEN: Final = Secret.from_env_var(["HF_API_TOKEN", "HF_TOKEN"], strict=False)


class LoadsModel:
    """What a component with the parameters of `SecondPassRanker` does with its model, which each of its copies holds.

    A pickle holds none, nor the token that one was loaded with. It may be read in another working folder, so it also
    knows by which name a local folder is found from there.
    """

    model: str | None
    scorer: Scorer | None
    token: Secret | None
    share_model: bool
    _held: HeldModel

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

    def _model_name(self) -> str:
        """The model by its name; the default's where none is named."""
        check_model_name(self.model)
        return DEFAULT_MODEL if self.model is None else str(self.model)

    def __getstate__(self) -> dict[str, object]:
        """The parameters, the model that is held, and the name that finds it from any working folder."""
        found_as = None if self.model is None else portable_name(str(self.model))
        return {**self.__dict__, "_held": self._held.copy(), _FOUND_AS: found_as}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become what was copied or pickled; a folder keeps its name where that still names it."""
        self.__dict__.update({name: value for name, value in state.items() if name != _FOUND_AS})
        found_as = state[_FOUND_AS]
        if found_as is not None and portable_name(str(self.model)) != found_as:
            self.model = found_as
