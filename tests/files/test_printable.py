"""What is left of any text where it is shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.files.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("naïve 日本 🦊", "naïve 日本 🦊"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("\x9b2J\x7f\x85", r"\x9b2J\x7f\x85"),
        ("over\rwritten", r"over\rwritten"),
        ("caf\udce9", r"caf\udce9"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_no_control_character_is_left_and_nothing_that_is_no_unicode(text: str) -> None:
    shown = printable(text)
    assert {char for char in shown if unicodedata.category(char) == "Cc"} <= {"\t", "\n"}
    assert shown.encode().decode() == shown
    assert printable(shown) == shown
