"""Warnings that point at whoever called, from however deep inside."""

import sys
import warnings

# What is not the caller: all that this distribution brings along, frameworks, which call its adapters, and what enters
# its context managers.
_NO_CALLERS = (
    "secondpass",
    "langchain_secondpass",
    "llama_index_secondpass",
    "haystack_integrations.components.rankers.secondpass",
    "langchain_core",
    "langchain_classic",
    "llama_index.core",
    "llama_index_instrumentation",
    "haystack",
    "contextlib",
)


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn, and show the line outside of this distribution and the frameworks from which it was called.

    Args:
        message: What is said.
        category: Of the warning.
    """
    # Python 3.12 does this by `skip_file_prefixes`.
    stacklevel, frame = 2, sys._getframe(1)  # noqa: SLF001 - public in all but its name, and what warnings goes by
    while frame.f_back is not None and _is_no_caller(frame.f_globals.get("__name__", "")):
        stacklevel, frame = stacklevel + 1, frame.f_back
    warnings.warn(message, category, stacklevel=stacklevel)


def _is_no_caller(module: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in _NO_CALLERS)
