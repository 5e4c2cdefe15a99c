"""TREC runs as jobs read and write them: a run is right as a whole, however it was divided."""

import pickle
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from checkpoints import bert
from job_rows import errors_of, make_rows, write_jsonl
from scorers import Scores

from secondpass import CrossEncoder, RankedDocument
from secondpass.errors import InputError
from secondpass.evaluation import read_run
from secondpass.ir_files.texts import read_documents
from secondpass.jobs import JobSettings, score_files
from secondpass.jobs.inputs import run_texts


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(bert(tmp_path_factory.mktemp("model"), max_length=32))


@pytest.fixture(scope="module")
def scorer(model: str) -> CrossEncoder:
    return CrossEncoder(model)


def test_a_run_becomes_a_run(model: str, scorer: CrossEncoder, tmp_path: Path) -> None:
    rows = make_rows(40)
    queries = dict.fromkeys(row["query"] for row in rows)
    ids = {query: f"q{number}" for number, query in enumerate(queries)}
    write_jsonl(tmp_path / "queries.jsonl", [{"_id": ids[query], "text": query} for query in queries])
    write_jsonl(tmp_path / "corpus.jsonl", [{"_id": f"d{row['id']}", "text": row["document"]} for row in rows])
    lines = [f"{ids[row['query']]} Q0 d{row['id']} 1 0.5 first\n" for row in rows]
    (tmp_path / "first.trec").write_text("".join([*lines, lines[-1], "q0 Q0 unknown 9 0.1 first\n"]))
    result = score_files(tmp_path / "first.trec", tmp_path / "out", model=model, settings=JobSettings(shard_rows=10))
    assert result.scores == str(tmp_path / "out" / "run.trec")
    written = (tmp_path / "out" / "run.trec").read_text().splitlines()
    assert {line.split()[5] for line in written} == {Path(model).name}
    run = read_run(tmp_path / "out" / "run.trec")
    expected = scorer.predict([(row["query"], row["document"].strip()) for row in rows])
    for row, score in zip(rows, expected, strict=True):
        assert run[ids[row["query"]]][f"d{row['id']}"] == pytest.approx(score, abs=1e-5)
    assert sum(map(len, run.values())) == result.n_rows == 40
    assert [error["row"] for error in errors_of(tmp_path / "out")] == [41, 42]
    assert "'d39' appears again" in errors_of(tmp_path / "out")[0]["error"]


def _write_run(folder: Path, *documents: str) -> Path:
    """A run of one query, beside its texts."""
    folder.mkdir(exist_ok=True)
    write_jsonl(folder / "queries.jsonl", [{"_id": "q", "text": "q"}])
    write_jsonl(folder / "corpus.jsonl", [{"_id": f"d{i}", "text": text} for i, text in enumerate(documents)])
    path = folder / "first.trec"
    path.write_text("".join(f"q Q0 d{i} {i + 1} 0.5 first\n" for i in range(len(documents))))
    return path


def test_a_run_is_scored_with_the_texts_that_are_there_now(tmp_path: Path) -> None:
    for number, text in enumerate(("one", "two")):
        path = _write_run(tmp_path / "in", text)
        scorer = Scores()
        score_files(path, tmp_path / f"out{number}", scorer=scorer)
        assert scorer.asked == [("q", text)]


def test_runs_of_several_folders_need_to_be_told_their_texts(tmp_path: Path) -> None:
    paths = [_write_run(tmp_path / "a", "one"), _write_run(tmp_path / "b", "two")]
    corpus, queries = tmp_path / "b" / "corpus.jsonl", tmp_path / "b" / "queries.jsonl"
    for settings in (JobSettings(), JobSettings(corpus=corpus)):
        with pytest.raises(InputError, match="queries and corpus must be given where runs are in several folders, got"):
            score_files(paths, tmp_path / "out", scorer=Scores(), settings=settings)
    scorer = Scores()
    score_files(paths, tmp_path / "out", scorer=scorer, settings=JobSettings(corpus=corpus, queries=queries))
    assert scorer.asked == [("q", "two")] * 2


class _Lengths(Scores):
    """Scores by the length of the document, which its id says."""

    def score(self, query: str, documents: Sequence[str]) -> Any:
        super().score(query, documents)
        return [float(len(document)) for document in documents]


@pytest.mark.parametrize("shard_rows", [1, 2, 5, 100])
def test_a_query_is_ranked_over_all_its_rows_and_each_pair_is_there_once(shard_rows: int, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "queries.jsonl", [{"_id": key, "text": key} for key in "qrs"])
    write_jsonl(tmp_path / "corpus.jsonl", [{"_id": f"d{i}", "text": "x" * i} for i in range(1, 9)])
    # A query in a row, one that comes back, one that goes on in the second file; pairs again at once, after others of
    # their query, after another query, and in another file.
    first = ["q d1", "q d3", "q d3", "q d2", "q d1", "r d5", "q d4", "r d5", "r d6", "s d7"]
    second = ["s d8", "s d7", "q d5", "q d1"]
    for name, pairs in (("a.run", first), ("b.run", second)):
        (tmp_path / name).write_text("".join(f"{pair.replace(' ', ' Q0 ')} 1 0.5 first\n" for pair in pairs))
    files = [tmp_path / "a.run", tmp_path / "b.run"]
    result = score_files(files, tmp_path / "out", scorer=_Lengths(), settings=JobSettings(shard_rows=shard_rows))
    lines = [line.split() for line in (tmp_path / "out" / "run.trec").read_text().splitlines()]
    assert [(query, document, rank) for query, _, document, rank, _, _ in lines] == [
        ("q", "d5", "1"), ("q", "d4", "2"), ("q", "d3", "3"), ("q", "d2", "4"), ("q", "d1", "5"),
        ("r", "d6", "1"), ("r", "d5", "2"),
        ("s", "d8", "1"), ("s", "d7", "2"),
    ]  # fmt: skip
    assert [float(score) for *_, score, _ in lines] == [5, 4, 3, 2, 1, 6, 5, 8, 7]
    twice = [(str(files[0]), 3), (str(files[0]), 5), (str(files[0]), 8), (str(files[1]), 2), (str(files[1]), 4)]
    assert [(error["file"], error["row"]) for error in errors_of(tmp_path / "out")] == twice
    assert (result.n_rows, result.n_bad, result.n_unranked, result.n_scattered) == (9, 5, 0, 0)
    again = score_files(files, tmp_path / "out", scorer=_Lengths(), settings=JobSettings(shard_rows=shard_rows))
    assert again.n_shards_before == again.n_shards
    assert (again.n_rows, again.n_bad) == (9, 5)
    strict = JobSettings(shard_rows=shard_rows, strict=True)
    with pytest.raises(
        InputError, match=r"a\.run:3: a document must appear once per query, 'd3' appears again for 'q'"
    ):
        score_files(files, tmp_path / "out", scorer=_Lengths(), settings=strict)


