"""Which files a job reads."""

from pathlib import Path

import pytest

from secondpass.errors import InputError
from secondpass.jobs.reading.find_inputs import find_inputs


def test_files_folders_and_patterns_are_found(tmp_path: Path) -> None:
    for name in (
        "b.jsonl",
        "a.jsonl.gz",
        "in/c.ndjson",
        "_SUCCESS",
        ".hidden.jsonl",
        "_temporary/d.jsonl",
        "README.md",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_inputs([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in found.files] == ["a.jsonl.gz", "b.jsonl", "in/c.ndjson"]
    assert (found.kind, found.left_out) == ("jsonl", (tmp_path / "README.md",))
    assert find_inputs([f"{tmp_path}/**/*.ndjson"]).files == (tmp_path / "in" / "c.ndjson",)
    (tmp_path / "d.csv").touch()
    for names, message in (
        ([], "inputs must name at least one file, folder or pattern, got none"),
        ([tmp_path], "inputs must be files of one format, got .*csv"),
        ([tmp_path / "README.md"], "inputs must be files that end in .parquet, .*, got .*README.md"),
        ([f"{tmp_path}/*.tsv"], r"inputs must be files, folders or patterns, '.*\.tsv' is none that is there"),
    ):
        with pytest.raises(InputError, match=message):
            find_inputs(names)
