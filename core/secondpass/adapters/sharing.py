"""One loaded model for everybody in the process who asks for the same one."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from secondpass.concurrency.per_process import PerProcess
from secondpass.model_names import local_folder
from secondpass.options import ModelOptions

if TYPE_CHECKING:
    from secondpass.cross_encoder import CrossEncoder


class SharedModels:
    """Models loaded on demand, once, for as long as somebody else holds them.

    Any number of threads may ask. Those that ask for the same model wait until one of them has loaded it; those that
    ask for different models do not wait for each other. A failure is raised to the thread that met it, and the next
    thread tries again.

    Args:
        load: Loads the model of a name and options.
    """

    def __init__(self, load: Callable[[str, ModelOptions], "CrossEncoder"]) -> None:
        self._load = load
        self._guard = PerProcess(threading.Lock)
        self._models: WeakValueDictionary[tuple[str, ModelOptions], CrossEncoder] = WeakValueDictionary()
        self._loading: WeakValueDictionary[tuple[str, ModelOptions], PerProcess[threading.Lock]] = WeakValueDictionary()

    def get(self, name: str, options: ModelOptions) -> "CrossEncoder":
        """The model of this name and these options, loaded now if nobody holds it."""
        # A relative path is another folder once the process has gone elsewhere.
        folder = local_folder(name)
        key = (name if folder is None else str(folder.absolute())), options
        with self._guard.get():
            model = self._models.get(key)
            if model is not None:
                return model
            loading = self._loading.setdefault(key, PerProcess(threading.Lock))
        with loading.get():
            with self._guard.get():
                model = self._models.get(key)
            if model is None:
                model = self._load(name, options)
                with self._guard.get():
                    self._models[key] = model
            return model


def shared_cross_encoder(model: str, options: ModelOptions | None = None) -> "CrossEncoder":
    """The process's one `CrossEncoder` of this name and these options.

    It is loaded on the first call and freed when the last holder lets go of it. Folders are compared by their absolute
    paths, names and options as written: `device=None` and `device="cpu"` are two models, even where both mean the same.

    Args:
        model: Hub id, local folder, or the name of a bundled model.
        options: How to load it; None takes every default.

    Raises:
        SecondPassError: Whatever `CrossEncoder` raises while loading.
    """
    return _shared.get(model, ModelOptions() if options is None else options)


def load_cross_encoder(model: str, options: ModelOptions) -> "CrossEncoder":
    """A `CrossEncoder` that nobody else gets; see `shared_cross_encoder`."""
    # Adapters are imported to build pipelines, long before a model is needed: torch waits until then.
    from secondpass.cross_encoder import CrossEncoder  # noqa: PLC0415

    return CrossEncoder.from_options(model, options)


_shared = SharedModels(load_cross_encoder)