def test_a_pair_that_is_there_twice_is_no_truncated_row(tmp_path: Path) -> None:
    path = _write_run(tmp_path, "one")
    path.write_text(path.read_text() * 2)

    class Truncates:
        def score(self, query: str, documents: Sequence[str]) -> list[float]:
            return [document.score for document in self.rank(query, documents)]

        def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:  # noqa: ARG002 - a scorer that ranks
            return [RankedDocument(i, 1.0, text, truncated=True) for i, text in enumerate(documents)]

    result = score_files(path, tmp_path / "out", scorer=Truncates())
    assert (result.n_rows, result.n_bad, result.n_truncated) == (1, 1, 1)


def test_rows_with_ids_become_a_run_and_ties_keep_their_order(tmp_path: Path) -> None:
    rows = [{"query_id": q, "document_id": d, "query": "q", "document": "d"} for q in (2, 1) for d in ("b", "a", "c")]
    path = write_jsonl(tmp_path / "a.jsonl", [*rows, {**rows[0], "document_id": "a b"}])
    result = score_files(path, tmp_path / "out", scorer=Scores(), settings=JobSettings(output_format="trec"))
    lines = [line.split() for line in Path(result.scores).read_text().splitlines()]
    assert [(line[0], line[2]) for line in lines] == [(q, d) for q in "21" for d in "bac"]
    assert result.n_bad == 1
    empty = write_jsonl(tmp_path / "b.jsonl", [])
    result = score_files(empty, tmp_path / "none", scorer=Scores(), settings=JobSettings(output_format="trec"))
    assert Path(result.scores).read_text() == ""


@pytest.mark.parametrize(
    ("ids", "error"),
    [
        (
            {"query_id": 1},
            (
                "must have the column 'document_id', has query, document, query_id: document_id_column says which one "
                "is read"
            ),
        ),
        (
            {"document_id": 1},
            "must have the column 'query_id', has query, document, document_id: query_id_column says which one is read",
        ),
        ({"query_id": None, "document_id": 1}, "a TREC run needs an id in the column 'query_id', got None"),
    ],
)
def test_a_row_without_an_id_is_left_out_of_a_run(ids: Mapping[str, object], error: str, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"query": "q", "document": "d", **ids}])
    score_files(path, tmp_path / "out", scorer=Scores(), settings=JobSettings(output_format="trec"))
    assert [row["error"] for row in errors_of(tmp_path / "out")] == [error]


def test_an_id_that_is_a_text_as_well_is_written_without_texts(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"query_id": 1, "query": "q", "document": text} for text in ("d", "e")])
    settings = JobSettings(output_format="trec", document_id_column="document", keep_texts=False)
    result = score_files(path, tmp_path / "out", scorer=_Lengths(), settings=settings)
    assert Path(result.scores).read_text().split("\n")[0].split()[:4] == ["1", "Q0", "d", "1"]
    assert (result.n_rows, result.n_bad) == (2, 0)


def test_jobs_at_the_same_time_each_hold_their_texts_and_read_them_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    together = Barrier(2, timeout=60)

    def read_counted(path: Path) -> Mapping[str, str]:
        read.append(path.parent.name)
        return read_documents(path)

    class Waits(Scores):
        def score(self, query: str, documents: Sequence[str]) -> Any:
            together.wait()  # so that every shard of one job is scored between two of the other
            return super().score(query, documents)

    monkeypatch.setattr(run_texts, "read_documents", read_counted)
    paths = [_write_run(tmp_path / name, name, name) for name in ("one", "two")]
    scorers = [Waits(), Waits()]

    def run(number: int) -> None:
        score_files(
            paths[number], tmp_path / f"out{number}", scorer=scorers[number], settings=JobSettings(shard_rows=1)
        )

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(run, range(2)))
    assert sorted(read) == ["one", "two"]
    assert [{document for _, document in scorer.asked} for scorer in scorers] == [{"one"}, {"two"}]


def test_what_travels_of_a_run_is_the_names_of_its_texts(tmp_path: Path) -> None:
    path = _write_run(tmp_path, "one " * 10_000)
    files = run_texts.RunTextFiles(path.with_name("queries.jsonl"), path.with_name("corpus.jsonl"))
    assert files.texts.queries == {"q": "q"}
    packed = pickle.dumps(files)
    assert len(packed) < 1000
    assert pickle.loads(packed).texts == files.texts  # noqa: S301 - our own
