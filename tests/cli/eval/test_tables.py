"""`secondpass eval` on several collections, on ir_datasets and on data with faults; what its tables say."""

import json
from pathlib import Path

import numpy as np
import pytest
from checkpoints import bert
from command_line import call

from secondpass.cli.eval.tables import card_table, depth_table, report_table
from secondpass.errors import InputError
from secondpass.evaluation import Collection, Report, read_qrels, report, rerank
from secondpass.testing import OverlapScorer

TEXTS = {"a": "the cat sleeps", "b": "the dog barks", "c": "cat and dog", "d": "a horse"}


def write_collection(folder: Path, qrels: str = "1 0 a 1\n2 0 b 1\n") -> Path:
    folder.mkdir(parents=True)
    rows = [{"_id": key, "title": "", "text": text} for key, text in TEXTS.items()]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "queries.jsonl").write_text('{"_id": "1", "text": "cat"}\n{"_id": "2", "text": "dog"}\n')
    (folder / "qrels.trec").write_text(qrels)
    return folder


def test_several_collections_make_one_table_as_model_cards_have_it(tmp_path: Path) -> None:
    one, two = write_collection(tmp_path / "one"), write_collection(tmp_path / "two", "1 0 c 1\n2 0 c 2\n")
    model, out = bert(tmp_path / "model"), tmp_path / "out"
    command = ("eval", one, two, "-m", model, "-o", out)
    reports = json.loads(call(*command))
    assert [row["collection"] for row in reports] == ["one", "two"]
    assert set(reports[0]["measures"]) == {"nDCG@10", "RR@10"}
    lines = call(*command, "--format", "markdown").splitlines()
    assert (out / "card.md").read_text().splitlines() == lines
    assert lines[0] == f"{model}, re-ranking BM25's top 100".replace("_", r"\_")
    assert lines[2] == "| dataset | BM25 nDCG@10 | BM25 RR@10 | nDCG@10 | RR@10 |"
    cells = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines[4:7]]
    assert [row[0] for row in cells] == ["one", "two", "Mean"]
    for row, of_collection in zip(cells, reports, strict=False):
        figures = [
            of_collection["measures"][measure][side] for side in ("before", "after") for measure in ("nDCG@10", "RR@10")
        ]
        assert row[1:] == [f"{100 * figure:.2f}" for figure in figures]
    after = [of_collection["measures"]["nDCG@10"]["after"] for of_collection in reports]
    assert cells[2][3] == f"{50 * sum(after):.2f}"
    assert {path.name for path in (out / "one").iterdir()} >= {
        f"{tmp_path.name}--model.trec",
        f"{tmp_path.name}--model.png",
    }
    table = call(*command, "--format", "table")
    assert all(cell in table for row in cells for cell in row)


def test_several_models_stand_side_by_side_in_a_card() -> None:
    values = {"x": {"nDCG@10": 0.5}, "y": {"nDCG@10": 0.25}}
    sheet = card_table("t", {"BM25": values, "m": {"x": {"nDCG@10": 0.75}, "y": {"nDCG@10": 0.5}}})
    assert sheet.markdown().splitlines()[2:] == [
        "| dataset | BM25 nDCG@10 | m nDCG@10 |",
        "| --- | ---: | ---: |",
        "| x | 50.00 | 75.00 |",
        "| y | 25.00 | 50.00 |",
        "| **Mean** | **37.50** | **62.50** |",
    ]


