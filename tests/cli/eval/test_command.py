"""`secondpass eval`, `train` and `demo` as people call them."""

import gzip
import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from checkpoints import bert
from command_line import call
from rich.console import Console
from truncation import TRUNCATES
from typer.testing import CliRunner

from secondpass import CrossEncoder
from secondpass.cli.app import app
from secondpass.cli.eval.reranking_sets import set_table
from secondpass.cli.eval.tables import report_table
from secondpass.demo import passages, questions
from secondpass.errors import CheckpointNotFoundError, InputError
from secondpass.evaluation import DepthPoint, Report, SetMetrics
from secondpass.evaluation.reranking_sets import SetResult
from secondpass.ranking import Readings


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    folder = tmp_path / "collection"
    folder.mkdir()
    texts = {"a": "the cat sleeps", "b": "the dog barks", "c": "cat and dog", "d": "a horse"}
    rows = [{"_id": key, "title": "", "text": text} for key, text in texts.items()]
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    (folder / "queries.jsonl").write_text('{"_id": "1", "text": "cat"}\n{"_id": "2", "text": "dog"}\n')
    (folder / "qrels.trec").write_text("1 0 a 1\n2 0 b 1\n")
    return folder


def test_eval_builds_a_first_stage_compares_models_and_writes_everything(collection: Path, tmp_path: Path) -> None:
    one, two = bert(tmp_path / "one"), bert(tmp_path / "two", max_length=64)
    out = tmp_path / "out"
    command = ("eval", collection, "-m", one, "-m", two, "--measure", "RR@10", "--depth", 10, "-o", out)
    reports = json.loads(call(*command))
    assert [Path(report["model"]).name for report in reports] == ["one", "two"]
    assert reports[0]["measures"]["RR@10"]["n_queries"] == 2
    assert json.loads((out / "report.json").read_text()) == reports
    assert {path.suffix for path in out.iterdir()} == {".json", ".jsonl", ".trec", ".png"}
    assert (out / "comparison.png").exists()
    again = json.loads(call(*command))
    assert again[0]["per_query"] == reports[0]["per_query"]
    written = next(out.glob("*one.trec"))
    rerun = json.loads(call("eval", collection, "-m", one, "--run", written, "--measure", "RR@10"))
    assert rerun[0]["measures"]["RR@10"]["before"] == reports[0]["measures"]["RR@10"]["after"]


@TRUNCATES
def test_eval_compares_cascades_with_their_models(collection: Path, tmp_path: Path) -> None:
    one, two = bert(tmp_path / "one", max_length=8), bert(tmp_path / "two")
    command = ("eval", collection, "-m", one, "-m", two, "--keep", 1, "--keep", 4, "-o", tmp_path / "out")
    reports = json.loads(call(*command))
    assert [Path(report["model"]).name for report in reports] == ["one", "two", "cascade-keep-1", "cascade-keep-4"]
    _, large, narrow, whole = reports
    assert whole["per_query"] == large["per_query"]
    assert whole["against"]["model"] == narrow["against"]["model"] == str(two)
    assert whole["against"]["difference"] == 0.0
    assert narrow["against"]["before"] == large["measures"]["nDCG@10"]["after"]
    assert narrow["against"]["after"] == narrow["measures"]["nDCG@10"]["after"]
    assert [len(report["depths"]) for report in reports] == [4, 4, 1, 1]
    assert "against" not in large
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"cascade-keep-1.trec", "cascade-keep-1.png", "cascade-keep-4.progress.jsonl"} <= names
    table = call(*command, "--format", "markdown")
    assert "quality against time; " in table
    assert "| cascade-keep-4 |" in table


@pytest.mark.parametrize(
    ("models", "keep", "message"),
    [
        ("a", "20", "--keep must come with at least 2 --model, the cheapest first, got 1"),
        ("ab", "many", "--keep must be numbers, such as 20 or 50,20 or 0.2, got 'many'"),
        ("ab", "0", "keep must be an integer of at least 1, or a margin between 0.0 and 1.0, got 0"),
        ("ab", "50,20", "keep must have one number for each stage but the last, which are 1, got 2"),
    ],
)
def test_eval_refuses_what_is_no_cascade(collection: Path, models: str, keep: str, message: str) -> None:
    options = [option for model in models for option in ("-m", model)]
    with pytest.raises(InputError, match=message):
        call("eval", collection, *options, "--keep", keep)


def test_a_first_stage_is_as_deep_as_the_measures_look(tmp_path: Path) -> None:
    rows = [{"_id": f"{i:03}", "title": "", "text": "cat" + " dog" * i} for i in range(130)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "queries.jsonl").write_text('{"_id": "1", "text": "cat"}\n')
    (tmp_path / "qrels.trec").write_text("1 0 129 1\n")  # the longest document, BM25's last
    arguments = ("eval", tmp_path, "-m", bert(tmp_path / "model"), "--measure", "R@100", "--measure", "R@200")
    (report,) = json.loads(call(*arguments, "--depth", 5))
    assert {name: measure["before"] for name, measure in report["measures"].items()} == {"R@100": 0.0, "R@200": 1.0}


def test_eval_reads_re_ranking_sets(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"query": "cat", "positive": ["the cat"], "documents": ["a dog", "the cat"]}\n')
    (row,) = json.loads(call("eval", path, "-m", bert(tmp_path / "m")))
    assert row["base_mrr@10"] == 0.5
    assert row["n_queries"] == 1


