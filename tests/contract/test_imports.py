"""Importing an adapter loads its own framework and nothing that can wait."""

import subprocess
import sys

import pytest

MODULES = {
    "langchain_secondpass": "langchain_core",
    "llama_index_secondpass": "llama_index",
    "haystack_integrations.components.rankers.secondpass": "haystack",
}
EXTRAS = {"langchain_core": "langchain", "llama_index": "llama-index", "haystack": "haystack"}


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - ours


@pytest.mark.parametrize(("module", "framework"), MODULES.items())
def test_adapter_imports_neither_other_framework(module: str, framework: str) -> None:
    others = sorted(set(MODULES.values()) - {framework})
    done = python(f"import sys, {module}; print([name for name in {others} if name in sys.modules])")
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(("module", "framework"), MODULES.items())
def test_adapter_imports_no_torch_that_its_framework_does_not(module: str, framework: str) -> None:
    # Frameworks look for torch themselves: what they import does not count.
    needs = {
        "langchain_core": "langchain_core.documents, langchain_core.runnables, langchain_core.callbacks",
        "llama_index": "llama_index.core.postprocessor.types, llama_index.core.instrumentation.events.rerank",
        "haystack": "haystack, haystack.utils, haystack.core.errors",
    }[framework]
    done = python(
        f"import sys, {needs}; before = set(sys.modules); import {module};"
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & (set(sys.modules) - before)))"
    )
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(("module", "framework"), MODULES.items())
def test_missing_framework_gives_the_install_line_and_nothing_else(module: str, framework: str) -> None:
    done = python(f"import sys; sys.modules[{framework!r}] = None\nimport {module}")
    assert f'{module} needs an optional dependency: pip install "secondpass[{EXTRAS[framework]}]"' in done.stderr
    assert "During handling" not in done.stderr
    assert done.stderr.count("Traceback") == 1


@pytest.mark.parametrize("module", MODULES)
def test_a_broken_framework_is_not_called_missing(module: str) -> None:
    # pydantic is what all three need: without it, the install line above would be a lie.
    done = python(f"import sys; sys.modules['pydantic'] = None\nimport {module}")
    assert "pydantic" in done.stderr
    assert "pip install" not in done.stderr


def test_core_knows_no_framework_and_no_pydantic() -> None:
    done = python(
        "import sys, secondpass, secondpass.adapters.sharing, secondpass.adapters.lazy, secondpass.ranking.scorers;"
        f"print([name for name in {sorted([*EXTRAS, 'pydantic', 'torch'])} if name in sys.modules])"
    )
    assert done.stdout == "[]\n", done.stderr


def test_namespaces_above_the_haystack_component_stay_open() -> None:
    done = python(
        "import haystack_integrations, haystack_integrations.components.rankers as rankers;"
        "print(haystack_integrations.__file__, rankers.__file__)"
    )
    assert done.stdout == "None None\n", done.stderr
