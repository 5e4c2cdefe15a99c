"""Which prompt stands before the first text of a call's pairs."""

from collections.abc import Mapping

from secondpass.arguments import check_unicode, describe
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.stored_prompts import default_prompt_name, stored_prompts
from secondpass.errors import InputError, InputTypeError
from secondpass.sentence_transformers.arguments import logger


def load_prompts(
    folder: Folder, prompts: Mapping[str, str | None] | None, default_name: str | None
) -> tuple[dict[str, str], str | None]:
    """The checkpoint's prompts under the caller's, which count first, and the name of the default one.

    Raises:
        InputError: The default is not among them, or one of the caller's is no Unicode text.
    """
    if prompts is not None and not isinstance(prompts, Mapping):
        raise InputTypeError(f"prompts must be a dict of name and text, got {describe(prompts)}")
    given = {name: str(text) for name, text in (prompts or {}).items() if text is not None}
    for given_name, text in given.items():
        check_unicode(text, f"prompts[{given_name!r}]")
    merged = stored_prompts(folder) | given
    name = default_prompt_name(folder) if default_name is None else default_name
    if name is not None and name not in merged:
        raise InputError(f"default_prompt_name must be one of {list(merged)}, got {name!r}")
    return merged, name


def resolve_prompt(prompt: object, prompt_name: object, prompts: Mapping[str, str], default_name: str | None) -> str:
    """The text itself, by its name, or the default's; "" if none.

    Raises:
        InputError: No prompt has this name, or it is no Unicode text.
        InputTypeError: One of them is not text.
    """
    if prompt is not None and not isinstance(prompt, str):
        raise InputTypeError(f"prompt must be a string or None, got {describe(prompt)}")
    if prompt_name is not None and not isinstance(prompt_name, str):
        raise InputTypeError(
            f"prompt_name must be a string or None, got {describe(prompt_name)}: "
            "batch_size and what follows it are given by keyword"
        )
    if prompt is not None:
        if prompt_name is not None:
            logger.warning("prompt_name %r is not used, since prompt is given", prompt_name)
        check_unicode(prompt, "prompt")
        return prompt
    if prompt_name is None:
        return "" if default_name is None else prompts.get(default_name, "")
    if prompt_name not in prompts:
        raise InputError(f"prompt_name must be one of {list(prompts)}, got {prompt_name!r}")
    return prompts[prompt_name]
