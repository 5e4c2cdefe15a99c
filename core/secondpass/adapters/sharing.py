"""One loaded model for everybody in the process who asks for the same one."""

import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakValueDictionary

from secondpass.options import ModelOptions

if TYPE_CHECKING:
    from secondpass.cross_encoder import CrossEncoder

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class WeakCache(Generic[_K, _V]):
    """Values made on demand, once, and kept for as long as somebody else holds them.

    Any number of threads may ask. Those that ask for the same key wait for one to make the value; those that ask for
    different keys do not wait for each other. A failure is raised to whoever met it, and the next one tries anew.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._values: WeakValueDictionary[_K, _V] = WeakValueDictionary()
        self._making: WeakValueDictionary[_K, threading.Lock] = WeakValueDictionary()

    def get(self, key: _K, make: Callable[[], _V]) -> _V:
        """The value of `key`, from `make()` if nobody holds one."""
        with self._guard:
            value = self._values.get(key)
            if value is not None:
                return value
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._guard:
                value = self._values.get(key)
            if value is None:
                value = make()
                with self._guard:
                    self._values[key] = value
            return value


_models: "WeakCache[tuple[str, ModelOptions], CrossEncoder]" = WeakCache()


def shared_cross_encoder(model: str, options: ModelOptions | None = None) -> "CrossEncoder":
    """The process's one `CrossEncoder` of this name and these options.

    It is loaded on the first call and freed when the last holder lets go of it. Names and options are compared as
    written: `device=None` and `device="cpu"` are two models, even where both mean the same.

    Args:
        model: Hub id, local folder, or the name of a bundled model.
        options: How to load it; None takes every default.

    Raises:
        SecondPassError: Whatever `CrossEncoder` raises while loading.
    """
    options = ModelOptions() if options is None else options
    return _models.get((model, options), lambda: load_cross_encoder(model, options))


def load_cross_encoder(model: str, options: ModelOptions) -> "CrossEncoder":
    """A `CrossEncoder` of one's own; see `shared_cross_encoder`."""
    # Adapters are imported to build pipelines, long before a model is needed: torch waits until then.
    from secondpass.cross_encoder import CrossEncoder  # noqa: PLC0415

    return CrossEncoder.from_options(model, options)
