"""The corpora `secondpass/mini` learns from: passages, and the queries asked of them."""

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

# Where texts are split into sentences.
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
# How the Penn Treebank writes brackets and quotation marks, which SQuAD's sentences come with.
_BRACKETS = {"-lrb-": "(", "-rrb-": ")", "-lsb-": "[", "-rsb-": "]", "``": '"', "''": '"'}
# Stop words, which keyword queries leave out.
_STOP = frozenset(
    {"the", "a", "an", "of", "and", "or", "in", "on", "to", "for", "is", "are", "was", "were", "be", "by", "with"}
    | {"that", "this", "it", "as", "at", "from", "its"}
)
# How people ask for what a term means.
_DEFINITIONS = ("what is {}", "what is {}", "what are {}", "define {}", "{} definition", "{} meaning", "{}")
# Words per passage, and the share of documents that are split so: short ones are cheap, long ones must be known too.
_PASSAGE_WORDS = ((60, 0.6), (110, 0.25), (190, 0.15))


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a corpus; `source` is the document it comes from."""

    source: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A query.

    Args:
        text: The query's text.
        gold: The source that answers it; None where that is not known.
        answers: Strings, one of which the answering passage holds; empty: every passage of the source answers.
        kind: "question" for one a person asked; else "heading", "title", "sentence" or "keywords".
        repeats: The number of lists it appears in.
        titled: Whether its passages may show their titles (not where the title is the query).
        labelled: Whether its label is good enough for the second stage.
    """

    text: str
    gold: str | None
    answers: tuple[str, ...] = ()
    kind: str = "question"
    repeats: int = 1
    titled: bool = True
    labelled: bool = True


@dataclass(frozen=True, slots=True)
class Domain:
    """Passages and the queries about them."""

    name: str
    passages: list[Passage]
    queries: list[Query]
    held_out: bool = True


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _split(source: str, title: str, text: str, rng: np.random.Generator) -> list[Passage]:
    """Split a document into passages of whole sentences, of a length drawn for it."""
    words = int(rng.choice([size for size, _ in _PASSAGE_WORDS], p=[share for _, share in _PASSAGE_WORDS]))
    passages: list[Passage] = []
    passage: list[str] = []
    for sentence in _SENTENCE_END.split(text):
        parts = sentence.split()
        if passage and len(passage) + len(parts) > words:
            passages.append(Passage(source, title, " ".join(passage)))
            passage = []
        passage += parts[: 2 * words]
    if len(passage) > 5 or not passages:  # noqa: PLR2004 - a shorter rest says nothing
        passages.append(Passage(source, title, " ".join(passage)))
    return passages


def _keywords(passages: list[Passage], count: int, rng: np.random.Generator) -> list[Query]:
    """Two to six neighbouring words, as people type them: lower case, no stop words."""
    queries = []
    for index in rng.integers(0, len(passages), count).tolist():
        words = [word for word in re.findall(r"[a-z0-9][\w-]+", passages[index].text.lower()) if word not in _STOP]
        size = int(rng.integers(2, 7))
        if len(words) > size:
            start = int(rng.integers(0, len(words) - size))
            queries.append(Query(" ".join(words[start : start + size]), None, kind="keywords"))
    return queries


def _sentences(passages: list[Passage], count: int, rng: np.random.Generator) -> list[Query]:
    """Whole sentences, as claims are worded."""
    queries = []
    for index in rng.integers(0, len(passages), count).tolist():
        sentence = str(rng.choice(_SENTENCE_END.split(passages[index].text)))
        if 6 <= len(sentence.split()) <= 30:  # noqa: PLR2004 - a claim, not a fragment or a list
            queries.append(Query(sentence, None, kind="sentence"))
    return queries


def _answers(line: dict[str, str]) -> tuple[str, ...]:
    return tuple(line.get("answers", ()))


