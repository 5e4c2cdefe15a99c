"""Texts that break rerankers: empty, one word, far over the limit, other scripts, emoji, control characters."""

LONG = "the berlin wall fell in the year of the revolution and its people " * 60

AWKWARD = (
    "",
    " ",
    "berlin",
    "How many people live in Berlin?",
    "Berlin has a population of 3,520,031 registered inhabitants in an area of 891.82 square kilometers.",
    LONG,
    "ÜBERGRÖẞE naïve café İstanbul",
    "👩‍👩‍👧‍👦 emoji 🇩🇪 ☃",
    "مرحبا بالعالم hello שלום",
    "東京都の人口は約1400万人です。",
    "กรุงเทพมหานคร",
    "tab\tnew\nline\r\n\x00 null \u200b zero width",
    "[SEP] </s> [CLS] <s> <mask>",
    "a" * 300,
)

PAIRS = tuple((query, document) for query in AWKWARD for document in AWKWARD)

# At tight limits the reference tokenizers build every overflowing pair of pieces, quadratic in a text's length.
SHORT_PAIRS = tuple(pair for pair in PAIRS if LONG not in pair)
