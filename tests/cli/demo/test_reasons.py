"""Why a passage is first, in words that are true of the scores: cases done by hand, and what holds for every text."""

from hypothesis import given
from hypothesis import strategies as st

from secondpass.cli.demo.reasons import find_reason, in_words, split_sentences
from secondpass.demo import Passage, passages
from secondpass.ranking import rank
from secondpass.testing import OverlapScorer


def why(question: str, *texts: str, titles: str = "ABCDE") -> str:
    """The reason with a scorer that counts the question's words."""
    found = [Passage(title, title, text) for title, text in zip(titles, texts, strict=False)]
    scorer = OverlapScorer()
    return in_words(find_reason(scorer, question, found, rank(scorer, question, texts)))


def test_a_reason_names_what_was_overtaken_and_the_sentence_that_counted() -> None:
    # All of B's words count; without the second sentence it has one in three, and A none.
    sentence = why("red cat sleeps", "A dog.", "It is red here. The cat sleeps. Yes.")
    assert sentence == (
        "“B” moves from 2 to 1, past “A” (BM25's first), mostly for “The cat sleeps.”: without that its score is 0.33 "
        "rather than 1.00, though still the highest."
    )
    sentence = why("red cat sleeps", "A red cat.", "It is red here. The cat sleeps. Yes.", "A red cat, too.")
    assert sentence.endswith("for “The cat sleeps.”: without that its score is 0.33 rather than 1.00, and its rank 3.")


def test_of_equal_scores_the_earlier_one_would_be_first() -> None:
    sentence = why("red cat sleeps", "A red dog.", "It is red here. The cat sleeps. Yes.")
    assert sentence.endswith("for “The cat sleeps.”: without that its score is 0.33 rather than 1.00, and its rank 2.")


def test_a_passage_that_was_first_already_has_overtaken_nothing() -> None:
    assert why("cat", "A cat. A dog.", "A bird.").startswith(
        "“A” was BM25's first already and stays there, mostly for “A cat.”"
    )


def test_a_passage_of_one_sentence_is_all_there_is_to_it() -> None:
    assert why("cat", "A dog.", "A cat.") == "“B” moves from 2 to 1, past “A” (BM25's first), by its only sentence."


def test_a_passage_of_the_same_article_is_not_named_twice() -> None:
    assert "past another passage of that title (BM25's first)" in why("cat", "A dog. No.", "A cat. Yes.", titles="AA")


def test_a_sentence_that_only_costs_is_not_what_counted() -> None:
    assert why("cat", "A dog.", "A cat. A cat.").endswith(
        "and needs no single one of its sentences for that: without “A cat.” its score is 1.00 rather than 1.00."
    )


def test_initials_and_countries_end_no_sentence() -> None:
    text = "George W. Bush led the U.S. Army. It was big! Was it? “Yes.” he said."
    assert split_sentences(text) == ["George W. Bush led the U.S. Army.", "It was big!", "Was it?", "“Yes.” he said."]


@given(st.text(min_size=1))
def test_no_word_is_lost_between_sentences(text: str) -> None:
    assert " ".join(split_sentences(text)).split() == text.split()


def test_the_demo_s_passages_have_sentences_to_leave_out() -> None:
    n_sentences = [len(split_sentences(passage.text)) for passage in passages().values()]
    assert sum(n > 1 for n in n_sentences) > 0.8 * len(n_sentences)
