"""What the demo and the evaluation show on a terminal."""

import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import entry_points
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from shared import ROOT
from typer.testing import CliRunner

from secondpass.cli.app import app
from secondpass.cli.demo.command import FRAMEWORKS, Rerank, show_frameworks
from secondpass.cli.demo.passes import second_pass
from secondpass.cli.demo.tables import question_table, totals_table
from secondpass.cli.eval.tables import comparison_table, report_table
from secondpass.cli.sheets import Sheet
from secondpass.demo import Passage, Question
from secondpass.errors import InputError
from secondpass.evaluation import Collection, report, rerank
from secondpass.testing import OverlapScorer

TEXTS = ["a dog", "red", "red cat", "nothing"]
CORPUS = {"1": Passage("1", "Dogs", "a dog"), "2": Passage("2", "Cats", "red cat"), "3": Passage("3", "Red", "red")}


def text_of(table: Sheet) -> str:
    written = StringIO()
    Console(width=110, file=written).print(table)
    return written.getvalue()


def test_a_question_shows_what_moved_up() -> None:
    done = second_pass(OverlapScorer(), Question("red cat", "2", "cat"), list(CORPUS.values()))
    assert (done.outcome.before, done.outcome.after) == (2, 1)
    text = text_of(question_table(done))
    assert "2 ↑" in text
    assert "BM25 2, second pass 1" in text
    totals = text_of(totals_table([done], "m"))
    assert "answer in the top 3" in totals
    assert "1/1" in totals


def test_showing_less_than_nothing_is_refused_before_any_work() -> None:
    with pytest.raises(InputError, match="show must be at least 0, got -1"):
        CliRunner().invoke(app, ["demo", "--show", "-1", "-m", "no/such-model"], catch_exceptions=False)


@pytest.mark.parametrize("width", [50, 80, 200])
def test_a_question_shows_its_passages_at_any_width(width: int) -> None:
    done = second_pass(OverlapScorer(), Question("red cat", "2", "cat"), list(CORPUS.values()))
    written = StringIO()
    Console(width=width, file=written).print(question_table(done))
    assert all(text in written.getvalue() for text in ("2 ↑", "Cats: red cat", "Red: red", "Dogs: a dog"))


def test_a_report_shows_both_sides() -> None:
    collection = Collection({"q": "red cat"}, {key: passage.text for key, passage in CORPUS.items()}, {"q": {"2": 1}})
    run = {"q": {"1": 2.0, "2": 1.0}}
    scored = rerank(OverlapScorer(), collection, run)
    figures = report("m", collection, run, scored, measures=["RR@10"], depth=100)
    text = text_of(report_table(figures))
    assert "0.5000" in text
    assert "1.0000" in text
    assert "+0.5000" in text
    assert "first stage" in text_of(comparison_table([figures, figures]))


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a distribution on the path, in place of an installed secondpass, that registers these lines for the demo."""

    def write(lines: str) -> None:
        metadata = tmp_path / "secondpass-0.0.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: secondpass\nVersion: 0.0.0\n")
        (metadata / "entry_points.txt").write_text(f"[secondpass.demo]\n{lines}")
        monkeypatch.syspath_prepend(str(tmp_path))

    return write


def test_frameworks_are_those_that_are_registered(
    install: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some_adapters.py").write_text(
        "from secondpass.ranking import rank\n"
        "def right(scorer, query, texts, top_k):\n"
        "    return [ranked.text for ranked in rank(scorer, query, texts, top_k=top_k)]\n"
        "def wrong(scorer, query, texts, top_k):\n"
        "    return right(scorer, query, texts, top_k)[::-1]\n"
    )
    monkeypatch.setitem(sys.modules, "langchain_core", None)
    for name in [name for name in sys.modules if name.startswith("langchain_secondpass")]:
        monkeypatch.delitem(sys.modules, name)
    install(
        "Apart = no_such_package.demo:rerank\n"
        "Haystack = some_adapters:wrong\n"
        "LangChain = langchain_secondpass.demo:rerank\n"
        "LlamaIndex = some_adapters:right\n"
    )
    written = StringIO()
    show_frameworks(Console(width=110, file=written), OverlapScorer(), "red cat", TEXTS)
    assert written.getvalue().splitlines() == [
        "LangChain: not installed",
        "LlamaIndex: the same order",
        "Haystack: ANOTHER ORDER",
        "Apart: not installed",
    ]


@pytest.mark.source
@pytest.mark.parametrize(
    ("name", "module"),
    [("LangChain", "langchain_core"), ("LlamaIndex", "llama_index.core"), ("Haystack", "haystack")],
)
def test_each_framework_is_registered_and_gives_the_same_order(
    name: str, module: str, install: Callable[[str], None]
) -> None:
    pytest.importorskip(module)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    install(f"{name} = {project['entry-points'][FRAMEWORKS][name]}\n")
    (framework,) = entry_points(group=FRAMEWORKS)
    rerank: Rerank = framework.load()
    assert rerank(OverlapScorer(), "red cat", TEXTS, 3) == ["red cat", "red", "a dog"]
