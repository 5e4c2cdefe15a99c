"""Whole jobs: what comes in goes out with its score, once, whatever happens on the way."""

import gzip
import json
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import bert, edit_json
from job_rows import check_scored, errors_of, make_rows, read_output, write_jsonl
from scorers import Scores
from truncation import TRUNCATES

from secondpass import CrossEncoder
from secondpass.errors import InputError
from secondpass.jobs import JobResult, JobSettings, score_files
from secondpass.jobs.settings import OutputFormat
from secondpass.options import ModelOptions
from secondpass.ranking import Pair, Readings
from secondpass.remote import RemoteScorer


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(bert(tmp_path_factory.mktemp("model"), max_length=32))


@pytest.fixture(scope="module")
def scorer(model: str) -> CrossEncoder:
    return CrossEncoder(model)


class Poisoned:
    """A model that takes streams, and raises for a batch with a document that holds the word poison."""

    def __init__(self, model: CrossEncoder) -> None:
        self._model = model

    def score(self, query: str, documents: Sequence[str]) -> Any:
        return self.read([(query, document) for document in documents]).scores

    def read(self, pairs: Iterable[Pair]) -> Readings:
        given = list(pairs)
        if any("poison" in document for _, document in given):
            raise RuntimeError("device-side assert")
        return self._model.read(given)

    def read_blocks(self, pairs: Iterable[Pair], *, passages: bool = True) -> Iterator[Readings]:  # noqa: ARG002
        block: list[Pair] = []
        for pair in pairs:
            block.append(pair)
            if len(block) == 32:
                yield self.read(block)
                block = []
        if block:
            yield self.read(block)


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_rows_come_out_once_with_their_columns_scores_and_ranks(
    packed: str, model: str, scorer: CrossEncoder, tmp_path: Path
) -> None:
    rows = make_rows(500)
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    if packed:
        path = path.rename(tmp_path / "a.jsonl.gz")
        path.write_bytes(gzip.compress(path.read_bytes()))
    told: list[tuple[int, int, int]] = []
    result = score_files(
        path, tmp_path / "out", model=model, settings=JobSettings(shard_rows=100), progress=lambda *n: told.append(n)
    )
    check_scored(rows, read_output(tmp_path / "out"), scorer)
    assert (result.n_rows, result.n_bad, result.n_truncated, result.n_shards) == (500, 0, 0, 5)
    assert told[0] == (0, 0, 500)
    assert told[-1] == (0, 500, 500)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["finished", "manifest.json", "scores"]


