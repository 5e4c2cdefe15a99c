from secondpass.adapters.texts import text_with_metadata


def test_metadata_stands_in_front_in_the_order_asked_for() -> None:
    metadata = {"year": 1999, "title": "Tides"}
    assert text_with_metadata("text", metadata, ["title", "year"]) == "Tides\n1999\ntext"
    assert text_with_metadata("text", metadata, ["year"], separator=" | ") == "1999 | text"


def test_none_counts_as_absent_and_zero_false_and_empty_are_values() -> None:
    metadata = {"n": 0, "b": False, "none": None, "empty": ""}
    assert text_with_metadata("text", metadata, ["n", "b", "none", "empty", "absent"], separator="|") == "0|False||text"


def test_no_names_leave_the_text_as_it_is() -> None:
    assert text_with_metadata("", {"title": "Tides"}, []) == ""
