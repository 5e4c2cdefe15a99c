"""The demo with the bundled model: what it says as it goes, and that it is true."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise

import pytest
from truncation import TRUNCATES

from secondpass import CrossEncoder
from secondpass.cli.demo.passes import explain, first_stage, second_pass
from secondpass.demo import all_questions, questions
from secondpass.ranking import rank

pytest.importorskip("bm25s", reason="needs the extra eval")


def run(*arguments: str, width: int = 100) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "secondpass", "demo", *arguments]
    environment = os.environ | {"COLUMNS": str(width), "NO_COLOR": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - ours


@pytest.mark.parametrize("width", [80, pytest.param(120, marks=pytest.mark.slow)])
def test_each_question_is_told_with_its_reason_and_the_totals_come_last(width: int) -> None:
    done = run("--format", "table", "--depth", "8", width=width)
    assert done.returncode == 0
    lines = [line.rstrip() for line in done.stdout.splitlines()]  # rich leaves the space where it breaks a line
    assert max(map(len, lines)) <= width
    asked = questions()
    headings = [lines.index(f"{number}/{len(asked)} {question.text}") for number, question in enumerate(asked, 1)]
    assert headings == sorted(headings)
    assert headings[0] < 4
    for question, (start, end) in zip(asked, pairwise([*headings, len(lines)]), strict=True):
        told = " ".join(" ".join(lines[start + 1 : end]).split())
        assert told.startswith(f"answer: {question.answer}; its passage: BM25 ")
        assert re.search(r"“.+” (moves from \d+ to 1|was BM25's first already and stays there), .+\.", told)
    rest = "\n".join(lines[headings[-1] :])
    assert rest.index("answer in the top 3") < rest.index("LangChain: ") < rest.index("Haystack: ")
    assert f"secondpass demo --all asks all {len(all_questions())}, with" in " ".join(rest.split())


def test_something_is_said_before_the_model_is_there() -> None:
    done = run("--format", "table", "--model", "secondpass/none")
    assert done.returncode == 2
    assert done.stdout.splitlines()[0].startswith("BM25 finds up to 50 passages")
    assert questions()[0].text in done.stdout
    assert done.stderr.count("\n") == 1


def test_json_has_the_reasons_and_nothing_else_is_written_beside_it() -> None:
    done = run("--depth", "3")
    told = json.loads(done.stdout)["questions"]
    assert [outcome["question"] for outcome in told] == [question.text for question in questions()]
    assert all(outcome["why"].endswith(".") for outcome in told)
    assert all(line.startswith("warning: ") for line in done.stderr.splitlines())


@TRUNCATES
def test_a_reason_is_what_the_model_says_of_the_shortened_passage() -> None:
    """Without its sentence the first passage has the score and the rank that the reason says."""
    model, find = CrossEncoder("secondpass/mini"), first_stage(10)
    n_tried = 0
    for question in questions()[:4]:
        done = explain(model, second_pass(model, question, find(question)))
        reason, best = done.reason, done.ranking[0]
        assert reason is not None
        assert (reason.title, reason.before) == (done.candidates[best.index].title, best.index + 1)
        if reason.sentence is None:
            continue
        texts = [passage.text for passage in done.candidates]
        texts[best.index] = " ".join(texts[best.index].replace(reason.sentence, "").split())
        again = rank(model, question.text, texts)
        place = [ranked.index for ranked in again].index(best.index)
        assert again[place].score == pytest.approx(reason.score_without, abs=1e-4)
        assert place + 1 == reason.rank_without
        n_tried += 1
    assert n_tried
