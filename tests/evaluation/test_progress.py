"""An interrupted evaluation continues from what it wrote, whatever it evaluates."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from full_disk import files_of_at_most, needs_limits

from secondpass.errors import InputError
from secondpass.evaluation import Collection, RerankingSample, evaluate_samples, rerank
from secondpass.evaluation.candidates import Candidates, CandidateScores
from secondpass.evaluation.progress_file import append, appending, job_of, read_finished
from secondpass.evaluation.reranking_sets import SetResult
from secondpass.evaluation.scoring import score_all
from secondpass.testing import OverlapScorer

COLLECTION = Collection(
    queries={"q1": "red cat", "q2": "blue dog", "q3": "green bird"},
    documents={"a": "red", "b": "red cat", "c": "blue", "d": "blue dog", "e": "green"},
    qrels={"q1": {"b": 2}, "q2": {"d": 1}, "q3": {"e": 1}},
)
RUN = {"q1": {"a": 3.0, "b": 2.0}, "q2": {"c": 3.0, "e": 2.0, "d": 1.0}, "q3": {"e": 1.0}}
SAMPLES = [
    RerankingSample("red cat", ("red cat",), ("red", "cat")),
    RerankingSample("blue dog", ("dog",), ("blue dog", "dog")),
    RerankingSample("green bird", ("green bird", "bird"), ("green",), ordered=True),
]


class Known(OverlapScorer):
    """One that says what its scores depend on."""

    def __init__(self, fingerprint: str = "m") -> None:
        super().__init__()
        self._fingerprint = fingerprint

    def fingerprint(self) -> str:
        return self._fingerprint


class Stops(Known):
    """Scores one query and is interrupted at the next."""

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        if self.calls:
            raise KeyboardInterrupt
        return super().score(query, documents)


Evaluate = Callable[..., object]


def of_run(scorer: OverlapScorer, **arguments: object) -> object:
    scored = rerank(scorer, COLLECTION, RUN, **arguments)  # type: ignore[arg-type] # progress_file, progress
    return [(query.query_id, query.document_ids, query.scores) for query in scored]


def of_set(scorer: OverlapScorer, **arguments: object) -> object:
    result = evaluate_samples(scorer, SAMPLES, **arguments)  # type: ignore[arg-type] # likewise
    return SetResult(result.n_queries, result.reranked, result.base)


@pytest.mark.parametrize("evaluate", [of_run, of_set])
def test_what_is_scored_is_not_scored_again_and_the_result_is_that_of_an_unbroken_run(
    evaluate: Evaluate, tmp_path: Path
) -> None:
    progress_path = tmp_path / "folder/progress.jsonl"
    with pytest.raises(KeyboardInterrupt):
        evaluate(Stops(), progress_file=progress_path)
    with progress_path.open("a") as file:
        file.write('{"key": "q2", "scor')  # what a kill leaves
    scorer, reported = Known(), list[tuple[int, int]]()
    result = evaluate(scorer, progress_file=progress_path, progress=lambda done, total: reported.append((done, total)))
    assert [query for query, _ in scorer.calls] == ["blue dog", "green bird"]
    assert reported == [(1, 3), (2, 3), (3, 3)]
    assert result == evaluate(OverlapScorer())
    again = Known()
    assert evaluate(again, progress_file=progress_path) == result
    assert again.calls == []


@needs_limits
def test_a_kill_while_an_incomplete_line_is_removed_costs_no_score(tmp_path: Path) -> None:
    progress_path = tmp_path / "progress.jsonl"
    of_run(OverlapScorer(), progress_file=progress_path)
    with progress_path.open("a") as file:
        file.write('{"key": "q9", "scor')
    before = progress_path.read_bytes()
    with files_of_at_most(100), pytest.raises(OSError, match=r"progress\.jsonl"):
        of_run(OverlapScorer(), progress_file=progress_path)
    assert progress_path.read_bytes() == before


@pytest.mark.parametrize("evaluate", [of_run, of_set])
@pytest.mark.parametrize(
    ("one", "another"), [(Known("m"), Known("n")), (Known("m"), OverlapScorer()), (OverlapScorer(), Known("m"))]
)
def test_another_models_scores_are_not_taken(
    evaluate: Evaluate, one: OverlapScorer, another: OverlapScorer, tmp_path: Path
) -> None:
    """Where one of them has no fingerprint, its class tells them apart."""
    progress_path = tmp_path / "progress.jsonl"
    evaluate(one, progress_file=progress_path)
    with progress_path.open("a") as file:
        file.write('{"key": "q9", "scor')
    before = progress_path.read_bytes()
    with pytest.raises(InputError, match=r"holds another job's progress, of another model; remove it"):
        evaluate(another, progress_file=progress_path)
    assert progress_path.read_bytes() == before


def test_scores_of_other_texts_are_not_taken(tmp_path: Path) -> None:
    """The ids are the same: a corpus or a set that was edited is another input."""
    progress_path = tmp_path / "progress.jsonl"
    message = "holds another job's progress, of other queries, documents or depth"
    rerank(OverlapScorer(), COLLECTION, RUN, progress_file=progress_path)
    edited = Collection(COLLECTION.queries, {**COLLECTION.documents, "a": "crimson"}, COLLECTION.qrels)
    with pytest.raises(InputError, match=message):
        rerank(OverlapScorer(), edited, RUN, progress_file=progress_path)
    with pytest.raises(InputError, match=message):
        rerank(OverlapScorer(), COLLECTION, RUN, depth=1, progress_file=progress_path)
    with pytest.raises(InputError, match=message):
        evaluate_samples(OverlapScorer(), SAMPLES, progress_file=progress_path)


def test_a_kill_before_the_first_query_starts_over(tmp_path: Path) -> None:
    progress_path = tmp_path / "progress.jsonl"
    progress_path.write_text('{"mo')
    rerank(OverlapScorer(), COLLECTION, RUN, progress_file=progress_path)
    assert len(progress_path.read_text().splitlines()) == 4


DEEP = "[" * 99_999 + "]" * 99_999 + "\n"


@pytest.mark.parametrize(
    "content",
    [
        *("notes\n", "[1]\n", DEEP, '{"model": "", "requests": ""}\n\0\0\n', '{"job": "1"}\n'),
        *("notes", '{"a": 1}', "line one\nline two", "\n"),
    ],
)
def test_another_kind_of_file_is_left_alone(content: str, tmp_path: Path) -> None:
    progress_path = tmp_path / "progress.jsonl"
    progress_path.write_text(content)
    with pytest.raises(InputError, match=r"progress.jsonl is not the progress of an evaluation; remove it"):
        rerank(OverlapScorer(), COLLECTION, RUN, progress_file=progress_path)
    assert progress_path.read_text() == content


def test_the_file_is_json_lines(tmp_path: Path) -> None:
    progress_path = tmp_path / "progress.jsonl"
    rerank(Known(), COLLECTION, RUN, progress_file=progress_path)
    header, *records = map(json.loads, progress_path.read_text().splitlines())
    assert header["model"] == "m"
    assert [record["key"] for record in records] == ["q1", "q2", "q3"]


def test_two_that_evaluate_the_same_at_a_time_keep_each_others_scores(tmp_path: Path) -> None:
    path, job = tmp_path / "progress.jsonl", job_of("m", {})
    expected = {str(n): CandidateScores((0.5,) * n, 0.25, (False,) * n) for n in (1, 9, 3, 7)}
    with appending(path, job) as first, appending(path, job) as second:
        assert first is not None
        assert second is not None
        for turn, (key, scores) in enumerate(expected.items()):
            append(second if turn % 2 else first, key, scores)
    assert read_finished(path, job) == expected


def test_each_query_is_on_disk_before_the_next_one_is_scored(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    n_lines: list[int] = []

    class Looks:
        def score(self, query: str, documents: Sequence[str]) -> list[float]:
            del query
            n_lines.append(path.read_text().count("\n"))
            return [1.0] * len(documents)

    score_all(Looks(), {key: Candidates(key, ("a",)) for key in "abc"}, progress_file=path)
    assert n_lines == [1, 2, 3], "the job's own line, and one for each query before"
