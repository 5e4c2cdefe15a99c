"""What the files of each model are called in an evaluation's folder."""

from collections.abc import Sequence


def file_names(models: Sequence[str]) -> list[str]:
    """File names for models: the last two parts of their names, or as many as tell them apart, without separators.

    Args:
        models: The names of all models of one evaluation, no two the same.
    """
    paths = [[part for part in model.replace("\\", "/").split("/") if part not in ("", ".", "..")] for model in models]
    longest = max((len(parts) for parts in paths), default=0)
    for length in range(2, max(longest, 2) + 1):
        names = ["--".join(parts[-length:]) or "model" for parts in paths]
        if len(set(names)) == len(names):
            return names
    return [f"{name}-{number}" for number, name in enumerate(names, 1)]
