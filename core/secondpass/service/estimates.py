"""How many tokens a text may have, told from its length alone: for budgets and limits, before it is tokenized."""

# Bytes per token of the vocabularies that rerankers use: 4 to 5 in English prose, 3 to 4 in Chinese and Japanese
# (about a token per character), 4 to 6 in Cyrillic.
BYTES_PER_TOKEN = 4
# Special tokens around and between two texts: at most 4 in the published layouts, more in a prompt.
SPECIAL_TOKENS = 4


def most_text_tokens(text: str) -> int:
    """The most tokens that a text has: no vocabulary has tokens of less than a byte.

    Rare characters that Unicode's normalization writes as several can have more.
    """
    return len(text.encode())


def text_tokens(text: str) -> int:
    """About how many tokens a text has.

    Raises:
        UnicodeEncodeError: It holds a lone surrogate, which is no text.
    """
    return len(text.encode()) // BYTES_PER_TOKEN + 1


def most_pair_tokens(query: str, document: str) -> int:
    """The most tokens that a query and a document can have together; see `most_text_tokens`."""
    return most_text_tokens(query) + most_text_tokens(document) + SPECIAL_TOKENS


def pair_tokens(query: int, document: int, most_tokens: int | None) -> int:
    """About how many tokens are read of a query and a document of so many, at most `most_tokens`."""
    tokens = query + document + SPECIAL_TOKENS
    return tokens if most_tokens is None else min(tokens, most_tokens)
