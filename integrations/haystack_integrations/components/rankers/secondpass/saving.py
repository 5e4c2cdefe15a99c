"""What a component is saved by."""

import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath

import numpy as np

from haystack_integrations.components.rankers.secondpass.parameters import parameter_names
from secondpass.calibration import as_calibration


def saved_parameters(component: object, model: str) -> dict[str, object]:
    """The parameters of a component as YAML can hold them, the calibration by its content.

    Args:
        component: Has each of them as an attribute. A class that derives from `SecondPassRanker` may take less than
            that: it is saved by what it takes.
        model: The name of its model; the default's where none is named.
    """
    names = parameter_names(type(component)) - {"scorer"}
    values: dict[str, object] = {name: getattr(component, name) for name in sorted(names)}
    if "model" in names:
        values["model"] = model
    if "calibration" in names:
        calibration = as_calibration(values["calibration"])
        values["calibration"] = None if calibration is None else calibration.as_json()
    return {name: plain(value) for name, value in values.items()}


def plain(value: object) -> object:
    """The value as YAML can hold it.

    A number or text of numpy's, an enum and a path become Python's own, torch's dtypes and devices their names.
    Mappings and lists are copied, with plain values.
    """
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, PurePath):
        return str(value)
    torch = sys.modules.get("torch")  # where it is not imported, nothing of it can be a value
    return str(value) if torch is not None and isinstance(value, torch.dtype | torch.device) else value
