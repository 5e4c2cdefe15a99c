"""What a model's name may stand for without any look at the hub: a folder, or a model inside the package."""

from difflib import get_close_matches
from importlib import resources
from pathlib import Path

from secondpass.arguments import with_home

_BUNDLED = Path(str(resources.files("secondpass") / "models"))
# What share of two names' characters must be the same for one to be taken for the other.
_LEAST_ALIKE = 0.85


def bundled_folder(name: str) -> Path | None:
    """The folder of the bundled model of this name; None if there is none."""
    folder = _BUNDLED / name.removeprefix("secondpass/")
    return folder if name.startswith("secondpass/") and _is_folder(folder) else None


def meant_by(name: str) -> str | None:
    """The bundled model that a name which nothing has may stand for; None where it is like none."""
    beginning, _, last = name.casefold().rpartition("/")
    bundled = sorted(folder.name for folder in _BUNDLED.iterdir() if folder.is_dir())
    # Whoever writes secondpass/ means a bundled one, whatever follows.
    least = 0.0 if beginning == "secondpass" else _LEAST_ALIKE
    alike = get_close_matches(last, bundled, n=1, cutoff=least)
    return f"secondpass/{alike[0]}" if alike else None


def local_folder(name: str, start: Path | None = None) -> Path | None:
    """The folder on this machine of this name; None if there is none.

    Args:
        name: A path, in which `~` is a home folder; or anything else that a caller may call a model.
        start: Where a relative path starts from; None takes the working folder, and leaves it relative.
    """
    named = with_home(name)
    if named is None:
        return None
    folder = named if start is None else start / named
    return folder if _is_folder(folder) else None


def portable_name(name: str) -> str:
    """The name by which the same checkpoint is found from any working folder: a local folder's is absolute."""
    local = None if bundled_folder(name) is not None else local_folder(name)
    return name if local is None else str(local.absolute())


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long for any, or one behind a door that is shut
        return False
