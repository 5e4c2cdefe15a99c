"""Lines and texts as files hold them, from any machine."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from secondpass.errors import InputError
from secondpass.files.json_lines import json_lines
from secondpass.files.text import lines, read_text

READERS: list[Callable[[Path], object]] = [read_text, lambda path: list(lines(path))]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_line_ends_and_a_byte_order_mark_are_not_text(end: str, mark: bytes, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    content = mark + f"one{end}{end} two\u2028three {end}four".encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    assert list(lines(path)) == [(f"{path}:1", "one"), (f"{path}:3", " two\u2028three "), (f"{path}:4", "four")]
    assert read_text(path) == "one\n\n two\u2028three \nfour"


def test_json_may_hold_unicodes_line_separators(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a\u2028b"}\n')
    assert [line for _, line in json_lines(tmp_path / "a.jsonl")] == [{"text": "a\u2028b"}]


@pytest.mark.parametrize("read", READERS)
def test_what_cannot_be_read_is_said(read: Callable[[Path], object], tmp_path: Path) -> None:
    whole = gzip.compress(b"some text\n" * 99)
    damaged = bytes([*whole[:12], whole[12] ^ 0xFF, *whole[13:]])
    for name, content in (("cut.gz", whole[:-9]), ("empty.gz", b""), ("no.gz", b"text"), ("damaged.gz", damaged)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name}: must be a whole gzip file, as its name says"):
            read(tmp_path / name)
    with pytest.raises(InputError, match=r"no such file: .*missing"):
        read(tmp_path / "missing")
    with pytest.raises(InputError, match=f"{tmp_path} cannot be read: Is a directory"):
        read(tmp_path)


def test_the_line_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "latin"
    path.write_bytes(b"fine\n" * 3 + b"caf\xe9\n" + b"fine\n" * 99)
    with pytest.raises(InputError, match="latin:4: must be UTF-8 text; invalid byte at offset 3"):
        list(lines(path))
    with pytest.raises(InputError, match="latin: must be UTF-8 text; invalid byte at offset 18"):
        read_text(path)
