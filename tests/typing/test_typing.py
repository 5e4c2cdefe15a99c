"""Type checkers of users accept what the API is for, and refuse what it is not for, each line for its reason."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from shared import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.source]

FOLDER = Path(__file__).parent
ACCEPTED, REFUSED = FOLDER / "accepted.py", FOLDER / "refused.py"
MARK = re.compile(r"# expect: (\S+), (\S+)$")

# File and line -> the codes of mypy, or the rules of basedpyright, that refuse it.
Refusals = dict[tuple[Path, int], set[str]]


def mypy() -> Refusals:
    refusals: Refusals = {}
    for line in output("mypy", "--output", "json", str(ACCEPTED), str(REFUSED)).splitlines():
        finding = json.loads(line)
        if finding["severity"] == "error":
            refusals.setdefault((ROOT / finding["file"], finding["line"]), set()).add(finding["code"])
    return refusals


def basedpyright() -> Refusals:
    report = json.loads(output("basedpyright", "--outputjson", "--pythonpath", sys.executable))
    assert report["summary"]["filesAnalyzed"] == len(list(FOLDER.glob("*.py")))
    refusals: Refusals = {}
    for finding in report["generalDiagnostics"]:
        line = finding["range"]["start"]["line"] + 1
        refusals.setdefault((Path(finding["file"]), line), set()).add(finding["rule"])
    return refusals


def output(checker: str, *arguments: str) -> str:
    """What a checker prints, in the source tree and with the settings of pyproject.toml."""
    command = [sys.executable, "-m", checker, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 1, done.stdout + done.stderr  # it had something to refuse, and could do its work
    return done.stdout


@pytest.fixture(scope="module")
def refusals() -> tuple[Refusals, Refusals]:
    """What mypy and basedpyright refuse."""
    with ThreadPoolExecutor(2) as pool:
        by_mypy, by_basedpyright = pool.submit(mypy), pool.submit(basedpyright)
        return by_mypy.result(), by_basedpyright.result()


def test_what_the_api_is_for_is_accepted(refusals: tuple[Refusals, Refusals]) -> None:
    for checker in refusals:
        assert {place: codes for place, codes in checker.items() if place[0] != REFUSED} == {}


def test_what_it_is_not_for_is_refused(refusals: tuple[Refusals, Refusals]) -> None:
    marks = [(i, MARK.search(line)) for i, line in enumerate(REFUSED.read_text(encoding="utf-8").splitlines(), 1)]
    expected = [{(REFUSED, i): {mark[checker]} for i, mark in marks if mark} for checker in (1, 2)]
    for checker, of_checker in zip(refusals, expected, strict=True):
        assert {place: codes for place, codes in checker.items() if place[0] == REFUSED} == of_checker
