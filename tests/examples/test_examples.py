"""The examples run, on what they bring along, on Wikipedia and on sections of real documentation."""

import gzip
import json
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from shared import shared

from secondpass.demo import passages, questions

EXAMPLES = Path(__file__).parents[2] / "examples"
RAG = ["langchain_rag", "llama_index_rag", "haystack_rag"]

pytestmark = pytest.mark.source  # the examples are no part of the package

pytest.importorskip("bm25s")


@pytest.fixture(scope="module")
def wikipedia(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The passages of `secondpass demo` as JSON lines."""
    file = tmp_path_factory.mktemp("wikipedia") / "passages.jsonl"
    file.write_text("".join(json.dumps({"text": passage.text}) + "\n" for passage in passages().values()))
    return file


@pytest.fixture(scope="module")
def documentation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every 50th of 20,166 sections of real documentation, unpacked."""
    file = tmp_path_factory.mktemp("documentation") / "sections.jsonl"
    with gzip.open(shared("data/docs-en/sections.jsonl.gz"), "rt", encoding="utf-8") as lines:
        file.write_text("".join(islice(lines, 0, None, 50)), encoding="utf-8")
    return file


def output(name: str, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, EXAMPLES / f"{name}.py", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_shows_each_command_on_a_line_of_its_own() -> None:
    pytest.importorskip("langchain_core")
    assert '\npython examples/langchain_rag.py --query "when are tides highest"\n' in output("langchain_rag", "--help")


def scores(printed: str) -> list[float]:
    return [float(score) for score in re.findall(r"^ +(-?\d+\.\d+)  ", printed, re.MULTILINE)]


@pytest.mark.parametrize("name", RAG)
def test_rag_on_wikipedia(name: str, model: str, wikipedia: Path) -> None:
    question = questions()[0].text
    options = ["--documents", str(wikipedia), "--query", question, "--top-n", "5", "--candidates", "20"]
    printed = output(name, "--model", model, *options)
    assert len(scores(printed)) == 5
    assert scores(printed) == sorted(scores(printed), reverse=True)
    assert question in printed


@pytest.mark.parametrize("name", RAG)
def test_where_nothing_answers_it_does_not_know(name: str, model: str) -> None:
    options = ["--model", model, "--score-threshold", "0"]
    printed = output(name, *options, "--query", "who won the world cup in football")
    assert scores(printed) == []
    assert printed.endswith("\nI do not know.\n")
    printed = output(name, *options)  # of tides, about which a text says something
    assert len(scores(printed)) > 0
    assert min(scores(printed)) >= 0
    assert "high water comes about 50 minutes later every day" in printed.partition("\n\n")[2]
    assert not printed.endswith("I do not know.\n")


@pytest.mark.parametrize("corpus", ["built-in", "wikipedia", "documentation"])
def test_three_frameworks_give_one_order_and_one_set_of_scores(
    corpus: str, model: str, request: pytest.FixtureRequest
) -> None:
    documents = [] if corpus == "built-in" else ["--documents", str(request.getfixturevalue(corpus))]
    options = ["--top-n", "10", "--candidates", "20", *documents]
    printed = output("one_scorer_three_frameworks", "--model", model, *options)
    rows = [line.split()[:3] for line in printed.splitlines()[1:-1]]
    assert len(rows) == 10
    assert all(len(set(row)) == 1 for row in rows)
    assert printed.splitlines()[-1] == "identical: True"
