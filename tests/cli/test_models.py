"""`secondpass models`: what one chooses between, by language, licence and size, on a screen and as JSON."""

import io
import json
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from secondpass.checkpoint.known import known_checkpoints
from secondpass.cli.app import app
from secondpass.cli.models_tables import grouped, models_sheets
from secondpass.cli.sheets import Sheet
from secondpass.errors import InputError

COLUMN_KEYS = ("name", "group", "kind", "architecture", "parameters", "languages", "max_length", "license")
OTHER_KEYS = (
    "non_commercial",
    "takes",
    "refused",
    "published",
    "aliases",
    "label",
    "layout",
    "tokenizer",
    "activation",
)


def rows(*arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["models", "--json", *arguments], catch_exceptions=False)
    listed: list[dict[str, Any]] = json.loads(result.stdout)
    return listed


def names(*arguments: str) -> list[str]:
    return [row["name"] for row in rows(*arguments)]


def shown(sheet: Sheet, width: int) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(sheet)
    return stream.getvalue()


def test_the_bundled_one_comes_first_and_with_all_none_is_left_out() -> None:
    assert names()[0] == "secondpass/mini"
    assert sorted(names("--all")) == sorted(row.name for row in known_checkpoints())
    assert set(names()) < set(names("--all"))
    assert {row["group"] for row in rows("--all")} - {row["group"] for row in rows()} == {
        "older",
        "bi-encoders",
        "refused",
    }


def test_json_holds_every_figure_with_its_source() -> None:
    listed = {row["name"]: row for row in rows("--all")}
    assert all(tuple(row) == COLUMN_KEYS + OTHER_KEYS for row in listed.values())
    row = listed["cross-encoder/ms-marco-TinyBERT-L2-v2"]
    assert (row["architecture"], row["max_length"], row["license"]) == ("BERT", 512, "apache-2.0")
    assert row["published"][0] == {
        "measure": "nDCG@10 TREC DL 2019",
        "value": 69.84,
        "source": "MS MARCO Cross-Encoders model card",
    }
    assert listed["zeroentropy/zerank-2-reranker"]["non_commercial"] is True
    assert listed["jinaai/jina-reranker-v3"]["refused"]


def test_by_language() -> None:
    german = set(names("--language", "de"))
    assert german >= {"deepset/gbert-base-germandpr-reranking", "BAAI/bge-reranker-v2-m3", "Qwen/Qwen3-Reranker-0.6B"}
    assert not german & {"secondpass/mini", "cross-encoder/ms-marco-MiniLM-L6-v2", "BAAI/bge-reranker-large"}
    assert "Antix5/product-reranker-mmBERT-small" in german
    assert "Antix5/product-reranker-mmBERT-small" not in names("--language", "sw")


def test_by_licence() -> None:
    assert {row["license"] for row in rows("--all", "--license", "MIT", "--license", "gemma")} == {"mit", "gemma"}
    commercial = rows("--all", "--license", "commercial")
    assert {row["license"] for row in commercial} == {"apache-2.0", "mit", "gemma"}
    assert not any(row["non_commercial"] for row in commercial)


@pytest.mark.parametrize(
    ("most", "below", "above"),
    [
        ("23M", "cross-encoder/ms-marco-MiniLM-L6-v2", "secondpass/mini"),
        ("0.6b", "Qwen/Qwen3-Reranker-0.6B", "mixedbread-ai/mxbai-rerank-large-v2"),
        ("4400K", "cross-encoder/ms-marco-TinyBERT-L2-v2", "cross-encoder/ms-marco-MiniLM-L2-v2"),
        ("1000000000", "cross-encoder/ettin-reranker-1b-v1", "mixedbread-ai/mxbai-rerank-large-v2"),
    ],
)
def test_by_size(most: str, below: str, above: str) -> None:
    fitting = names("--max-parameters", most)
    assert below in fitting
    assert above not in fitting


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--language", "german"), "language must be an ISO 639-1 code, such as de, got 'german'"),
        (("--license", "apache"), "--license must be apache-2.0, cc-by-nc-4.0, .* or commercial, got apache"),
        (("--max-parameters", "small"), "max_parameters must be a number of weights above 0, .* got 'small'"),
        (("--max-parameters", "0M"), "max_parameters must be a number of weights above 0"),
    ],
)
def test_options_without_a_meaning_are_refused(arguments: tuple[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CliRunner().invoke(app, ["models", *arguments], catch_exceptions=False)


def test_where_nothing_fits_the_screen_says_so_and_json_is_empty() -> None:
    nothing = ("--language", "de", "--max-parameters", "10")
    assert names(*nothing) == []
    said = "known checkpoint is all of that, with at most 10 weights; any other of their architectures loads, too"
    piped = CliRunner().invoke(app, ["models", *nothing])
    assert (piped.stdout, piped.stderr) == ("[]\n", f"warning: no {said}\n")
    result = CliRunner().invoke(app, ["models", *nothing, "--format", "table"])
    assert f"No {said}." in " ".join(result.stdout.split())
    assert result.stderr == ""


@pytest.mark.parametrize("width", [50, 80, 100, 200])
def test_every_table_fits_the_terminal_and_shows_every_figure(width: int) -> None:
    for group, members in grouped(known_checkpoints()):
        (sheet,) = models_sheets([(group, members)])
        text = shown(sheet, width)
        assert max(map(len, text.splitlines())) <= width
        cells = [str(cell) for row in sheet.rows for cell in row.cells[1:]]
        assert all(cell.strip() in text for cell in cells if cell.strip(" *.").replace(".", "").isdigit())
        if "┃" not in text:
            assert all(row.name in "".join(text.split()) for row in members)


def test_at_a_hundred_columns_names_of_english_models_are_whole() -> None:
    (group, members), *_ = [entry for entry in grouped(known_checkpoints()) if entry[0].name == "English"]
    (sheet,) = models_sheets([(group, members)])
    lines = shown(sheet, 100).splitlines()
    assert all(any(row.name in line for line in lines) for row in members)


def test_what_stands_out_is_better_than_all_that_are_smaller() -> None:
    ((group, members),) = [entry for entry in grouped(known_checkpoints()) if entry[0].name == "English"]
    (sheet,) = models_sheets([(group, members)])
    bold = [str(row.cells[0]) for row in sheet.rows if row.style == "bold"]
    # Read off the announcement's table: each size of Ettin, and none of the others, beats all that are smaller.
    assert bold == [f"cross-encoder/ettin-reranker-{size}-v1" for size in ("17m", "32m", "68m", "150m", "400m", "1b")]
    assert bold == [str(row.cells[0]) for row in sheet.rows if any("*" in str(cell) for cell in row.cells)]


def test_older_ones_are_beaten_by_no_larger_ones_of_their_card() -> None:
    measure = "nDCG@10 TREC DL 2019"
    of_card = [(row, figure) for row in known_checkpoints() if (figure := row.figure(measure)) is not None]
    for row, figure in of_card:
        better = [
            other
            for other, theirs in of_card
            if theirs.source == figure.source
            and theirs.value > figure.value
            and (other.parameters or 0) <= (row.parameters or 0)
        ]
        assert better or not row.older, row.name


def test_non_commercial_licences_are_marked() -> None:
    sheets = models_sheets(grouped(known_checkpoints()))
    text = "\n".join(shown(sheet, 120) for sheet in sheets)
    assert text.count("non-commercial") == 3
    assert "non-commercial" in sheets[4].markdown()