@TRUNCATES
def test_parquet_keeps_its_columns_and_types(model: str, tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = make_rows(300)
    rows[7]["document"] = "people " * 60
    columns = {name: [row[name] for row in rows] for name in ("query", "document")}
    table = pa.table(
        {**columns, "id": pa.array(range(300), pa.uint16()), "when": pa.array(range(300), pa.timestamp("ms"))}
    )
    pq.write_table(table.replace_schema_metadata({"pandas": "{}"}), tmp_path / "a.parquet")
    options = ModelOptions(long_documents="windows")
    score_files(
        tmp_path / "a.parquet", tmp_path / "out", model=model, options=options, settings=JobSettings(shard_rows=100)
    )
    scored = pq.read_table(tmp_path / "out" / "scores")
    assert scored.select(table.column_names).equals(table)
    read = CrossEncoder(model, long_documents="windows").read(zip(columns["query"], columns["document"], strict=True))
    np.testing.assert_allclose(scored["score"].to_numpy(), read.scores, atol=1e-6, rtol=0)
    for start, passage in zip(scored["passage_start"].to_pylist(), read.passages, strict=True):
        assert start == (None if passage is None else passage.start)
    assert [str(scored.schema.field(name).type) for name in ("score", "rank", "truncated", "passage_end")] == [
        "float", "int32", "bool", "int64",
    ]  # fmt: skip
    assert scored.schema.metadata is None


def test_every_format_becomes_every_other(model: str, scorer: CrossEncoder, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    rows = make_rows(60)
    write_jsonl(tmp_path / "a.jsonl", rows)
    to_parquet = JobSettings(output_format="parquet", keep_texts=False, result_prefix="new_", shard_rows=25)
    score_files(tmp_path / "a.jsonl", tmp_path / "b", model=model, settings=to_parquet)
    table = pq.read_table(tmp_path / "b" / "scores")
    assert table.column_names == ["id", "new_score", "new_rank", "new_truncated"]
    assert table["id"].to_pylist() == list(range(60))
    pq.write_table(
        pq.read_table(tmp_path / "b" / "scores")
        .append_column("query", [[r["query"] for r in rows]])
        .append_column("document", [[r["document"] for r in rows]]),
        tmp_path / "c.parquet",
    )
    score_files(tmp_path / "c.parquet", tmp_path / "d", model=model, settings=JobSettings(output_format="jsonl"))
    check_scored(rows, read_output(tmp_path / "d"), scorer)


@pytest.mark.parametrize("pattern", ["", "**/*.jsonl"])
def test_a_job_that_writes_below_its_input_goes_on(pattern: str, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", make_rows(20))
    for n_before in (0, 1):
        result = score_files(f"{tmp_path}/{pattern}", tmp_path / "out", scorer=Scores())
        assert (result.n_shards, result.n_shards_before, result.left_out) == (1, n_before, [])


def test_a_job_that_was_killed_before_it_had_its_manifest_begins_again(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", make_rows(20))
    for name in ("scores", "finished"):
        (tmp_path / "out" / name).mkdir(parents=True)
    assert score_files(path, tmp_path / "out", scorer=Scores()).n_rows == 20
    (tmp_path / "other" / "scores").mkdir(parents=True)
    (tmp_path / "other" / "scores" / "mine.jsonl").touch()
    with pytest.raises(InputError, match=r"holds scores and no manifest\.json"):
        score_files(path, tmp_path / "other", scorer=Scores())


def test_a_row_for_which_the_model_raises_is_listed_and_the_others_are_scored(
    scorer: CrossEncoder, tmp_path: Path
) -> None:
    rows = make_rows(300)
    bad = [13, 14, 200, 299]
    for number in bad:
        rows[number]["document"] = "poison"
    write_jsonl(tmp_path / "a.jsonl", rows)
    settings = JobSettings(shard_rows=100)
    result = score_files(tmp_path / "a.jsonl", tmp_path / "out", scorer=Poisoned(scorer), settings=settings)
    check_scored([row for row in rows if row["id"] not in bad], read_output(tmp_path / "out"), scorer)
    assert result.n_bad == len(bad)
    assert errors_of(tmp_path / "out") == [
        {"file": str(tmp_path / "a.jsonl"), "row": number + 1, "error": "RuntimeError: device-side assert"}
        for number in bad
    ]


@pytest.mark.parametrize("n_scored", [0, 13, 17])
def test_a_scorer_that_works_no_more_ends_the_job_and_costs_no_row(n_scored: int, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", make_rows(30))

    class Breaks(Scores):
        def score(self, query: str, documents: Sequence[str]) -> Any:
            if len(self.asked) + len(documents) > n_scored:
                raise RuntimeError("CUDA error")
            return super().score(query, documents)

    settings = JobSettings(shard_rows=5)
    with pytest.raises(RuntimeError, match="CUDA error"):
        score_files(path, tmp_path / "out", scorer=Breaks(), settings=settings)
    result = score_files(path, tmp_path / "out", scorer=Scores(), settings=settings)
    assert (result.n_rows, result.n_bad) == (30, 0)


def test_what_the_system_says_to_a_scorer_is_not_taken_for_the_output(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", make_rows(5))

    class Unreachable(Scores):
        def score(self, query: str, documents: Sequence[str]) -> Any:  # noqa: ARG002 - a Scorer
            raise ConnectionRefusedError(111, "Connection refused", "a service")

    with pytest.raises(ConnectionRefusedError, match="a service"):
        score_files(path, tmp_path / "out", scorer=Unreachable())


def test_a_shard_of_which_no_row_can_be_scored_is_finished_all_the_same(scorer: CrossEncoder, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"query": "q", "document": "poison"}] * 3)
    assert score_files(path, tmp_path / "out", scorer=Poisoned(scorer)).n_bad == 3


def test_of_fifty_files_one_that_cannot_be_read_is_named(model: str, tmp_path: Path) -> None:
    rows = make_rows(200)
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(50):
        content = "".join(json.dumps(row) + "\n" for row in rows[4 * number : 4 * number + 4])
        (folder / f"{number:02}.jsonl.gz").write_bytes(gzip.compress(content.encode()))
    cut = folder / "17.jsonl.gz"
    cut.write_bytes(cut.read_bytes()[:-9])
    (folder / "notes.txt").touch()
    result = score_files(folder, tmp_path / "out", model=model)
    scored = read_output(tmp_path / "out")
    assert [row["id"] for row in scored] == [row["id"] for row in rows if row["id"] // 4 != 17]
    assert result.left_out == [str(folder / "notes.txt")]
    (error,) = errors_of(tmp_path / "out")
    assert (error["file"], error["row"]) == (str(cut), None)
    assert "must be a whole gzip file" in error["error"]
    (folder / "50.jsonl").symlink_to("nowhere.jsonl")
    score_files(folder, tmp_path / "linked", model=model)
    assert {Path(error["file"]).name for error in errors_of(tmp_path / "linked")} == {"17.jsonl.gz", "50.jsonl"}
    (folder / "50.jsonl").unlink()
    cut.write_bytes(gzip.compress(b"{}\n"))  # a job of its own by now
    assert score_files(folder, tmp_path / "out", model=model).n_shards_before == 49
    cut.write_bytes(cut.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"17\.jsonl\.gz: must be a whole gzip file"):
        score_files(folder, tmp_path / "strict", model=model, settings=JobSettings(strict=True))
    assert not (tmp_path / "strict").exists()


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize("state", ["gone", "empty"])
def test_a_file_that_cannot_be_read_for_a_while_costs_no_row(state: str, kind: str, tmp_path: Path) -> None:
    first, second, away = tmp_path / f"a.{kind}", tmp_path / f"b.{kind}", tmp_path / "away"
    for path in (first, second):
        rows = make_rows(20)
        if kind == "jsonl":
            write_jsonl(path, rows)
        else:
            pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
            pq.write_table(pa.Table.from_pylist(rows), path)

    class TakesAway(Scores):
        def score(self, query: str, documents: Sequence[str]) -> Any:
            if not away.exists():
                second.rename(away)
                if state == "empty":
                    second.write_bytes(b"")
            return super().score(query, documents)

    with pytest.raises(InputError, match=rf"b\.{kind}"):
        score_files([first, second], tmp_path / "out", scorer=TakesAway())
    away.rename(second)
    away.mkdir()
    result = score_files([first, second], tmp_path / "out", scorer=TakesAway())
    assert (result.n_rows, result.n_bad, result.n_shards_before) == (40, 0, 1)


def test_parquet_that_is_damaged_costs_the_rows_behind_and_these_are_counted(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"query": ["q"] * 9000, "document": [f"d{i}" for i in range(9000)]})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, row_group_size=4500, compression="zstd", use_dictionary=False)
    column = pq.ParquetFile(path).metadata.row_group(1).column(1)
    data = bytearray(path.read_bytes())
    start = column.data_page_offset
    data[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(data)
    with pytest.raises(InputError, match="must be a Parquet file that is whole"):
        score_files(path, tmp_path / "strict", scorer=Scores(), settings=JobSettings(strict=True))
    told: list[tuple[int, int, int]] = []
    result = score_files(path, tmp_path / "out", scorer=Scores(), progress=lambda *n: told.append(n))
    assert result.n_rows + result.n_bad == 9000
    assert 0 < result.n_rows <= 4500
    assert told[-1] == (0, 9000, 9000)
    (error,) = errors_of(tmp_path / "out")
    assert error["row"] == result.n_rows + 1
    assert "must be a Parquet file that is whole" in error["error"]


def test_strict_stops_at_a_row_and_goes_on_without(model: str, scorer: CrossEncoder, tmp_path: Path) -> None:
    rows = make_rows(100)
    path = write_jsonl(tmp_path / "a.jsonl", [*rows[:70], {"query": rows[70]["query"]}, *rows[70:]])
    with pytest.raises(InputError, match=r"a\.jsonl:71: must have the column 'document'"):
        score_files(path, tmp_path / "out", model=model, settings=JobSettings(shard_rows=30, strict=True))
    result = score_files(path, tmp_path / "out", model=model, settings=JobSettings(shard_rows=30))
    assert result.n_shards_before == 2
    check_scored(rows, read_output(tmp_path / "out"), scorer)


def test_ranks_are_given_only_where_a_querys_rows_are_together(tmp_path: Path) -> None:
    rows = [{"query": query, "document": str(number)} for number, query in enumerate("aaaaaaaabcbc")]
    write_jsonl(tmp_path / "a.jsonl", rows)
    settings = JobSettings(shard_rows=3)
    result = score_files(tmp_path / "a.jsonl", tmp_path / "out", scorer=Scores(), settings=settings)
    # Shards of 6 (twice 3, for the query goes on), 3 and 3: one query comes back in another shard, one in the same.
    assert [row["rank"] for row in read_output(tmp_path / "out")] == [None] * 8 + [1, 1, 1, 1]
    assert (result.n_unranked, result.n_truncated, result.n_scattered) == (8, None, 2)
    whole = score_files(tmp_path / "a.jsonl", tmp_path / "whole", scorer=Scores())
    assert (whole.n_unranked, whole.n_scattered) == (0, 2)


def test_what_would_mix_the_scores_of_two_jobs_is_refused(model: str, tmp_path: Path) -> None:
    rows = make_rows(50)
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    out = tmp_path / "out"

    def again(**arguments: Any) -> JobResult:
        return score_files(path, out, **{"model": model, "settings": JobSettings(shard_rows=20), **arguments})

    other = bert(tmp_path / "other", max_length=32)
    edit_json(other / "config.json", hidden_dropout_prob=0.2)  # a file that differs
    again()
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    assert again(settings=JobSettings(shard_rows=20, strict=True)).n_shards_before == 3
    for arguments, message in (
        ({"options": ModelOptions(max_length=16)}, "max_length 32 there, 16 now"),
        ({"options": ModelOptions(activation="sigmoid")}, "activation none there, sigmoid now"),
        ({"settings": JobSettings(shard_rows=30)}, "shard_rows 20 there, 30 now"),
        ({"settings": JobSettings(shard_rows=20, keep_texts=False)}, "keep_texts True there, False now"),
        ({"model": str(other)}, "the model's files differ$"),
        (
            {"model": str(other), "options": ModelOptions(max_length=16)},
            "the model's files differ; max_length 32 there, 16 now",
        ),
    ):
        with pytest.raises(InputError, match=f"holds the scores of another one: {message}"):
            again(**arguments)
    write_jsonl(path, rows[:-1])
    with pytest.raises(InputError, match=r"a\.jsonl has changed"):
        again()
    assert before == {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}


def test_a_folder_of_other_things_is_left_alone(model: str, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", make_rows(5))
    with pytest.raises(InputError, match=r"output must be a new folder, .* holds a\.jsonl and no manifest\.json"):
        score_files(path, tmp_path, model=model)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text('{"name": "an app"}')
    with pytest.raises(InputError, match=r"manifest\.json is not the manifest of a job"):
        score_files(path, tmp_path / "out", model=model)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.jsonl", "out"]


def test_a_second_job_in_the_folder_is_refused_while_the_first_one_writes(tmp_path: Path) -> None:
    path, out, settings = write_jsonl(tmp_path / "a.jsonl", make_rows(60)), tmp_path / "out", JobSettings(shard_rows=20)

    class Twice(Scores):
        def score(self, query: str, documents: Sequence[str]) -> Any:
            with pytest.raises(InputError, match="output must be a folder of one job at a time, another one writes to"):
                score_files(path, out, scorer=Scores(), settings=settings)
            return super().score(query, documents)

    result = score_files(path, out, scorer=Twice(), settings=settings)
    assert (result.n_rows, result.n_shards_before) == (60, 0)
    assert len(read_output(out)) == 60
    assert score_files(path, out, scorer=Scores(), settings=settings).n_shards_before == result.n_shards


def test_a_shard_whose_file_is_removed_while_it_is_written_is_not_finished(tmp_path: Path) -> None:
    rows = make_rows(20)
    path, out = write_jsonl(tmp_path / "a.jsonl", rows), tmp_path / "out"

    class Removes(Scores):
        def score(self, query: str, documents: Sequence[str]) -> Any:
            for file in (out / "scores").iterdir():
                file.unlink()
            return super().score(query, documents)

    with pytest.raises(FileNotFoundError, match=r"part-00000\.jsonl"):
        score_files(path, out, scorer=Removes())
    assert score_files(path, out, scorer=Scores()).n_shards_before == 0
    assert len(read_output(out)) == 20


def test_a_shard_that_is_gone_or_was_begun_is_done_again(model: str, scorer: CrossEncoder, tmp_path: Path) -> None:
    rows = make_rows(90)
    path, out, settings = write_jsonl(tmp_path / "a.jsonl", rows), tmp_path / "out", JobSettings(shard_rows=20)
    score_files(path, out, model=model, settings=settings)
    (out / "scores" / "part-00001.jsonl").unlink()
    (out / "scores" / "part-00002.jsonl").write_text("half of a sha")
    (out / "finished" / "part-00003.json").unlink()
    assert score_files(path, out, model=model, settings=settings).n_shards_before == 2
    check_scored(rows, read_output(out), scorer)
    (out / "finished" / "part-00000.queries").unlink()
    assert score_files(path, out, model=model, settings=settings).n_shards_before == 4


def test_what_a_killed_job_left_is_removed_where_it_goes_on(tmp_path: Path) -> None:
    path, out = write_jsonl(tmp_path / "a.jsonl", make_rows(20)), tmp_path / "out"
    score_files(path, out, scorer=Scores())
    (out / "finished" / "part-00000.json").unlink()
    left = [out / "scores" / ".part-00000.jsonl.0.unfinished", out / ".manifest.json.0.unfinished"]
    for file in left:
        file.write_text("half of")

    class Looks(Scores):
        def score(self, query: str, documents: Sequence[str]) -> Any:
            assert not any(file.exists() for file in left)
            return super().score(query, documents)

    assert score_files(path, out, scorer=Looks()).n_shards_before == 0


@pytest.mark.slow
def test_bad_rows_take_the_memory_of_one_shard(tmp_path: Path) -> None:
    peaks = []
    for n_rows in (4_000, 40_000):
        path, out = tmp_path / f"{n_rows}.jsonl", tmp_path / f"out{n_rows}"
        path.write_text(f'{{"query": "{"q" * 100}"\n' * n_rows)
        tracemalloc.start()
        result = score_files(path, out, scorer=Scores(), settings=JobSettings(shard_rows=2000))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (result.n_rows, result.n_bad) == (0, n_rows)
        with (out / "errors.jsonl").open() as lines:
            assert [json.loads(line)["row"] for line in lines] == list(range(1, n_rows + 1))
    assert peaks[1] < 1.5 * peaks[0]


def test_nothing_to_score_is_a_job_too(model: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    result = score_files(tmp_path / "a.jsonl", tmp_path / "out", model=model)
    assert (result.n_rows, result.n_shards) == (0, 0)
    write_jsonl(tmp_path / "b.jsonl", [{"query": "q"}])
    settings = JobSettings(output_format="parquet")
    assert score_files(tmp_path / "b.jsonl", tmp_path / "bad", model=model, settings=settings).n_bad == 1
    assert list((tmp_path / "bad" / "scores").iterdir()) == []


def test_a_scorer_that_makes_up_scores_is_refused(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", make_rows(5))
    scorer = RemoteScorer("http://127.0.0.1:9", on_failure="keep_order")
    with pytest.raises(InputError, match="scorer must raise its failures, not score them"):
        score_files(path, tmp_path / "out", scorer=scorer)


class FailsForOne:
    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        del query
        if "broken" in documents:
            raise InputError("this one cannot be scored")
        return [float(len(text)) for text in documents]


@pytest.mark.parametrize("output_format", ["jsonl", "trec"])
def test_errors_stand_in_the_order_of_the_rows(output_format: OutputFormat, tmp_path: Path) -> None:
    texts = ["good", "broken", "fine", None, "better"]
    rows = [
        {"query": "q", "query_id": "1", "document": text, "document_id": str(number)}
        for number, text in enumerate(texts)
    ]
    path, out = write_jsonl(tmp_path / "a.jsonl", rows), tmp_path / "out"
    result = score_files(path, out, scorer=FailsForOne(), settings=JobSettings(output_format=output_format))
    assert (result.n_rows, result.n_bad) == (3, 2)
    lines = (out / "errors.jsonl").read_text().splitlines()
    assert [json.loads(line)["row"] for line in lines] == [2, 4]
