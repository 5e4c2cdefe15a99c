"""What the package knows of single checkpoints."""

from secondpass.checkpoint.known import known_checkpoints


def test_the_cards_figures() -> None:
    """Two figures of each table, read off the cards."""
    published = {known.name: dict(known.published) for known in known_checkpoints()}
    assert published["cross-encoder/ms-marco-MiniLM-L-6-v2"] == {
        "nDCG@10 TREC DL 2019": 74.30,
        "MRR@10 MS MARCO dev": 39.01,
    }
    assert published["deepset/gbert-base-germandpr-reranking"] == {"MRR@10 GermanDPR DE-DE": 53.59}
    assert len(published) == len(known_checkpoints())
