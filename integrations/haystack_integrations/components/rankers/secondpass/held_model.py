"""The model that a component holds: the one its parameters asked for, as long as they ask for it."""

import threading
from collections.abc import Callable
from typing import Any, Final

from secondpass.concurrency.per_process import PerProcess
from secondpass.model_names import portable_name
from secondpass.ranking import Loadable, Scorer

# Shared by all components, because one with a lock could not be copied or pickled; held for an assignment only.
_LOCK: Final = PerProcess(threading.Lock)
# In the state of copies and pickles, the name by which the model is found from any working folder.
_FOUND_AS: Final = "_found_as"


class HeldModel:
    """A model, here or at a service, and the parameters that asked for it; empty at first. Threads may share one."""

    def __init__(self) -> None:
        self._held: tuple[Scorer, object] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is none."""
        return self._held is None

    def get(self, parameters: object, make: Callable[[], Scorer]) -> Scorer:
        """The model of these parameters, from `make()` unless it is held."""
        held = self._held
        if held is not None and held[1] == parameters:
            return held[0]
        model = make()
        with _LOCK.get():
            if self._held is None or self._held[1] != parameters:
                self._held = model, parameters
            return self._held[0]

    def copy(self) -> "HeldModel":
        """One that holds the same model and lets go of it by itself."""
        copied = HeldModel()
        copied._held = self._held
        return copied

    def release(self) -> None:
        """Let go of the model, if there is one."""
        with _LOCK.get():
            held, self._held = self._held, None
        if held is not None and isinstance(held[0], Loadable):
            held[0].release()


class HoldsModel:
    """What copies and pickles of a component are made of: each holds its model by itself.

    A pickle may be read in another working folder, so it also knows by which name a local folder is found from there.
    """

    model: str | None
    _held: HeldModel

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