def test_several_re_ranking_sets_make_one_table(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text('{"query": "cat", "positive": ["the cat"], "negative": ["a dog"]}\n')
    arguments = ("eval", tmp_path / "a.jsonl", tmp_path / "b.jsonl", "-m", bert(tmp_path / "m"))
    rows = json.loads(call(*arguments))
    assert [row["set"] for row in rows] == ["a.jsonl", "b.jsonl"]
    lines = call(*arguments, "--format", "markdown").splitlines()
    assert lines[2] == "| dataset | map | mrr@10 | ndcg@10 |"
    assert lines[-3].startswith("| **Mean** |")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("one", "set.jsonl"),
            "collections and re-ranking sets have measures of their own and need calls of",
        ),
        (("one", "two", "--run", "a.trec"), "--run must come with one collection, got 2"),
        (("one", "two", "--qrels", "a.trec"), "--qrels must come with one collection, got 2"),
        (("ir:x/y", "--corpus", "a.jsonl"), "--corpus must come with a folder, got ir:x/y, which has its own"),
        (("one", "one"), "DATA must name different collections, got one, one"),
        (("one", "one/"), "DATA must name different collections, got one, one/"),
        (("one", "two", "link"), "DATA must name different collections, got one, two, link"),
        (("ir:x/y", "ir:x/y"), "DATA must name different collections, got ir:x/y, ir:x/y"),
        (("one", "three"), "no such file or folder: three"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_collection(tmp_path / "one")
    write_collection(tmp_path / "two")
    (tmp_path / "link").symlink_to("one")
    (tmp_path / "set.jsonl").write_text('{"query": "cat", "positive": ["the cat"], "negative": ["a dog"]}\n')
    with pytest.raises(InputError, match=message):
        call("eval", *arguments, "-m", "no/such-model")


@pytest.mark.parametrize("command", [("eval", "one"), ("eval", "set.jsonl"), ("bench", "--tiny")])
def test_an_output_that_is_a_file_is_refused_before_any_work(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_collection(tmp_path / "one")
    (tmp_path / "set.jsonl").write_text('{"query": "cat", "positive": ["the cat"], "negative": ["a dog"]}\n')
    (tmp_path / "out").write_text("a file")
    (tmp_path / "dangling").symlink_to("nowhere")
    for output in ("out", "out/below", "dangling"):
        with pytest.raises(InputError, match="--output must be a folder or a new path, got"):
            call(*command, "-m", "no/such-model", "-o", output)
    assert (tmp_path / "out").read_text() == "a file"


def test_an_output_of_a_training_that_is_a_file_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    (tmp_path / "t.jsonl").write_text('{"query": "cat", "positive": ["the cat"], "negative": ["a dog"]}\n')
    (tmp_path / "run.toml").write_text(
        '[model]\nbase = "no/such-model"\n[data]\ntrain = ["t.jsonl"]\n[run]\nloss = "listwise"\noutput = "out"\n'
    )
    with pytest.raises(InputError, match=r"run\.output must be a folder or a new path"):
        call("train", tmp_path / "run.toml")


def test_documents_that_are_judged_twice(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "one", "1 0 a 0\n1 0 a 2\n1 0 a 1\n2 0 b 1\n2 0 b 1\n")
    with pytest.raises(InputError, match=r"qrels.trec:2: a document must have one grade .* takes one of them"):
        read_qrels(folder / "qrels.trec")
    assert read_qrels(folder / "qrels.trec", "highest") == {"1": {"a": 2}, "2": {"b": 1}}
    assert read_qrels(folder / "qrels.trec", "first") == {"1": {"a": 0}, "2": {"b": 1}}
    with pytest.raises(InputError, match='duplicate_judgements must be one of "highest", "first", "error"'):
        read_qrels(folder / "qrels.trec", "last")  # type: ignore[arg-type]  # what callers without types do
    command = ("eval", folder, "-m", bert(tmp_path / "m"), "--measure", "RR@10")
    with pytest.raises(InputError, match='duplicate_judgements="highest" or "first" takes one of them'):
        call(*command)
    (row,) = json.loads(call(*command, "--duplicate-judgements", "first"))
    assert row["measures"]["RR@10"]["before"] == 0.5


def _report(n_documents: int, depth: int) -> Report:
    collection = Collection({"q": "red"}, {str(i): "red" + " dog" * i for i in range(n_documents)}, {"q": {"1": 1}})
    run = {"q": {str(i): float(-i) for i in range(n_documents)}}
    scored = rerank(OverlapScorer(), collection, run, depth=depth)
    return report("m", collection, run, scored, measures=["RR@10"], depth=depth)


def test_a_report_counts_the_candidates_there_are() -> None:
    assert "ms per query of 82 candidates" in report_table(_report(82, 100)).caption
    assert "ms per query of 1 candidate" in report_table(_report(82, 1)).caption
    rows = [[str(cell) for cell in row.cells[:2]] for row in depth_table(_report(82, 100)).rows]
    assert rows == [["10", "10"], ["20", "20"], ["50", "50"], ["100", "82"]]


def test_milliseconds_have_a_column_of_their_own() -> None:
    sheet = report_table(_report(30, 20))
    hurt = [column.name for column in sheet.columns].index("hurt")
    assert [row.cells[hurt] for row in sheet.rows] == ["0"]
    assert [column.name for column in depth_table(_report(30, 20)).columns] == [
        "depth",
        "candidates",
        "RR@10",
        "ms/query",
    ]


def test_an_id_of_ir_datasets_is_a_collection(tmp_path: Path) -> None:
    ir_datasets = pytest.importorskip("ir_datasets", reason="needs ir_datasets")
    from ir_datasets.datasets.base import Dataset
    from ir_datasets.formats import TrecQrels, TsvDocs, TsvQueries
    from ir_datasets.util import LocalDownload

    (tmp_path / "docs.tsv").write_text("".join(f"{key}\t{text}\n" for key, text in TEXTS.items()))
    (tmp_path / "queries.tsv").write_text("1\tcat\n2\tdog\n")
    (tmp_path / "qrels.trec").write_text("1 0 a 1\n2 0 b 0\n2 0 b 1\n")
    parts = (
        TsvDocs(LocalDownload(tmp_path / "docs.tsv")),
        TsvQueries(LocalDownload(tmp_path / "queries.tsv")),
    )
    qrels = TrecQrels(LocalDownload(tmp_path / "qrels.trec"), {0: "not relevant", 1: "relevant"})
    name = f"secondpass-test-{tmp_path.name}"
    ir_datasets.registry.register(name, Dataset(*parts, qrels))
    ir_datasets.registry.register(f"{name}/docs", Dataset(*parts))
    model = bert(tmp_path / "m")
    folder = write_collection(tmp_path / "folder")
    command = ("eval", f"ir:{name}", "-m", model, "--duplicate-judgements", "highest", "-o", tmp_path / "out")
    (from_ir,) = json.loads(call(*command))
    (from_folder,) = json.loads(call("eval", folder, "-m", model))
    assert from_ir["measures"] == from_folder["measures"]
    assert from_ir["collection"] == name
    assert np.isfinite(from_ir["ms_per_query"])
    with pytest.raises(InputError, match=f"ir:{name}: a document must have one grade per query"):
        call("eval", f"ir:{name}", "-m", model)
    with pytest.raises(InputError, match=f"ir:{name}/docs must have docs, queries and qrels, has no qrels"):
        call("eval", f"ir:{name}/docs", "-m", model)
    with pytest.raises(InputError, match="ir:no/such must be an id that ir_datasets knows"):
        call("eval", "ir:no/such", "-m", model)
    (tmp_path / "docs.tsv").unlink()
    with pytest.raises(InputError, match=f"ir:{name} cannot be read: "):
        call("eval", f"ir:{name}", "-m", model, "--duplicate-judgements", "first")
