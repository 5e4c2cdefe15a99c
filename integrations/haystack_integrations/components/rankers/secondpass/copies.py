"""What copies and pickles of a component are made of."""

from typing import Any, Final

from secondpass.adapters.held_model import HeldModel
from secondpass.model_names import portable_name

# In the state of copies and pickles, the name by which the model is found from any working folder.
_FOUND_AS: Final = "_found_as"


class HoldsModel:
    """What a component is that holds its model by itself, as each of its copies does.

    A pickle holds none, nor the token that one was loaded with. It may be read in another working folder, so it also
    knows by which name a local folder is found from there.
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
