"""Windows: all of a document, each part as it is alone, split where it reads best."""

import itertools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import AWKWARD
from tokenizer_kinds import REAL, SMALL, tokenizer_of
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from secondpass.checkpoint.tokenizer import pair_template, tokenize_with
from secondpass.errors import InputError
from secondpass.ranking import Pair
from secondpass.tokenization.item_tokenizer import ItemTokenizer
from secondpass.tokenization.long_documents import TruncatingReader, WindowedTokens, WindowReader, document_of, part_of
from secondpass.tokenization.pairs import OneTextTokenizer, PairTemplate, TwoTextTokenizer
from secondpass.tokenization.passages import passage_spans
from secondpass.tokenization.prompts import Ending, PartedPromptTokenizer, PromptTokenizer, WritePrompt, fixed_ending
from secondpass.tokenization.text_tokenizer import FastTokenizer, Offsets, PythonTokenizer, TextTokenizer
from secondpass.tokenization.tokens import Spans, Specials
from secondpass.tokenization.windows import Span, split_to_fit

# Texts whose characters, tokens and words are three different things.
PIECES = [
    *AWKWARD,
    *(" ", "\n", "\n\n", "\r\n", "\t", "\u200b", "\u200d", "\ufe0f", "\u3000"),
    *("e\u0301", "a\u0300\u0301\u0302", "ﷺ", "ﬁ", "🇩🇪", "👋🏽", "है। ", "。", "? ", "x" * 30, "- " * 20, "--" * 20),
    "The wall fell. The people came! ",
]
DOCUMENTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=25).map("".join).map(lambda t: t[:600])
QUERIES = st.sampled_from(["", "berlin", "how many people live in berlin? " * 3, "東京都の人口" * 5])


def spans_of(reading: WindowedTokens) -> list[Span]:
    windows = reading.windows
    return [Span(*span) for span in zip(windows.starts.tolist(), windows.ends.tolist(), strict=True)]


def ids_of(reading: WindowedTokens) -> list[list[int]]:
    """The tokens of each window."""
    return [reading.tokens.take([row]).ids.tolist() for row in reading.windows.rows.tolist()]


def check(tokenize: ItemTokenizer[Any], item: Any, overlap: int | None, max_length: int) -> None:
    """All that is promised of the windows of one document."""
    read = WindowReader(tokenize, overlap)
    reading, document = read([item]), document_of(item)
    spans, ids = spans_of(reading), ids_of(reading)
    assert reading.tokens.lengths.max() <= max_length
    at_once = TruncatingReader(tokenize.for_windows())([item])
    if not at_once.windows.document_truncated[0] or not document.strip():
        assert ids == ids_of(at_once), "nothing changes for what fits"
        assert spans == [Span(0, len(document))]
        return
    assert all(0 <= span.start < span.end <= len(document) for span in spans)
    unread = set(range(len(document))) - {i for span in spans for i in range(span.start, span.end)}
    assert not "".join(document[i] for i in unread).strip(), "every character but white space is read"
    for first, second in itertools.pairwise(spans):
        assert first.start < second.start
        assert first.end < second.end
    for span, window in zip(spans, ids, strict=True):
        alone = read([part_of(item, span)])
        assert ids_of(alone) == [window], "a window has the tokens that its characters have alone"
    if reading.windows.document_truncated[0]:
        assert all(span.end - span.start == 1 for span in spans), "the room is too small for a single character"


def _prompt(ending: str) -> WritePrompt:
    return f"q: {{}} d: {{}}{ending}".format


def _ending(tokenize: TextTokenizer, ending: str) -> Ending:
    return fixed_ending(tokenize([ending]).concatenate().tolist())


