"""What the demo and the evaluation show on a terminal."""

from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from secondpass.cli.demo import FRAMEWORKS, question_table, second_pass, totals_table
from secondpass.cli.eval import comparison_table, report_table
from secondpass.demo import Passage, Question
from secondpass.evaluation import Collection, measure_run, rerank
from secondpass.testing import OverlapScorer

CORPUS = {"1": Passage("1", "Dogs", "a dog"), "2": Passage("2", "Cats", "red cat"), "3": Passage("3", "Red", "red")}


def shown(table: Table) -> str:
    written = StringIO()
    Console(width=110, file=written).print(table)
    return written.getvalue()


def test_a_question_shows_what_moved_up() -> None:
    outcome, candidates, ranked = second_pass(OverlapScorer(), Question("red cat", "2", "cat"), CORPUS, ["1", "2", "3"])
    assert (outcome.before, outcome.after) == (2, 1)
    text = shown(question_table(outcome, [CORPUS[key] for key in candidates], ranked))
    assert "2 ↑" in text
    assert "BM25 2, second pass 1" in text
    totals = shown(totals_table([outcome], "m", 3))
    assert "answer in the top 3" in totals
    assert "1/1" in totals


def test_a_report_shows_both_sides() -> None:
    collection = Collection({"q": "red cat"}, {key: one.text for key, one in CORPUS.items()}, {"q": {"2": 1}})
    run = {"q": {"1": 2.0, "2": 1.0}}
    scored = rerank(OverlapScorer(), collection, run)
    found = measure_run("m", collection, run, scored, measures=["RR@10"], depth=100)
    text = shown(report_table(found))
    assert "0.5000" in text
    assert "1.0000" in text
    assert "+0.5000" in text
    assert "first stage" in shown(comparison_table([found, found]))


@pytest.mark.parametrize(
    ("name", "module"),
    [("LangChain", "langchain_core"), ("LlamaIndex", "llama_index.core"), ("Haystack", "haystack")],
)
def test_each_installed_framework_gives_the_same_order(name: str, module: str) -> None:
    pytest.importorskip(module)
    texts = ["a dog", "red", "red cat", "nothing"]
    assert FRAMEWORKS[name](OverlapScorer(), "red cat", texts) == ["red cat", "red", "a dog"]
