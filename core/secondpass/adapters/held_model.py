"""The model that an adapter holds: the one its parameters asked for, as long as they ask for it."""

import threading
from collections.abc import Callable
from typing import Final

from secondpass.concurrency.per_process import PerProcess
from secondpass.ranking import Loadable, Scorer

# Shared by all adapters, because one with a lock could not be copied or pickled; held for an assignment only.
_LOCK: Final = PerProcess(threading.Lock)


class HeldModel:
    """A model, here or at a service, and the parameters that asked for it; empty at first. Threads may share one.

    Pickles and deep copies are empty: a model's options may hold a token that the adapter itself only names.
    """

    def __init__(self) -> None:
        self._held: tuple[object, dict[str | None, Scorer]] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is none."""
        return self._held is None

    def get(self, parameters: object, make: Callable[[], Scorer], *, unit: str | None = None) -> Scorer:
        """The model of these parameters, from `make()` unless it is held.

        Args:
            parameters: What asks for it; that of others is let go of.
            make: Makes it.
            unit: That of its scores, where calls may ask for one or another in turn: one is held for each.
        """
        held = self._held
        if held is not None and held[0] == parameters and unit in held[1]:
            return held[1][unit]
        model = make()
        with _LOCK.get():
            if self._held is None or self._held[0] != parameters:
                self._held = parameters, {}
            return self._held[1].setdefault(unit, model)

    def copy(self) -> "HeldModel":
        """One that holds the same model and lets go of it by itself."""
        copied = HeldModel()
        with _LOCK.get():
            copied._held = None if self._held is None else (self._held[0], dict(self._held[1]))
        return copied

    def release(self) -> None:
        """Let go of the model, if there is one."""
        with _LOCK.get():
            held, self._held = self._held, None
        for model in () if held is None else held[1].values():
            if isinstance(model, Loadable):
                model.release()

    def __reduce__(self) -> tuple[object, ...]:
        return HeldModel, ()