class Interrupted:
    """Interrupts a model once it has scored a number of queries."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.queries: list[str] = []
        self.after = 99
        read = CrossEncoder.read

        def scored(model: CrossEncoder, pairs: Sequence[tuple[str, str]]) -> Readings:
            if len(self.queries) == self.after:
                raise KeyboardInterrupt
            self.queries.append(pairs[0][0])
            return read(model, pairs)

        monkeypatch.setattr(CrossEncoder, "read", scored)


def test_eval_of_a_set_continues_and_notices_another_model_or_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, model = tmp_path / "set.jsonl", bert(tmp_path / "m")
    lines = [
        f'{{"query": "{animal}", "positive": ["the {animal}"], "negative": ["a fish", "an ant"]}}\n'
        for animal in ("cat", "dog", "horse")
    ]
    path.write_text("".join(lines))
    whole = json.loads(call("eval", path, "-m", model))
    scorer, command = Interrupted(monkeypatch), ("eval", path, "-m", model, "-o", tmp_path / "out")
    scorer.after = 2
    assert CliRunner().invoke(app, [str(argument) for argument in command]).exit_code != 0
    scorer.after = 99
    rows = json.loads(call(*command))
    assert scorer.queries == ["cat", "dog", "horse"]
    assert [row | {"seconds": 0} for row in rows] == [row | {"seconds": 0} for row in whole]
    assert json.loads((tmp_path / "out/report.json").read_text()) == rows
    with pytest.raises(InputError, match="another job's progress, of another model; remove it"):
        call(*command, "--max-length", 64)
    path.write_text("".join(lines[:2]))
    with pytest.raises(InputError, match="another job's progress, of other queries, documents or depth; remove it"):
        call(*command)
    path.write_text("".join(lines))
    bert(tmp_path / "m", num_hidden_layers=1)
    with pytest.raises(InputError, match="another job's progress, of another model; remove it"):
        call(*command)


def test_eval_refuses_options_that_mean_nothing_to_a_set(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"query": "cat", "positive": ["the cat"], "negative": ["a dog"]}\n')
    with pytest.raises(InputError, match=r"--measure, --depth must come with a folder; .*set.jsonl is the file of"):
        call("eval", path, "--measure", "AP", "--depth", 5)
    with pytest.raises(InputError, match=r"no such file or folder: .*none"):
        call("eval", tmp_path / "none")


def test_a_table_shows_the_given_order_and_each_model() -> None:
    result = SetResult(3, SetMetrics(0.5, 0.25, 0.75), SetMetrics(0.1, 0.2, 0.3), 0.5, n_scored=2)
    written = StringIO()
    Console(width=80, file=written).print(set_table("a [b].jsonl", {"m": result}))
    for text in ("a [b].jsonl: 3 queries", "given order", "0.1000", "0.7500", "250.0"):
        assert text in written.getvalue()


def test_a_report_gives_its_speed_per_query() -> None:
    report = Report("m", 20, {}, (DepthPoint(20, 0.5, 12.5, 20),), 40, 0.02, {})
    written = StringIO()
    Console(width=110, file=written).print(report_table(report))
    assert "2000 docs/s, 12.5 ms per query of 20 candidates" in written.getvalue()


@pytest.mark.parametrize(("keep", "again"), [("2", "02"), ("0.2", "0.20")])
def test_eval_refuses_the_same_cascade_twice(collection: Path, keep: str, again: str) -> None:
    with pytest.raises(InputError, match=f"--keep must name different cascades, got {keep}, {again}"):
        call("eval", collection, "-m", "a", "-m", "b", "--keep", keep, "--keep", again)


def test_eval_refuses_the_same_model_twice(collection: Path) -> None:
    with pytest.raises(InputError, match="must name different models"):
        call("eval", collection, "-m", "x", "-m", "x")
    (collection.parent / "model").mkdir()
    (collection.parent / "link").symlink_to("model")
    with pytest.raises(InputError, match=r"must name different models, got .*model, .*link"):
        call("eval", collection, "-m", collection.parent / "model", "-m", collection.parent / "link")


def test_eval_finds_every_model_before_it_scores_with_one(collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Interrupted(monkeypatch)
    good = bert(collection.parent / "good")
    samples = collection.parent / "set.jsonl"
    samples.write_text('{"query": "cat", "positive": ["the cat"], "negative": ["a dog"]}\n')
    for data in (collection, samples):
        with pytest.raises(CheckpointNotFoundError, match=r"no folder '\./nowhere'"):
            call("eval", data, "-m", good, "-m", "./nowhere")
    assert scorer.queries == []


def test_train_follows_its_file(tmp_path: Path) -> None:
    bert(tmp_path / "base")
    (tmp_path / "train.jsonl").write_text('{"query": "cat", "positive": ["the cat"], "negative": ["a dog"]}\n')
    (tmp_path / "run.toml").write_text(
        '[model]\nbase = "base"\nmax_length = 32\n[data]\ntrain = ["train.jsonl"]\n'
        '[run]\nloss = "listwise"\noutput = "out"\nsteps = 1\nevaluate_every = 1\n'
    )
    result = json.loads(call("train", tmp_path / "run.toml"))
    assert (result["steps"], result["folder"]) == (1, str(tmp_path / "out"))
    assert (tmp_path / "out/model.safetensors").exists()


@TRUNCATES
def test_the_demo_runs_with_any_model_and_tells_each_question(tmp_path: Path) -> None:
    output = json.loads(call("demo", "--model", bert(tmp_path), "--depth", 5))
    assert [outcome["question"] for outcome in output["questions"]] == [question.text for question in questions()]


def test_the_demo_corpus_holds_every_answer() -> None:
    corpus = passages()
    assert len(corpus) == 1293
    for question in questions():
        assert question.answer.casefold() in corpus[question.passage].text.casefold()
