"""Which files a job reads."""

import os
from pathlib import Path

import pytest

from secondpass.errors import InputError
from secondpass.jobs.inputs.find_inputs import find_inputs


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
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").touch()
    for names, message in (
        ([], "inputs must name at least one file, folder or pattern, got none"),
        ([tmp_path], "inputs must be files of one format, got .*csv"),
        ([tmp_path / "README.md"], "inputs must be files that end in .parquet, .*, got .*README.md"),
        ([f"{tmp_path}/*.tsv"], r"inputs must be files, folders or patterns; '.*\.tsv' matches no file"),
        ([tmp_path / "notes"], r"inputs must hold files that end in .parquet, .*, .*/notes has none"),
        ([f"{tmp_path}/note*"], r"inputs must hold files that end in .parquet, .*, .*/note\* has none"),
    ):
        with pytest.raises(InputError, match=message):
            find_inputs(names)


def test_what_links_in_a_folder_lead_to_is_found_and_each_file_once(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "in"
    (elsewhere / "deep").mkdir(parents=True)
    folder.mkdir()
    for path in (folder / "a.jsonl", elsewhere / "b.jsonl", elsewhere / "deep" / "c.jsonl"):
        path.touch()
    (folder / "linked").symlink_to(elsewhere)
    (elsewhere / "deep" / "up").symlink_to(folder)
    (folder / "again.jsonl").symlink_to(folder / "a.jsonl")
    names = ["a.jsonl", "linked/b.jsonl", "linked/deep/c.jsonl"]
    assert [path.relative_to(folder).as_posix() for path in find_inputs([folder]).files] == names


def test_a_file_of_two_names_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jsonl").touch()
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")
    monkeypatch.chdir(tmp_path)
    again: list[str | Path] = [tmp_path / "a.jsonl", "a.jsonl", "./a.jsonl", "link.jsonl", "*.jsonl"]
    for names in (["a.jsonl", name] for name in again):
        assert [path.name for path in find_inputs(names).files] == ["a.jsonl"]


def test_a_pattern_stands_for_the_folders_that_it_matches_too(tmp_path: Path) -> None:
    # Spark and dask write one table as a folder of this name.
    for name in ("a.parquet", "b.parquet/part-1.parquet", "b.parquet/_SUCCESS", "_c.parquet/part-1.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b.parquet" / "notes.md").touch()
    files = (tmp_path / "a.parquet", tmp_path / "b.parquet" / "part-1.parquet")
    found = find_inputs([f"{tmp_path}/*"])
    assert (found.files, found.left_out) == (files, (tmp_path / "b.parquet" / "notes.md",))
    assert find_inputs([f"{tmp_path}/[ab].parquet"]).files == files
    assert find_inputs([f"{tmp_path}/b*"]).files == files[1:]
    (tmp_path / "year=1").mkdir()
    (tmp_path / "year=1" / "a.jsonl").touch()
    assert find_inputs([f"{tmp_path}/year=*"]).partitions == ({"year": "1"},)
    with pytest.raises(InputError, match=r"inputs must be files that end in .*, got .*notes\.md"):
        find_inputs([f"{tmp_path}/b*/n*"])


def test_a_link_to_what_is_not_there_is_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A job lists it with its other errors; one that is named itself is refused at once."""
    (tmp_path / "a.jsonl").touch()
    (tmp_path / "gone.jsonl").symlink_to("nowhere.jsonl")
    (tmp_path / "itself.jsonl").symlink_to("itself.jsonl")
    for name in (tmp_path, str(tmp_path / "*.jsonl"), str(tmp_path / "**" / "*.jsonl")):
        found = find_inputs([name], tmp_path / "out")
        assert [path.name for path in found.files] == ["a.jsonl", "gone.jsonl", "itself.jsonl"]
    with pytest.raises(InputError, match=r"gone.jsonl' matches no file"):
        find_inputs([tmp_path / "gone.jsonl"])


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    try:
        if os.access(closed, os.R_OK):
            pytest.skip("this user may read every folder")
        with pytest.raises(InputError, match=r"closed cannot be read: Permission denied"):
            find_inputs([tmp_path])
    finally:
        closed.chmod(0o700)


def test_folders_below_the_one_that_is_named_say_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("all", "split=train", "deep", "my%20lang=a%2Fb", "year=__HIVE_DEFAULT_PARTITION__", "a.jsonl")
    path.parent.mkdir(parents=True)
    path.touch()
    inside = {"my lang": "a/b", "year": None}
    for name, expected in (
        ("all", {"split": "train", **inside}),
        ("all/split=train", inside),
        ("all/**/*.jsonl", {"split": "train", **inside}),
        ("all/split=train/**/*.jsonl", inside),
        ("**/*.jsonl", {"split": "train", **inside}),
        (path, {}),
    ):
        assert find_inputs([name]).partitions == (expected,)
    (twice := path.parent / "year=1").mkdir()
    (twice / "b.jsonl").touch()
    with pytest.raises(InputError, match=r"b\.jsonl: columns must have names .*, its folders say 'year' twice"):
        find_inputs(["all"])


def test_a_runs_texts_and_judgements_in_its_folder_are_no_input(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    for name in ("a.run", "b.trec.gz", "queries.jsonl", "corpus.jsonl.gz", "qrels.trec", "qrels/test.tsv"):
        (tmp_path / name).touch()
    names: tuple[str | Path, ...] = (tmp_path, f"{tmp_path}/*", f"{tmp_path}/**/*")
    for named in names:
        found = find_inputs([named])
        assert [path.name for path in found.files] == ["a.run", "b.trec.gz"]
        assert (found.kind, found.left_out) == ("trec", ())
    (tmp_path / "more.jsonl").touch()
    with pytest.raises(InputError, match=r"inputs must be files of one format, .*: name those .*, such as by \*\.run"):
        find_inputs([tmp_path / "a.run", tmp_path / "queries.jsonl"])
    (tmp_path / "a.run").unlink()
    (tmp_path / "b.trec.gz").unlink()
    (tmp_path / "qrels" / "test.tsv").unlink()
    (tmp_path / "qrels.trec").unlink()
    texts = ["corpus.jsonl.gz", "more.jsonl", "queries.jsonl"]
    assert [path.name for path in find_inputs([tmp_path]).files] == texts


def test_a_pipe_is_refused_as_it_can_be_read_only_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(
        InputError, match=r"inputs must be files that can be read more than once, .*pipe.jsonl is a pipe"
    ):
        find_inputs([tmp_path / "pipe.jsonl"])
