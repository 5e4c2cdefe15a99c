"""A limit for documents and one for pairs: the lower one counts."""

from secondpass.service.requests import RequestOptions, RerankRequest
from secondpass.service.served_model import ServedModel
from secondpass.service.shortening import pairs_to_read
from secondpass.testing import OverlapScorer


def test_of_two_limits_the_lower_one_counts() -> None:
    model = ServedModel(name="m", scorer=OverlapScorer())

    def n_characters(of_document: int, of_pair: int) -> int:
        options = RequestOptions(max_document_tokens=of_document, max_pair_tokens=of_pair)
        request = RerankRequest(query="abc", documents=("x" * 1000,), options=options)
        ((_, document),), (shortened,) = pairs_to_read(request, model)
        assert shortened
        return len(document)

    # The query has one token, the pair four special ones; a token has four characters.
    assert n_characters(10, 100) == 40
    assert n_characters(100, 15) == 40
