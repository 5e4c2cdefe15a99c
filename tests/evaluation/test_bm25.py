"""BM25's ties keep the documents' order, of more documents than numpy sorts by insertion."""

import pytest

pytest.importorskip("bm25s")

from secondpass.evaluation import BM25


def test_many_equal_documents_keep_their_order() -> None:
    ids = [f"d{number}" for number in range(300)]
    index = BM25({key: "a red cat" if number % 3 else "a red cat cat" for number, key in enumerate(ids)})
    expected = [*ids[::3], *(key for number, key in enumerate(ids) if number % 3)]
    assert list(index.search("cat", 300)) == expected
    assert list(index.search("cat", 120)) == expected[:120]
