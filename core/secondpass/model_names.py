"""What a model's name may stand for without any look at the hub: a folder, or a model inside the package."""

from importlib import resources
from pathlib import Path

_BUNDLED = Path(str(resources.files("secondpass") / "models"))


def bundled_folder(name: str) -> Path | None:
    """The folder of the bundled model of this name; None if there is none."""
    folder = _BUNDLED / name.removeprefix("secondpass/")
    return folder if name.startswith("secondpass/") and folder.is_dir() else None


def portable_name(name: str) -> str:
    """The name by which the same checkpoint is found from any working folder: a local folder's is absolute."""
    local = Path(name).expanduser()
    return str(local.absolute()) if bundled_folder(name) is None and local.is_dir() else name
