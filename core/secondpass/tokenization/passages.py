"""Parts of a document as small as somebody wants to read them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from secondpass.tokenization.item_tokenizer import ItemT, ItemTokenizer
from secondpass.tokenization.long_documents import document_of, part_of
from secondpass.tokenization.windows import PASSAGES, Span, split_to_fit


def passage_spans(tokenize: ItemTokenizer[ItemT], item: ItemT, max_tokens: int) -> list[Span]:
    """Windows of a document that overlap by half, at sentences where it can be; the whole, where that is small enough.

    Args:
        tokenize: Items to tokens.
        item: A pair, or a single text.
        max_tokens: The most tokens of one of them, at least 1; fewer where not so many fit beside the query.

    Returns:
        In the order of the document; [] for a blank one, the whole where the query leaves no room for any of it.
    """
    document = document_of(item)
    if not document.strip():
        return []
    fitted = tokenize.fit([item])
    if fitted.document_excess[0]:
        if fitted.document_read[0] == 0:  # not even the smallest part fits
            return [Span(0, len(document))]
        max_tokens = min(max_tokens, int(fitted.document_read[0]))
    elif tokenize.tokenize([document]).lengths[0] <= max_tokens:
        return [Span(0, len(document))]

    def measure(spans: Sequence[Span]) -> tuple[NDArray[np.int64], None]:
        parts = [part_of(item, span) for span in spans]
        n_tokens = tokenize.tokenize([document_of(part) for part in parts]).lengths
        return np.maximum(n_tokens - max_tokens, tokenize.fit(parts).document_excess), None

    spans, _ = split_to_fit(document, tokenize.tokenize, max_tokens, max_tokens // 2, measure, PASSAGES)
    return spans
