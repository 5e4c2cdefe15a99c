"""Pages hold together: links resolve, named files exist, figures are the measured ones, and the site builds offline."""

import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from pages import name, pages
from shared import ROOT

from secondpass.checkpoint.known import known_by_name
from secondpass.training.examples import FIELDS

pytestmark = pytest.mark.source

_CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH = re.compile(r"`((?:[\w.-]+/)*[\w-]*\.?[\w-]+\.(?:py|toml|md|txt|yml)|(?:[\w.-]+/)+[\w-]*)`")
_FOLDERS = ("core", "integrations", "tests", "docs", "examples", "benchmarks", "recipes", ".ci")
# "1,234" and "-0.0012" are numbers; a letter before one makes it a name ("L6", "int8").
_NUMBER = re.compile(r"(?<![\w.])[+-]?\d+(?:,\d{3})*(?:\.\d+)?(?![\w%])")


def _links(page: Path) -> list[str]:
    links = _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))
    return [link for link in links if not re.match(r"https?://|mailto:|#", link)]


@pytest.mark.parametrize("page", pages(), ids=name)
def test_relative_links_resolve(page: Path) -> None:
    missing = [link for link in _links(page) if not (page.parent / link.partition("#")[0]).exists()]
    assert missing == []


def test_links_are_found() -> None:
    assert "docs/scores.md" in _links(ROOT / "README.md")


@cache
def _paths() -> frozenset[str]:
    """Every file and folder of the repository, and each end of its path: `a/b.py` and `b.py`."""
    found = [path for folder in _FOLDERS for path in [ROOT / folder, *(ROOT / folder).rglob("*")]] + list(
        ROOT.iterdir()
    )
    parts = [path.relative_to(ROOT).parts for path in found if "__pycache__" not in path.parts]
    return frozenset("/".join(part[i:]) for part in parts for i in range(len(part)))


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_named_files_exist(page: str) -> None:
    named = _PATH.findall((ROOT / page).read_text(encoding="utf-8"))
    assert len(named) > 20
    elsewhere = {"../shared", "secondpass/mini"}  # data beside the checkout, and the name of a model
    missing = [path for path in named if path not in elsewhere and path.rstrip("/") not in _paths()]
    assert missing == []


def test_figures_of_checkpoints_to_choose_are_those_that_are_known() -> None:
    section = (ROOT / "docs" / "checkpoints.md").read_text(encoding="utf-8").partition("## Choosing one")[2]
    rows = re.findall(r"^\|[^|\n]*\| \[?`([^`\n]+)`[^|\n]*\|(.+)\|$", section.partition("\n## ")[0], re.MULTILINE)
    assert len(rows) > 10
    for checkpoint, row in rows:
        known = known_by_name(checkpoint)
        assert known is not None, checkpoint
        parameters, tokens, *figures, licence = (cell.strip() for cell in row.split("|"))
        assert (float(parameters), int(tokens.replace(",", ""))) == (known.parameters, known.max_length), checkpoint
        assert licence.casefold() == known.license, checkpoint
        shown = {float(number) for cell in figures for number in _NUMBER.findall(cell)}
        assert shown, checkpoint
        assert shown <= {figure.value for figure in known.published}, checkpoint


def test_every_field_of_a_training_example_is_told() -> None:
    text = (ROOT / "docs" / "train.md").read_text(encoding="utf-8")
    assert [field for field in FIELDS if f"`{field}`" not in text and f'"{field}":' not in text] == []


def test_what_is_said_not_to_load_is_no_known_checkpoint() -> None:
    sentences = [
        sentence
        for page in pages()
        for sentence in re.split(r"[.;:] ", " ".join(page.read_text(encoding="utf-8").split()))
        if re.search(r"\b(?:do|does) not load\b", sentence)
    ]
    named = {checkpoint for sentence in sentences for checkpoint in re.findall(r"`([\w-]+/[\w.-]+)`", sentence)}
    assert "BAAI/bge-reranker-v2-minicpm-layerwise" in named
    known = [known for known in map(known_by_name, named) if known is not None]
    assert [checkpoint.name for checkpoint in known if checkpoint.refused is None] == []


def test_the_map_has_the_layers_of_the_contract() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawing = text.partition("```text\n")[2].partition("```\n")[0]
    _, rooms, *floors = re.split(r"^\+[-+]+\+\n", drawing, flags=re.MULTILINE)[:-1]
    drawn = [
        sorted(re.findall(r"(\w+)(?:/|\.py) ", "".join(line.split("|")[1] for line in floor.splitlines())))
        for floor in floors
    ]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "layers")
    assert "| cli/ " in rooms
    assert drawn == [sorted(layer.split(" | ")) for layer in layers[layers.index("cli") + 1 :]]


def test_figures_are_those_of_the_benchmarks() -> None:
    measured = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    rows = [set(_NUMBER.findall(line)) for line in measured.splitlines() if line.startswith("|")]
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").partition("## Results")[2]
    cells = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("|")]
    told = [{cell.strip() for cell in row if _NUMBER.fullmatch(cell.strip())} for row in cells]
    assert sum(len(row) > 1 for row in told) > 15
    assert [row for row in told if not any(row <= other for other in rows)] == []
    speeds = re.search(r"it is ([\d.]+) to ([\d.]+) times", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert speeds is not None
    assert all(any(speed in row for row in rows) for speed in speeds.groups())


def test_the_readme_is_short_and_says_how_to_begin() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert '    pip install -c constraints.txt ".[all]" && secondpass demo\n' in text
    assert '    pip install -c constraints.txt -e ".[all,test]" && pytest\n' in text


def test_the_site_builds_strictly_and_asks_no_other_host(tmp_path: Path) -> None:
    for module in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(module, reason="needs the extra docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    html = [page.read_text(encoding="utf-8") for page in tmp_path.rglob("*.html")]
    assert len(html) > 20
    for page in (ROOT / "docs").glob("*.md"):  # a fence that the site cannot read swallows what follows
        built = tmp_path / ("" if page.stem == "index" else page.stem) / "index.html"
        headings = re.findall(r"^## ", _CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
        assert built.read_text(encoding="utf-8").count("<h2 id=") >= len(headings), page.name
    loaded = r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//|<link\b[^>]*\bhref=[\"']?(?:https?:)?//"
    assert [match for page in html for match in re.findall(loaded, page)] == []
    styles = [style.read_text(encoding="utf-8") for style in tmp_path.rglob("*.css")]
    assert [match for style in styles for match in re.findall(r"(?:url\(|@import )[\"']?https?:", style)] == []
    reference = (tmp_path / "reference" / "scorers" / "index.html").read_text(encoding="utf-8")
    assert 'id="secondpass.CrossEncoder.predict"' in reference


@pytest.mark.slow
def test_the_picture_is_drawn_from_what_the_demo_prints() -> None:
    pytest.importorskip("bm25s", reason="needs the extra eval")
    demo = [sys.executable, "-m", "secondpass", "demo", "--json"]
    printed = subprocess.run(demo, capture_output=True, text=True, check=True).stdout  # noqa: S603
    draw = [sys.executable, str(ROOT / "docs" / "images" / "draw_demo.py")]
    drawn = subprocess.run(draw, input=printed, capture_output=True, text=True, check=True).stdout  # noqa: S603
    assert drawn == (ROOT / "docs" / "images" / "demo.svg").read_text(encoding="utf-8")