@pytest.mark.parametrize("name", [*SMALL, *REAL])
def test_windows_are_the_whole_document_in_parts_that_score_alone(name: str, tmp_path: Path) -> None:
    tokenizer = tokenizer_of(name, tmp_path)
    tokenize = tokenize_with(tokenizer)
    template = pair_template(tokenizer, with_types=True)

    @settings(max_examples=40)
    @given(
        DOCUMENTS, QUERIES, st.integers(min_value=template.n_special + 2, max_value=60), st.sampled_from([None, 0, 1])
    )
    def check_two_texts(document: str, query: str, max_length: int, overlap: int | None) -> None:
        pairs = TwoTextTokenizer(tokenize, template, max_length)
        if overlap != 1 or pairs.least_room > 1:
            check(pairs, (query, document), overlap, max_length)

    @settings(max_examples=40)
    @given(DOCUMENTS, QUERIES, st.integers(min_value=20, max_value=60))
    def check_other_layouts(document: str, query: str, max_length: int) -> None:
        pair = query, document
        for ending in ("", " so?"):
            prompts = PromptTokenizer(tokenize, (1,), _prompt(ending), _ending(tokenize, ending), (2,), max_length)
            check(prompts, pair, 3, max_length)
        parts = ((1,), "q: {}".format, (3,), "d: {}".format, (2,), max_length, max_length // 2)
        check(PartedPromptTokenizer(tokenize, *parts), pair, 1, max_length)
        check(OneTextTokenizer(tokenize, (1,), (2,), max_length, "text: "), document, None, max_length)

    check_two_texts()
    check_other_layouts()


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", [*SMALL, *REAL])
def test_what_is_read_of_a_truncated_document_scores_alone(name: str, side: Any, tmp_path: Path) -> None:
    tokenizer = tokenizer_of(name, tmp_path)
    tokenize = tokenize_with(tokenizer)
    template = pair_template(tokenizer, with_types=True)

    @settings(max_examples=60)
    @given(DOCUMENTS, QUERIES, st.integers(min_value=template.n_special + 2, max_value=60))
    def check(document: str, query: str, max_length: int) -> None:
        pairs = TwoTextTokenizer(tokenize, template, max_length, truncation_side=side)
        fitted = pairs.fit([(query, document)])
        span = _read_span(pairs, (query, document))
        assert 0 <= span.start <= span.end <= len(document)
        if not fitted.query_excess[0]:  # which would keep more or fewer tokens beside another text
            assert pairs([part_of((query, document), span)]).ids.tolist() == fitted.tokens.ids.tolist()

    check()


def _with_merged_line_feeds() -> Tokenizer:
    """GPT-2's splitting: the last white space before a word is apart from that ahead of it."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    raw.train_from_iterator(["a line.\n\n", "three.\n\n\n", "spaces   ", "and \u2028 \u2028"] * 4, trainer)
    return raw


def _with_composed_letters() -> Tokenizer:
    """A letter and its accent become one, in a text that is not split at white space."""
    raw = Tokenizer(models.Unigram([("<unk>", 0.0), *((piece, -2.0) for piece in ("é", " ", *"abcdefghij.\n"))], 0))
    raw.normalizer = normalizers.NFKC()
    return raw


def _with_stripped_ends() -> Tokenizer:
    """White space around a text is none of it; within, it is tokens."""
    raw = _with_composed_letters()
    raw.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip()])
    return raw


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (_with_merged_line_feeds, "a line.\n\nthree.\n\n\nspaces   and \u2028 \u2028a line.\n\n" * 3),
        (_with_composed_letters, "abe\u0301 cde\u0301 e\u0301 " * 9),
        (_with_stripped_ends, "ab cd  e\n\nf \n g. " * 6),
    ],
)
def test_what_is_read_scores_alone_though_its_tokens_depend_on_what_is_not(
    kind: Callable[[], Tokenizer], document: str, side: Any
) -> None:
    tokenize = FastTokenizer(kind())
    template = PairTemplate((Specials((1,)),), 0, (Specials((2,)),), 0, ())
    for max_length in range(5, 24):
        readers: list[tuple[ItemTokenizer[Any], Any]] = [
            (TwoTextTokenizer(tokenize, template, max_length, truncation_side=side), ("a", document)),
            (OneTextTokenizer(tokenize, (1,), (2,), max_length, "b", truncation_side=side), document),
            (
                PromptTokenizer(tokenize, (1,), _prompt(""), _ending(tokenize, ""), (2,), max_length + 8),
                ("a", document),
            ),
        ]
        for items, item in readers:
            (read, alone) = (items([part]).ids.tolist() for part in (item, part_of(item, _read_span(items, item))))
            assert alone == read


def test_a_long_word_is_truncated_on_the_left_in_no_time() -> None:
    """A search that began at each of its characters took hours."""
    template = PairTemplate((), 0, (), 0, ())
    pairs = TwoTextTokenizer(FastTokenizer(_with_composed_letters()), template, 4, truncation_side="left")
    document = "a" * 300_000 + " b c"
    assert _read_span(pairs, ("a", document)) == Span(300_000, len(document))


def _read_span(tokenize: ItemTokenizer[Any], item: Any) -> Span:
    """The characters that are read of a document that is truncated."""
    return TruncatingReader(tokenize).read_span(item, Span(0, len(document_of(item))))


class SpacedTokenizer:
    """Every word is a token, and its id its length."""

    def __call__(self, texts: Sequence[str]) -> Spans:
        return Spans.of([list(map(len, text.split())) for text in texts])

    def locate(self, text: str) -> Offsets:
        edges = np.array([match.span() for match in re.finditer(r"\S+", text)], np.int64)
        return Offsets(edges[:, 0], edges[:, 1])

    def locate_words(self, text: str, n_together: int) -> Offsets:  # noqa: ARG002 - the protocol's
        return self.locate(text)


def split(text: str, room: int, overlap: int) -> list[str]:
    """The windows of a text in which every word is a token."""
    fits: Any = lambda spans: (np.zeros(len(spans), np.int64), None)  # noqa: E731 - nothing else is to be said
    spans, _ = split_to_fit(text, SpacedTokenizer(), room, overlap, fits)
    return [text[span.start : span.end] for span in spans]


LETTERS = "a b c d e f g h i j k l m n o p q r s t u"  # 21


def test_windows_share_words_and_the_last_one_starts_earlier_to_be_full() -> None:
    assert split(LETTERS, 8, 2) == ["a b c d e f g h", "g h i j k l m n", "m n o p q r s t", "n o p q r s t u"]
    assert split(LETTERS[:-2], 8, 2) == ["a b c d e f g h", "g h i j k l m n", "m n o p q r s t"]
    assert split(LETTERS, 10, 0) == ["a b c d e f g h i j", "k l m n o p q r s t", "l m n o p q r s t u"]
    assert split(LETTERS, 21, 5) == [LETTERS]


def test_windows_end_and_start_at_sentences_nearby() -> None:
    # Two tokens, a quarter of the room, are near; a sentence that ends earlier is not.
    assert split("a b c d e f. g h i j k l", 8, 0)[:1] == ["a b c d e f."]
    assert split("a b c d e. f g h i j k l", 8, 0)[:1] == ["a b c d e. f g h"]
    # The next one shares three words, so that it starts with a sentence, not four.
    assert split("a b c d e. f g h i j k l m n o p q r", 8, 4)[1] == "f g h i j k l m"
    assert split("a b c d. e f g h i j k l m n o p q r", 8, 4)[1] == "e f g h i j k l"
    assert split("a b c. d e f g h i j k l m n o p q r", 8, 4)[1] == "e f g h i j k l"


def test_a_paragraph_is_a_better_end_than_a_sentence() -> None:
    text = "a b c d e f g h i j k l m n\n\no. p q r s t"
    assert split(text, 16, 0)[:1] == ["a b c d e f g h i j k l m n"]
    assert split(text.replace("\n\n", "\n"), 16, 0)[:1] == ["a b c d e f g h i j k l m n\no."]
    assert split(text.replace("\n\n", "\r\n\r\n"), 16, 0)[:1] == ["a b c d e f g h i j k l m n"]


class CharacterTokenizer:
    """Every character but white space is a token."""

    def __call__(self, texts: Sequence[str]) -> Spans:
        return Spans.of([[ord(c) for c in text if not c.isspace()] for text in texts])

    def locate(self, text: str) -> Offsets:
        starts = np.array([i for i, c in enumerate(text) if not c.isspace()], np.int64)
        return Offsets(starts, starts + 1)

    def locate_words(self, text: str, n_together: int) -> Offsets:  # noqa: ARG002 - the protocol's
        return self.locate(text)


BARE = PairTemplate((), 0, (), 1, ())


def parts(tokenize: TextTokenizer, pair: Pair, max_length: int, overlap: int | None = 0) -> list[str]:
    """A document's windows under a template without special tokens."""
    read = WindowReader(TwoTextTokenizer(tokenize, BARE, max_length), overlap)
    return [pair[1][span.start : span.end] for span in spans_of(read([pair]))]


def test_words_that_are_too_long_are_split_between_characters_as_they_are_seen() -> None:
    tokenize = CharacterTokenizer()
    assert parts(tokenize, ("", "abcdefghij"), 4) == ["abcd", "efgh", "ghij"]
    assert parts(tokenize, ("", "abce\u0301fghijk"), 4)[0] == "abc", "not between a letter and its accent"
    assert parts(tokenize, ("", "ab👩\u200d👧cdefgh"), 4)[0] == "ab", "nor within a sequence of emoji"
    assert parts(tokenize, ("", "人口。東京都の人口は"), 4)[0] == "人口。", "a sentence ends without white space"


def test_a_long_query_leaves_half_of_the_room() -> None:
    read = WindowReader(TwoTextTokenizer(CharacterTokenizer(), BARE, 9), 0)
    reading = read([("q" * 30, "abcdefghijk"), ("q" * 30, "abc"), ("qq", "abcdefg")])
    assert ["".join(map(chr, ids)) for ids in ids_of(reading)] == [
        *("qqqqqabcd", "qqqqqefgh", "qqqqqhijk"),
        "qqqqqqabc",
        "qqabcdefg",
    ]
    assert reading.windows.counts.tolist() == [3, 1, 1]
    assert reading.windows.query_truncated.tolist() == [True, True, False]
    assert not reading.windows.document_truncated.any()


def test_a_long_query_is_truncated_inside_of_a_prompt() -> None:
    prompts = PromptTokenizer(CharacterTokenizer(), (1,), "Q{}D{}".format, fixed_ending(()), (2,), 13)
    truncated = TruncatingReader(prompts)([("q" * 30, "abc")])
    assert truncated.tokens.ids.tolist() == [1, *map(ord, "Q" + "q" * 10), 2]
    assert truncated.windows.document_truncated.all()
    assert truncated.windows.query_truncated.all()
    reading = WindowReader(prompts, 0)([("q" * 30, "abcdefgh")])
    assert [ids[1:-1] for ids in ids_of(reading)] == [list(map(ord, "QqqqqqD" + part)) for part in ("abcd", "efgh")]


def test_a_window_that_is_there_twice_is_computed_once() -> None:
    reading = WindowReader(TwoTextTokenizer(CharacterTokenizer(), BARE, 8), 0)([("", "abcdefg " * 40)])
    assert len(reading.windows.rows) == 40
    assert len(reading.tokens) == 1


def test_tokenizers_in_python_are_asked_one_word_at_a_time_where_tokens_stand() -> None:
    tokenize = PythonTokenizer(lambda text: [len(text)] * (len(text) // 3 + 1))
    offsets = tokenize.locate("abcdef  gh")
    assert list(zip(offsets.starts.tolist(), offsets.ends.tolist(), strict=True)) == [(0, 2), (2, 4), (4, 6), (8, 10)]

    @given(DOCUMENTS, st.integers(min_value=8, max_value=40))
    def check_windows(document: str, max_length: int) -> None:
        pairs = TwoTextTokenizer(tokenize, PairTemplate((Specials((1,)),), 0, (), 1, ()), max_length)
        check(pairs, ("ab", document), None, max_length)

    check_windows()


def test_white_space_without_end_is_one_truncated_window() -> None:
    tokenize = tokenize_with(SMALL["byte-bpe-roberta"]())
    reading = WindowReader(OneTextTokenizer(tokenize, (), (), 8), None)(["\n" * 100])
    assert spans_of(reading) == [Span(0, 100)]
    assert reading.windows.document_truncated.all()


def test_passages_are_the_windows_of_any_size() -> None:
    tokenize = OneTextTokenizer(CharacterTokenizer(), (), (), 20)
    text = "abc de. fgh ij. klm no. pqr st."
    assert passage_spans(tokenize, text, 7) == [Span(0, 7), Span(8, 15), Span(16, 23), Span(24, 31)]
    assert passage_spans(tokenize, text[:23], 100) == [Span(0, 23)]
    assert passage_spans(tokenize, " \n", 100) == []


@given(st.lists(st.integers(1, 12), min_size=1, max_size=15), st.integers(2, 24))
def test_a_sentence_of_half_a_passage_is_whole_in_one(lengths: list[int], max_tokens: int) -> None:
    tokenize = OneTextTokenizer(CharacterTokenizer(), (), (), 1000)
    sentences = ["x" * length + "." for length in lengths]
    text = " ".join(sentences)
    spans = passage_spans(tokenize, text, max_tokens)
    start = 0
    for sentence in sentences:
        end = start + len(sentence)
        if len(sentence) <= max_tokens // 2:
            assert any(span.start <= start and end <= span.end for span in spans)
        start = end + 1


@pytest.mark.parametrize(
    ("max_length", "overlap", "message"),
    [
        (9, 4, "window_overlap must be below 4, the tokens that are left for a document beside the longest query, got"),
        (9, 500, "window_overlap must be below 4, .* got 500"),
        (1, None, 'long_documents must be "truncate" where max_length leaves no room'),
    ],
)
def test_windows_without_room_are_refused(max_length: int, overlap: int | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        WindowReader(TwoTextTokenizer(CharacterTokenizer(), BARE, max_length), overlap)
