"""`secondpass demo --all`: every question there is, three rankers side by side, and totals that are true."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import checkpoints
import pytest
from hypothesis import given
from hypothesis import strategies as st
from truncation import TRUNCATES
from typer.testing import CliRunner

from secondpass.cli.app import app
from secondpass.cli.demo.all_questions import RANKERS, Placed, as_json, compare_last, place, summary_table
from secondpass.cli.demo.passes import Outcome, Pass, first_stage, second_pass
from secondpass.demo import (
    BI_ENCODER_DEPTH,
    Passage,
    Question,
    all_questions,
    bi_encoder_orders,
    passages,
    questions,
)
from secondpass.errors import InputError
from secondpass.testing import OverlapScorer

pytest.importorskip("bm25s", reason="needs the extra eval")

# BM25's rank of the answer among its best fifty, and the one by all-MiniLM-L6-v2's cosine, which sentence-transformers
# computed.
RANKS = {
    "how many steps does the cn tower have": (26, 3),
    "where does the last name galvez come from": (4, 1),
    "when was the first driver's license required": (23, 2),
    "who sang the theme song to step by step": (2, 18),
    "what state did they film daddy's home 2": (None, None),
}


def run(*arguments: str, width: int = 100) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "secondpass", "demo", "--all", *arguments]
    environment = os.environ | {"COLUMNS": str(width), "NO_COLOR": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - ours


def placed(ranks: list[tuple[int | None, int | None, int | None]]) -> list[Placed]:
    """Questions with these ranks, and nothing else that totals look at."""
    return [
        Placed(Pass(Outcome(f"q{i}", "", row[0], row[2], 0.0), [], []), dict(zip(RANKERS, row, strict=True)))
        for i, row in enumerate(ranks)
    ]


def test_every_question_has_its_answer_in_the_corpus_and_the_few_are_among_them() -> None:
    corpus, asked = passages(), all_questions()
    assert len(asked) == len({question.text for question in asked}) == 49
    for question in asked:
        assert question.answer.casefold() in corpus[question.passage].text.casefold()
    assert set(questions()) < set(asked)


def test_each_order_of_the_bi_encoder_has_all_of_bm25_s_candidates_once() -> None:
    find, orders = first_stage(BI_ENCODER_DEPTH), bi_encoder_orders()
    assert list(orders) == [question.text for question in all_questions()]
    for question in all_questions():
        assert sorted(orders[question.text]) == sorted(passage.id for passage in find(question))


def test_ranks_are_those_that_were_computed_elsewhere() -> None:
    find, orders = first_stage(50), bi_encoder_orders()
    asked = {question.text: question for question in all_questions()}
    for text, expected in RANKS.items():
        done = second_pass(OverlapScorer(), asked[text], find(asked[text]))
        ranks = place(asked[text], done, orders[text]).ranks
        assert (ranks["bm25"], ranks["bi_encoder"]) == expected, text


def test_the_bi_encoder_s_rank_is_among_the_candidates_alone() -> None:
    """Of a, b, c the words are in b and then c; the bi-encoder has d, c, b, a, of which d is no candidate."""
    found = [Passage("a", "", "dog"), Passage("b", "", "red cat"), Passage("c", "", "red")]
    question = Question("red cat", "c", "red")
    ranks = place(question, second_pass(OverlapScorer(), question, found), ["d", "c", "b", "a"]).ranks
    assert ranks == {"bm25": 3, "bi_encoder": 1, "second_pass": 2}
    question = Question("red cat", "d", "red")
    ranks = place(question, second_pass(OverlapScorer(), question, found), ["d", "c", "b", "a"]).ranks
    assert ranks == {"bm25": None, "bi_encoder": None, "second_pass": None}


def test_totals_and_tests_of_four_questions_done_by_hand() -> None:
    """Reciprocal ranks: BM25 1/2, 1/4, 1, 0; bi-encoder 1, 1/5, 1/2, 0; second pass 1, 1/2, 1, 0."""
    answers = placed([(2, 1, 1), (4, 5, 2), (1, 2, 1), (None, None, None)])
    told = as_json(answers, compare_last(answers))
    assert (told["n_questions"], told["n_not_found"]) == (4, 1)
    assert told["totals"] == {
        "bm25": {"first": 1, "top_3": 2, "mean_reciprocal_rank": 1.75 / 4},
        "bi_encoder": {"first": 1, "top_3": 2, "mean_reciprocal_rank": 1.7 / 4},
        "second_pass": {"first": 2, "top_3": 3, "mean_reciprocal_rank": 2.5 / 4},
    }
    helped = {name: (comparison.helped, comparison.hurt) for name, comparison in compare_last(answers).items()}
    assert helped == {"bm25": (2, 0), "bi_encoder": (2, 0)}


NUMBERED = st.integers(1, 50)
RANKED = st.one_of(st.tuples(NUMBERED, NUMBERED, NUMBERED), st.just((None, None, None)))


@given(st.lists(RANKED, min_size=2, max_size=20))
def test_totals_are_what_counting_gives(ranks: list[tuple[int | None, int | None, int | None]]) -> None:
    answers = placed(ranks)
    told = as_json(answers, compare_last(answers))
    for i, name in enumerate(RANKERS):
        first = in_top = 0
        total = 0.0
        for row in ranks:
            rank = row[i]
            if rank is not None:
                first += rank == 1
                in_top += rank in (1, 2, 3)
                total += 1 / rank
        totals = told["totals"]
        assert isinstance(totals, dict)
        assert totals[name]["first"] == first
        assert totals[name]["top_3"] == in_top
        assert totals[name]["mean_reciprocal_rank"] == pytest.approx(total / len(ranks))


@given(st.lists(RANKED, min_size=2, max_size=20))
def test_a_caption_says_how_many_answers_no_one_could_find(
    ranks: list[tuple[int | None, int | None, int | None]],
) -> None:
    n_not_found = sum(row[0] is None for row in ranks)
    caption = summary_table(placed(ranks), "m").caption
    assert (f": {n_not_found} of {len(ranks)}," in caption) == (n_not_found > 0)


@TRUNCATES
def test_json_has_every_rank_the_totals_and_the_tests(tmp_path: Path) -> None:
    model = checkpoints.bert(tmp_path / "model")
    result = CliRunner().invoke(app, ["demo", "--all", "-m", str(model), "--depth", "4"], catch_exceptions=False)
    told = json.loads(result.stdout)
    assert (told["model"], told["depth"], told["n_questions"]) == (str(model), 4, 49)
    find = first_stage(4)
    for row, question in zip(told["questions"], all_questions(), strict=True):
        assert (row["question"], row["answer"]) == (question.text, question.answer)
        ids = [passage.id for passage in find(question)]
        assert row["ranks"]["bm25"] == (ids.index(question.passage) + 1 if question.passage in ids else None)
        assert len({rank is None for rank in row["ranks"].values()}) == 1
    reciprocal = [0 if row["ranks"]["bm25"] is None else 1 / row["ranks"]["bm25"] for row in told["questions"]]
    assert told["comparisons"]["bm25"]["before"] == pytest.approx(sum(reciprocal) / 49)
    assert told["comparisons"]["bm25"]["after"] == told["comparisons"]["bi_encoder"]["after"]
    assert told["n_not_found"] == reciprocal.count(0)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_line_per_question_and_the_totals_below_them(width: int, tmp_path: Path) -> None:
    model = checkpoints.bert(tmp_path / "model", max_length=512)
    done = run("--format", "table", "--depth", "3", "-m", str(model), width=width)
    assert done.returncode == 0
    assert all(line.startswith("warning: ") for line in done.stderr.splitlines())
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= width
    begins = [i for i, line in enumerate(lines) if re.match(r" ?\d+/49 ", line)]
    asked = all_questions()
    for number, (question, (start, end)) in enumerate(
        zip(asked, pairwise([*begins, lines.index("", begins[-1])]), strict=True), 1
    ):
        told = " ".join(" ".join(lines[start:end]).split())
        assert re.fullmatch(rf"{number}/49 ([123] [123] [123]|- - -) {re.escape(question.text)}", told)
    rest = "\n".join(lines[begins[-1] :])
    assert rest.index("in the top 3") < rest.index("mean reciprocal rank") < rest.index("helped")


@TRUNCATES
def test_markdown_has_every_question_and_the_tests(tmp_path: Path) -> None:
    arguments = ["demo", "--all", "-m", str(checkpoints.bert(tmp_path / "model")), "--depth", "2", "--show", "0"]
    text = CliRunner().invoke(app, [*arguments, "--format", "markdown"], catch_exceptions=False).stdout
    for question in all_questions():
        assert re.search(rf"^\| {re.escape(question.text)} \| [12-] \| [12-] \| [12-] \|$", text, re.MULTILINE)
    assert text.count("| --- |") == 3


def test_more_candidates_than_the_bi_encoder_ordered_are_refused_before_any_work() -> None:
    arguments = ["demo", "--all", "--depth", "101", "-m", "no/such-model"]
    with pytest.raises(InputError, match=r"^depth must be at most 100 with --all, .*, got 101$"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