def web(data: Path, rng: np.random.Generator) -> Domain:
    """Natural Questions (two selections) and SQuAD questions over Wikipedia."""
    passages, queries, seen = [], [], set()
    for folder in ("nq-lost-in-the-middle", "qed-nq-dev"):
        for line in _lines(data / folder / "passages.jsonl.gz"):
            passages += _split(line["_id"], line["title"], line["text"], rng)
        for line in _lines(data / folder / "pairs.jsonl.gz"):
            if line["query"].lower() not in seen:
                queries.append(Query(line["query"], line["pid"], _answers(line), repeats=3))
            seen.add(line["query"].lower())
    return Domain("web", passages, queries + _keywords(passages, 2500, rng))


def squad(data: Path, rng: np.random.Generator, part: slice = slice(6000)) -> Domain:
    """SQuAD questions over single sentences; only those of SQuAD's training articles."""
    pairs = [line for line in _lines(data / "nqg-squad-sentences/pairs.jsonl.gz") if line["split"] == "test"]
    pairs = [pairs[i] for i in rng.permutation(len(pairs))[part].tolist()]
    used = {line["pid"] for line in pairs}

    def clean(text: str) -> str:
        return " ".join(_BRACKETS.get(word, word) for word in text.split())

    passages = [
        Passage(line["_id"], "", clean(line["text"]))
        for line in _lines(data / "nqg-squad-sentences/passages.jsonl.gz")
        if line["_id"] in used
    ]
    queries = [Query(clean(line["query"]), line["pid"]) for line in pairs]
    return Domain("squad", passages, queries + _keywords(passages, 1000, rng))


def medical(data: Path, rng: np.random.Generator) -> Domain:
    """Patients' questions. Capped, because they follow a dozen templates."""
    documents = list(_lines(data / "medquad/passages.jsonl.gz"))
    documents = [documents[i] for i in rng.permutation(len(documents))[:3000].tolist()]
    used = {line["_id"] for line in documents}
    passages = [passage for line in documents for passage in _split(line["_id"], line["title"], line["text"], rng)]
    pairs = [line for line in _lines(data / "medquad/pairs.jsonl.gz") if line["pid"] in used]
    pairs = [pairs[i] for i in rng.permutation(len(pairs))[:2500].tolist()]
    queries = [Query(line["query"].replace(" ?", "?"), line["pid"], titled=False) for line in pairs]
    return Domain("medical", passages, queries + _keywords(passages, 1500, rng) + _sentences(passages, 1000, rng))


def covid(data: Path, rng: np.random.Generator) -> Domain:
    """Experts' questions over research articles."""
    passages = []
    for line in _lines(data / "covid-qa/passages.jsonl.gz"):
        passages += _split(line["_id"], line["title"], line["text"], rng)
    queries = [
        Query(line["query"], line["pid"], _answers(line), repeats=2)
        for line in _lines(data / "covid-qa/pairs.jsonl.gz")
    ]
    return Domain("covid", passages, queries + _keywords(passages, 1000, rng) + _sentences(passages, 1000, rng))


def science(data: Path, rng: np.random.Generator) -> Domain:
    """One-sentence summaries and titles over paper abstracts."""
    passages, titles = [], []
    for line in _lines(data / "scitldr-a/passages.jsonl.gz"):
        whole = rng.random() < 0.5  # noqa: PLR2004 - half whole, half split: both are searched
        split = _split(line["_id"], line["title"], line["text"], rng)
        passages += [Passage(line["_id"], line["title"], line["text"])] if whole else split
        titles.append(Query(line["title"], line["_id"], kind="title", titled=False))
    queries = [Query(line["query"], line["pid"], titled=False) for line in _lines(data / "scitldr-a/pairs.jsonl.gz")]
    return Domain(
        "science", passages, queries + titles + _keywords(passages, 1000, rng) + _sentences(passages, 1000, rng)
    )


