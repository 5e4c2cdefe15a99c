import pytest

from secondpass.adapters.texts import text_with_metadata
from secondpass.errors import InputTypeError


def test_metadata_stands_in_front_in_the_order_asked_for() -> None:
    metadata = {"year": 1999, "title": "Tides"}
    assert text_with_metadata("text", metadata, ["title", "year"]) == "Tides\n1999\ntext"
    assert text_with_metadata("text", metadata, ["year"], separator=" | ") == "1999 | text"


def test_none_counts_as_absent_and_zero_false_and_empty_are_values() -> None:
    metadata = {"n": 0, "b": False, "none": None, "empty": ""}
    assert text_with_metadata("text", metadata, ["n", "b", "none", "empty", "absent"], separator="|") == "0|False||text"


def test_no_names_leave_the_text_as_it_is() -> None:
    assert text_with_metadata("", {"title": "Tides"}, []) == ""


@pytest.mark.parametrize("names", [[], ["title"]])
def test_what_a_document_should_not_hold_is_refused(names: list[str]) -> None:
    with pytest.raises(InputTypeError, match="a document's text must be a string, got NoneType None"):
        text_with_metadata(None, {"title": "Tides"}, names)
    with pytest.raises(InputTypeError, match="a document's metadata must be a dict, got str 'title'"):
        text_with_metadata("text", "title", names)
