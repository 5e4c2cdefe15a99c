"""`secondpass rank`, as a terminal and as a pipe see it."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_service import faking, score_of
from folders import FolderOf
from typer.testing import CliRunner

from secondpass import CrossEncoder
from secondpass.cli.app import app
from secondpass.cli.documents import Format, read_documents
from secondpass.cli.output import score_bar
from secondpass.errors import InputError


def run(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "secondpass", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def test_rank_gives_json_when_piped(folder_of: FolderOf, tmp_path: Path) -> None:
    folder = folder_of("bert")
    texts = ["the wall fell", "people of the year", "berlin"]
    (tmp_path / "a.jsonl").write_text(
        "".join(json.dumps({"_id": f"d{i}", "text": t}) + "\n" for i, t in enumerate(texts))
    )
    done = run("rank", "berlin wall", tmp_path / "a.jsonl", "--model", folder, "--top-k", "2")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rows = json.loads(done.stdout)
    expected = CrossEncoder(folder).rank("berlin wall", texts, top_k=2)
    assert [row["id"] for row in rows] == [f"d{result.index}" for result in expected]
    assert [row["score"] for row in rows] == pytest.approx([result.score for result in expected], abs=1e-5)
    assert [row["rank"] for row in rows] == [1, 2]


def test_a_service_ranks_by_its_address() -> None:
    with faking() as fake:
        done = run("rank", "query", "-m", fake.url, "--token", "sk-secret", "-k", "1", stdin="three words\none\n")
        assert done.returncode == 0, done.stderr
        assert [(row["text"], row["score"]) for row in json.loads(done.stdout)] == [("one", score_of("one"))]
        assert fake.posts[0][2]["authorization"] == "Bearer sk-secret"
        done = run("rank", "query", "-m", fake.url, "--max-length", "64", stdin="text")
    assert done.returncode != 0
    assert "--max-length says how to load a model and means nothing to a service" in done.stderr
    done = run("rank", "query", "-m", "http://127.0.0.1:9", "--dtype", "int8", stdin="text")
    rule = "--dtype says how to load a model and means nothing to a service, and --model is the address of one"
    assert done.stderr == f"error: {rule}\n"


def test_rank_reads_lines_from_standard_input(folder_of: FolderOf) -> None:
    done = run("rank", "berlin", "-m", folder_of("bert"), stdin="the wall\n\nberlin\n")
    assert sorted(row["id"] for row in json.loads(done.stdout)) == ["-:1", "-:3"]


def test_standard_input_may_come_from_windows_and_hold_any_character(folder_of: FolderOf) -> None:
    command = [sys.executable, "-m", "secondpass", "rank", "berlin", "-m", str(folder_of("bert"))]
    lines = '\ufeff{"text": "the wall\u2028fell"}\r\n{"text": "berlin"}\r\n'.encode()
    done = subprocess.run(command, input=lines, capture_output=True, check=True)  # noqa: S603 - our own
    assert {row["text"] for row in json.loads(done.stdout)} == {"the wall\u2028fell", "berlin"}


def test_nothing_to_rank_loads_no_model() -> None:
    done = run("rank", "berlin", "-m", "no/such-model", stdin="")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rank", "q", "-", "--top-k", "0"], "error: --top-k must be at least 1, got 0"),
        (["rank", "q", "missing.txt"], "error: no such file: missing.txt"),
        (["rank", "q", "-", "-m", "no/such-model"], "error: no/such-model"),
        (["rank", "q", "-", "--instruction", "recent"], "error: --instruction must be left out for secondpass/mini"),
    ],
)
def test_mistakes_end_in_one_line(arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = run(*arguments, stdin="a document\n")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "content", "message"),
    [
        (["", "a.txt"], "text", "QUERY must hold text, got ''"),
        ([" \t", "a.txt"], "text", "QUERY must hold text, got ' \\t'"),
        (["q", "a.txt"], "", "a.txt must hold a document, is empty"),
        (["q", "a.md"], " \n\n", "a.md must hold a document, is empty"),
        (["q", "a.jsonl"], "\n", "a.jsonl must hold a document, is empty"),
        (["q", "."], "", ". is a folder, not a file: name its files, such as *."),
        (
            ["q", "a.jsonl"],
            '{"name": "x"}',
            "a.jsonl:1: must be a JSON object with its text under text, contents",
        ),
        (["q", "a.jsonl"], '{"text": "\\ud800"}', "a.jsonl:1: text must be Unicode text"),
        (["q", "a.jsonl"], '{"text": "a", "title": NaN}', "a.jsonl:1: must be JSON, got"),
        (["q", "a.jsonl"], '{"text": "a", "_id": ["a"]}', "a.jsonl:1: _id must be"),
        (["\udcff", "a.txt"], "text", "QUERY must be UTF-8 text; invalid byte at character 1"),
    ],
)
def test_there_must_be_something_to_rank(
    arguments: list[str], content: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / (arguments[1] if arguments[1] != "." else "a.txt")).write_text(content)
    with pytest.raises(InputError) as error:
        CliRunner().invoke(app, ["rank", *arguments, "-m", "no/such-model"], catch_exceptions=False)
    assert str(error.value).startswith(message)


def test_a_text_file_reads_as_standard_input_does(folder_of: FolderOf, tmp_path: Path) -> None:
    texts = "the wall\n\nberlin\n"
    (tmp_path / "a.txt").write_text(texts)
    arguments = ("rank", "berlin", "-m", folder_of("bert"))
    piped = json.loads(run(*arguments, stdin=texts).stdout)
    named = json.loads(run(*arguments, tmp_path / "a.txt").stdout)
    assert [(row["text"], row["score"]) for row in named] == [(row["text"], row["score"]) for row in piped]
    whole = json.loads(run(*arguments, "--as", "document", stdin=texts).stdout)
    assert [row["text"] for row in whole] == [texts]
    table = run(*arguments, tmp_path / "a.txt", "--format", "table").stdout
    assert "2 of 2 documents, one per line (--as document: one per file)" in table
    (tmp_path / "b.md").write_text(texts)
    table = run(*arguments, tmp_path / "a.txt", tmp_path / "b.md", "--format", "table").stdout
    assert "3 of 3 documents, of .txt files one per line (--as document: one per file)" in table


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal to open")
def test_a_terminal_is_told_that_it_is_waited_for(folder_of: FolderOf) -> None:
    import pty

    main, terminal = pty.openpty()
    os.write(main, b"the wall\n\x04")  # a line, and Ctrl-D
    command = [sys.executable, "-m", "secondpass", "rank", "berlin", "-m", str(folder_of("bert"))]
    done = subprocess.run(command, stdin=terminal, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    os.close(main)
    os.close(terminal)
    assert done.stderr == "Type or paste documents, one per line; Ctrl-D on a line of its own ends them.\n"
    assert [row["text"] for row in json.loads(done.stdout)] == ["the wall"]


def test_json_and_another_format_contradict_each_other() -> None:
    for arguments in (["models"], ["rank", "q"], ["demo"], ["eval", "x"], ["train", "x"], ["bench"]):
        with pytest.raises(InputError, match="--json must not come with --format markdown: it means --format json"):
            CliRunner().invoke(app, [*arguments, "--json", "--format", "markdown"], catch_exceptions=False)


def test_markdown_is_a_table_to_paste(folder_of: FolderOf) -> None:
    done = run("rank", "berlin", "-m", folder_of("bert"), "--format", "markdown", stdin="the | wall\n")
    lines = done.stdout.splitlines()
    assert lines[:4] == ["berlin", "", r"| \# | score | document | text |", "| ---: | ---: | --- | --- |"]
    assert lines[4].endswith(r"| -:1 | the \| wall |")


def test_every_format_of_documents(tmp_path: Path) -> None:
    trec = tmp_path / "a.trec"
    trec.write_text("<DOC>\n<DOCNO> T-1 </DOCNO>\n<TEXT>first\ntext</TEXT>\n</DOC><DOC><DOCNO>T-2</DOCNO>second</DOC>")
    markdown = tmp_path / "b.md"
    markdown.write_text("# title\n\nbody\n")
    with gzip.open(tmp_path / "c.jsonl.gz", "wt") as stream:
        stream.write('{"id": 7, "title": "T", "contents": "body"}\n\n{"text": ""}\n')
    files = [trec, markdown, tmp_path / "c.jsonl.gz"]
    assert [(document.id, document.text) for document in read_documents(files)] == [
        ("T-1", "first text"),
        ("T-2", "second"),
        (str(markdown), "# title\n\nbody\n"),
        ("7", "T body"),
        (f"{tmp_path / 'c.jsonl.gz'}:3", ""),
    ]
    assert [document.text for document in read_documents([markdown], Format.LINES)] == ["# title", "body"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": "fine"}\n{"text"\n', "a.jsonl:2: must be JSON, got"),
        ("a.jsonl", '{"text": 3}\n', "a.jsonl:1: text must be a string, got 3"),
        ("a.jsonl", '{"words": "a"}\n', "a.jsonl:1: must be a JSON object with its text under text, .* got 'words'"),
        ("a.jsonl", "[1]\n", "a.jsonl:1: must be a JSON object"),
        ("a.trec", "no documents", "a.trec must hold <DOC> elements, got none"),
        ("a.trec", "<DOC>x</DOC>", "a.trec:1: <DOC> number 1 has no <DOCNO>"),
        ("a.trec", "<DOC><DOCNO>1</DOCNO>\n</DOC>\n<DOC>x<DOC>", "a.trec:3: every <DOC> must have its </DOC>"),
    ],
)
def test_malformed_files_are_named_with_their_line(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        read_documents([tmp_path / name])


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="must be UTF-8 text"):
        read_documents([tmp_path / "a.txt"])


def test_score_bars() -> None:
    assert score_bar(1.0, 0.0, 1.0, width=4) == "████"
    assert score_bar(0.5, 0.0, 1.0, width=4) == "██"
    assert score_bar(0.0, 0.0, 1.0, width=4) == ""
    assert score_bar(3.0, 3.0, 3.0, width=2) == "██"
    assert score_bar(0.03, 0.0, 1.0, width=4) == "▏"


def test_json_is_utf_8_whatever_standard_output_is(tmp_path: Path) -> None:
    (tmp_path / "docs.txt").write_text("Köln → Łódź", encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "secondpass", "rank", "alpha", str(tmp_path / "docs.txt"), "--json"],
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},  # as Windows has it
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout.decode("utf-8"))[0]["text"] == "Köln → Łódź"
