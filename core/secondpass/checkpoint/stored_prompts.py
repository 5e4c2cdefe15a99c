"""The prompts that sentence-transformers keeps beside a model, and which of them stands where none is chosen."""

from secondpass.arguments import check_unicode, describe
from secondpass.checkpoint.folder import Folder
from secondpass.errors import CheckpointError, InputError

_FILE = "config_sentence_transformers.json"


def stored_prompts(folder: Folder) -> dict[str, str]:
    """Texts by name.

    Raises:
        CheckpointError: They are something else.
    """
    prompts = folder.sentence_transformers_config.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str) for text in prompts.values()):
        raise CheckpointError(f"{folder.name}: {_FILE}: prompts must be texts by name, got {describe(prompts)}")
    for name, text in prompts.items():
        try:
            check_unicode(text, f"prompts[{name!r}]")
        except InputError as error:
            raise CheckpointError(f"{folder.name}: {_FILE}: {error}") from error
    return prompts


def default_prompt_name(folder: Folder) -> str | None:
    """The name of the prompt that stands where none is chosen; None: none does.

    Raises:
        CheckpointError: It is no name.
    """
    name = folder.sentence_transformers_config.get("default_prompt_name")
    if name is not None and not isinstance(name, str):
        raise CheckpointError(f"{folder.name}: {_FILE}: default_prompt_name must be a name, got {describe(name)}")
    return name


def default_prompt(folder: Folder) -> str:
    """The text sentence-transformers puts before the first of two texts, or into a system message; "" if none.

    Raises:
        CheckpointError: The files name one that they do not hold.
    """
    name, prompts = default_prompt_name(folder), stored_prompts(folder)
    if name is None:
        return ""
    if name not in prompts:
        raise CheckpointError(f"{folder.name}: default_prompt_name {name!r} is not among its prompts")
    return prompts[name]
