"""`secondpass eval` on documents longer than the model: counted where truncated, and both ways side by side."""

import json
from pathlib import Path

import pytest
from command_line import call

from secondpass.errors import InputError

FILLER = "The tide comes in twice a day, and the moon pulls at the sea. "
TEXTS = {
    "a": FILLER * 30 + "Berlin is the capital of Germany.",
    "b": "Paris is the capital of France.",
    "c": FILLER * 28 + "Bread needs flour and water to be baked.",
    "d": "Bread is sold on markets near the capital.",
}
QUERIES = {"1": "what is the capital of Germany", "2": "what does bread need to be baked"}


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    folder = tmp_path / "towns"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text(
        "\n".join(json.dumps({"_id": key, "title": "", "text": text}) for key, text in TEXTS.items())
    )
    (folder / "queries.jsonl").write_text(
        "\n".join(json.dumps({"_id": key, "text": text}) for key, text in QUERIES.items())
    )
    (folder / "qrels.trec").write_text("1 0 a 1\n2 0 c 1\n")
    return folder


def test_both_ways_side_by_side(collection: Path, tmp_path: Path) -> None:
    both = ("eval", collection, "--long-documents", "windows", "--compare-truncation", "--measure", "RR@10")
    out = tmp_path / "out"
    truncated, windows = json.loads(call(*both, "-o", out))
    (alone,) = json.loads(call("eval", collection, "--long-documents", "windows", "--measure", "RR@10"))
    (plain,) = json.loads(call("eval", collection, "--measure", "RR@10"))
    assert (truncated["model"], windows["model"]) == ("secondpass/mini, truncated", "secondpass/mini, windows")
    assert (truncated["long_documents"], windows["long_documents"]) == ("truncate", "windows")
    assert truncated["per_query"] == plain["per_query"]
    assert windows["per_query"] == alone["per_query"]
    assert (truncated["n_truncated"], windows["n_truncated"], alone["n_truncated"]) == (2, 0, 0)
    # By hand: the paired test is that of the two ways, query by query.
    against = windows["against_truncation"]["RR@10"]
    assert against["before"] == truncated["measures"]["RR@10"]["after"]
    assert against["after"] == windows["measures"]["RR@10"]["after"]
    ways = [(truncated["per_query"][q][1], windows["per_query"][q][1]) for q in QUERIES]
    assert (against["helped"], against["hurt"]) == (sum(b > a for a, b in ways), sum(b < a for a, b in ways))
    assert "against_truncation" not in truncated
    assert json.loads((out / "report.json").read_text()) == [truncated, windows]
    assert len(list(out.glob("*.trec"))) == len(list(out.glob("*.progress.jsonl"))) == 2
    # The second time nothing is left to score.
    again = json.loads(call(*both, "-o", out))
    assert again == [truncated, windows]
    table = call(*both, "-o", out, "--format", "table")
    assert f"; 2 of {truncated['n_documents']} documents truncated" in table
    assert "secondpass/mini, windows, against truncation" in table
    assert "truncated" in table.split("comparison; *")[1]


def test_no_count_where_all_was_read(collection: Path) -> None:
    table = call("eval", collection, "--long-documents", "windows", "--format", "table")
    assert "truncated" not in table


def test_a_set_counts_what_it_truncated(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps({"query": QUERIES["1"], "positive": [TEXTS["a"]], "negative": [TEXTS["b"]]}) + "\n")
    (row,) = json.loads(call("eval", path))
    assert (row["n_documents"], row["n_truncated"]) == (2, 1)
    assert "secondpass/mini: 1 of 2 documents truncated" in call("eval", path, "--format", "table")
    (row,) = json.loads(call("eval", path, "--long-documents", "windows"))
    assert row["n_truncated"] == 0
    with pytest.raises(InputError, match=r"--compare-truncation must come with a folder; .*set.jsonl is the file of"):
        call("eval", path, "--long-documents", "windows", "--compare-truncation")


def test_there_must_be_windows_to_compare(collection: Path) -> None:
    with pytest.raises(InputError, match="--compare-truncation must come with --long-documents windows"):
        call("eval", collection, "--compare-truncation")