def claims(data: Path, _: np.random.Generator) -> Domain:
    """SciFact's training claims over the abstracts they cite; abstracts that test claims cite are left out."""
    tested = {line.split()[2] for line in (data / "scifact/qrels.trec").read_text().splitlines()}
    judged = [line.split() for line in (data / "scifact/train_qrels.trec").read_text().splitlines()]
    gold = {query: document for query, _, document, grade in judged if document not in tested and int(grade) > 0}
    cited = set(gold.values())
    passages = [
        Passage(line["_id"], line["title"], line["text"])
        for line in _lines(data / "scifact/corpus.jsonl.gz")
        if line["_id"] in cited
    ]
    queries = [
        Query(line["text"], gold[line["_id"]], repeats=3)
        for line in _lines(data / "scifact/train_queries.jsonl")
        if line["_id"] in gold
    ]
    return Domain("claims", passages, queries)


def software(data: Path, rng: np.random.Generator, part: slice = slice(4500)) -> Domain:
    """Headings of software documentation."""
    sections = [line for line in _lines(data / "docs-en/sections.jsonl.gz") if len(line["text"].split()) > 15]  # noqa: PLR2004 - less is a list of links
    sections = [sections[i] for i in rng.permutation(len(sections))[part].tolist()]
    passages, queries = [], []
    for line in sections:
        passages += _split(line["_id"], line["title"], line["text"], rng)
        if not line["generic"]:
            title = line["title"].split(" - ")[0]
            text = line["heading"] if rng.random() < 0.4 else f"{title} {line['heading']}"  # noqa: PLR2004 - people name the product more often than not
            queries.append(Query(text, line["_id"], kind="question", titled=False))
    return Domain("software", passages, queries + _keywords(passages, 1500, rng))


def textbooks(data: Path, rng: np.random.Generator) -> Domain:
    """Terms and exercises of textbooks, over the sections that explain them."""

    def modules(name: str) -> Iterator[tuple[str, dict[str, str]]]:
        return ((line["_id"].rpartition("/")[0], line) for line in _lines(data / "openstax" / name))

    known = sorted({module for module, _ in modules("passages.jsonl.gz")})
    chosen = {known[i] for i in rng.permutation(len(known))[: len(known) // 2].tolist()}
    passages, queries = [], []
    for module, line in modules("passages.jsonl.gz"):
        if module in chosen:
            passages += _split(line["_id"], line["title"], line["text"], rng)
    for module, line in modules("pairs.jsonl.gz"):
        if module in chosen:
            is_term = line["kind"] == "term"
            text = str(rng.choice(_DEFINITIONS)).format(line["query"]) if is_term else line["query"]
            kind = "question" if line["pid"] else line["kind"]
            queries.append(Query(text, line["pid"], _answers(line), kind=kind))
    return Domain("textbooks", passages, queries + _keywords(passages, 2500, rng) + _sentences(passages, 2500, rng))


def biomedical(data: Path, rng: np.random.Generator) -> Domain:
    """Questions that papers ask, and what they conclude, over their abstracts without the conclusions."""
    papers = json.loads((data / "pubmedqa/ori_pqal.json").read_text(encoding="utf-8"))
    passages = [Passage(name, "", " ".join(paper["CONTEXTS"])) for name, paper in papers.items()]
    asked = [Query(paper["QUESTION"], name) for name, paper in papers.items()]
    concluded = [Query(paper["LONG_ANSWER"], name, kind="sentence") for name, paper in papers.items()]
    return Domain(
        "biomedical", passages, asked + concluded + _keywords(passages, 1000, rng) + _sentences(passages, 1000, rng)
    )


# What the first edition leaves of its sources, by the domain's name.
MORE: Mapping[str, Callable[[Path, np.random.Generator], Domain]] = {
    "squad": partial(squad, part=slice(6000, None)),
    "software": partial(software, part=slice(4500, 10500)),
}

DOMAINS: Mapping[str, Callable[[Path, np.random.Generator], Domain]] = {
    "claims": claims,
    "web": web,
    "squad": squad,
    "covid": covid,
    "science": science,
    "medical": medical,
    "software": software,
}

# What the third edition learns from besides.
LATER: Mapping[str, Callable[[Path, np.random.Generator], Domain]] = {
    "textbooks": textbooks,
    "biomedical": biomedical,
}
