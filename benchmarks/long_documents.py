"""What windows and passages gain on long documents, and that they change nothing where documents fit.

`articles`: COVID-QA by article, truncated against windows. `chunks`: answers in the best passages, against the best
fixed chunks. `short`: documents that fit score the same. What a model has read is kept in `--cache`, so an interrupted
run goes on, and a larger one reads only what is new.

    python benchmarks/long_documents.py articles FOLDER/covid-qa --questions 100
    python benchmarks/long_documents.py chunks FOLDER/rag-chunking-eval --questions 100
    python benchmarks/long_documents.py short FOLDER/trec-dl/dl19 --run FOLDER/trec-dl/dl19/run.bm25.top100.trec.gz
"""

import csv
import io
import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

import numpy as np
import typer
from tokenizers import Tokenizer
from tqdm import tqdm

from secondpass import CachedScorer, CrossEncoder, Passage, RankedDocument
from secondpass.checkpoint.source import find
from secondpass.evaluation import BM25, compare, per_query, read_collection, read_run
from secondpass.files import read_text
from secondpass.options import DType, ModelOptions
from secondpass.score_cache import ScoreStore, pair_keys
from secondpass.tokenization.windows import Span

ItemT = TypeVar("ItemT")

# Tokens of the passage that stands for a truncated document, and of the documents that long corpora become.
FIRST_TOKENS, DOCUMENT_TOKENS = 512, 2000
# Passages and chunks that are kept, as a language model would be given them.
N_KEPT = 5

Data: TypeAlias = Annotated[Path, typer.Argument(help="The data set's folder.")]
Model: TypeAlias = Annotated[str, typer.Option(help="A checkpoint.")]
Precision: TypeAlias = Annotated[DType, typer.Option(help="Arithmetic of the transformer.")]
NQuestions: TypeAlias = Annotated[int | None, typer.Option(help="How many, drawn by chance.", show_default="all")]
Seed: TypeAlias = Annotated[int, typer.Option(help="Of the draw; a larger draw holds the smaller ones.")]
Cache: TypeAlias = Annotated[Path, typer.Option(help="Folder for what has been read.")]

# Values by question, before and after.
Measured: TypeAlias = tuple[Mapping[str, float], Mapping[str, float]]

app = typer.Typer(help="Windows and passages, measured.")


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what answers it.

    Args:
        text: What is asked.
        source: The article or corpus that holds the answers.
        answers: The characters of the source that answer.
    """

    text: str
    source: str
    answers: tuple[Span, ...]


@app.command()
def articles(
    data: Data,
    model: Model = "secondpass/mini",
    dtype: Precision = "float32",
    questions: NQuestions = None,
    candidates: Annotated[int, typer.Option(help="Articles per question, BM25's best.")] = 10,
    seed: Seed = 0,
    cache: Cache = Path("long-documents.cache"),
) -> None:
    """Whether the right article comes first, and its passage holds the answer: truncated, and in windows."""
    texts, every = read_covid_qa(data)
    asked = draw(every, questions, seed)
    first = BM25(texts).run({key: question.text for key, question in asked.items()}, depth=candidates)
    truncating = CachedScorer(CrossEncoder(model, dtype=dtype), cache)
    windows = CachedScorer(CrossEncoder(model, dtype=dtype, long_documents="windows"), cache)
    tokenizer = tokenizer_of(model)
    beginnings = {name: token_spans(text, tokenizer, FIRST_TOKENS)[0] for name, text in texts.items()}
    runs: tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]] = ({}, {})
    places: tuple[dict[str, float], dict[str, float]] = ({}, {})
    for key, question in tqdm(asked.items(), unit="question"):
        names = list(first[key])
        documents = [texts[name] for name in names]
        truncated, whole = truncating.rank(question.text, documents), windows.rank(question.text, documents)
        for run, ranking in zip(runs, (truncated, whole), strict=True):
            run[key] = {names[document.index]: document.score for document in ranking}
        places[0][key] = answering_place(
            question, [(names[document.index], beginnings[names[document.index]]) for document in truncated]
        )
        places[1][key] = answering_place(
            question, [(names[document.index], passage_span(document)) for document in whole]
        )
    qrels = {key: {question.source: 1} for key, question in asked.items()}
    by_run = [per_query(["nDCG@10"], qrels, run)["nDCG@10"] for run in (first, *runs)]
    measured: dict[str, Measured] = {"nDCG@10": (by_run[1], by_run[2])}
    for k in (1, 3):
        before, after = ({key: float(place <= k) for key, place in way.items()} for way in places)
        measured[f"answer in passage@{k}"] = before, after
    n_found = sum(question.source in first[key] for key, question in asked.items())
    print(
        f"{model}, {dtype}; {len(asked)} of {len(every)} questions (seed {seed}), BM25's best {candidates} of "
        f"{len(texts)} articles: the right one is among them for {n_found}; BM25's own nDCG@10 "
        f"{np.mean([*by_run[0].values()]):.3f}\n"
    )
    print_table(("truncated", "windows"), measured)


@app.command()
def chunks(
    data: Data,
    model: Model = "secondpass/mini",
    dtype: Precision = "float32",
    questions: NQuestions = None,
    candidates: Annotated[int, typer.Option(help="Documents per question, BM25's best of its corpus.")] = 3,
    max_tokens: Annotated[int, typer.Option(help="Of a passage, at most; of a chunk.")] = 200,
    seed: Seed = 0,
    cache: Cache = Path("long-documents.cache"),
) -> None:
    """How much of the spans that answer is in the best passages of long documents, and in their best fixed chunks."""
    corpora, every = read_chunking_evaluation(data)
    asked = draw(every, questions, seed)
    tokenizer = tokenizer_of(model)
    documents = {name: token_spans(text, tokenizer, DOCUMENT_TOKENS) for name, text in corpora.items()}
    indexes = {
        name: BM25({str(i): corpora[name][span.start : span.end] for i, span in enumerate(spans)})
        for name, spans in documents.items()
    }
    encoder = CrossEncoder(model, dtype=dtype)
    cached, reader = CachedScorer(encoder, cache), PassageReader(encoder, max_tokens, cache)
    kept: tuple[dict[str, list[Span]], dict[str, list[Span]]] = ({}, {})
    for key, question in tqdm(asked.items(), unit="question"):
        corpus = corpora[question.source]
        found = indexes[question.source].search(question.text, candidates)
        scored_chunks, scored_passages = [], []
        for span in (documents[question.source][int(i)] for i in found):
            text = corpus[span.start : span.end]
            fixed = token_spans(text, tokenizer, max_tokens)
            scores = cached.score(question.text, [text[chunk.start : chunk.end] for chunk in fixed])
            scored_chunks += [
                Passage(span.start + chunk.start, span.start + chunk.end, float(score))
                for chunk, score in zip(fixed, scores, strict=True)
            ]
            scored_passages += [
                Passage(span.start + passage.start, span.start + passage.end, passage.score)
                for passage in reader(question.text, text)
            ]
        kept[0][key], kept[1][key] = best_spans(scored_chunks), best_spans(scored_passages)
    shares = [{key: covered(asked[key], corpora, spans) for key, spans in way.items()} for way in kept]
    measured: dict[str, Measured] = {
        f"share of the answers in {N_KEPT}": (shares[0], shares[1]),
        "all of the answers": (
            {key: float(share == 1) for key, share in shares[0].items()},
            {key: float(share == 1) for key, share in shares[1].items()},
        ),
    }
    n_tokens = [
        np.mean(
            [
                len(tokenizer.encode(corpora[asked[key].source][span.start : span.end], add_special_tokens=False).ids)
                for key, spans in way.items()
                for span in spans
            ]
        )
        for way in kept
    ]
    n_documents = sum(map(len, documents.values()))
    print(
        f"{model}, {dtype}; {len(asked)} of {len(every)} questions (seed {seed}), BM25's best {candidates} of a "
        f"corpus's documents of {DOCUMENT_TOKENS} tokens ({n_documents} in all); a chunk has {n_tokens[0]:.0f} tokens, "
        f"a passage {n_tokens[1]:.0f}\n"
    )
    print_table(("chunks", "passages"), measured)


@app.command()
def short(
    data: Data,
    run: Annotated[Path, typer.Option(help="TREC run.")],
    model: Model = "secondpass/mini",
    dtype: Precision = "float32",
    questions: NQuestions = 5,
    candidates: Annotated[int, typer.Option(help="Documents per question, the run's best.")] = 20,
    seed: Seed = 0,
) -> None:
    """Whether documents that fit have the same scores with and without windows, to the last bit."""
    collection, ranked = read_collection(data), read_run(run)
    pairs = [
        (collection.queries[query], collection.documents[document])
        for query, scores in draw(ranked, questions, seed).items()
        for document in sorted(scores, key=scores.__getitem__, reverse=True)[:candidates]
    ]
    truncating = CrossEncoder(model, dtype=dtype)
    fit = [pair for pair, truncated in zip(pairs, truncating.read(pairs).truncated, strict=True) if not truncated]
    windows = CrossEncoder(model, dtype=dtype, long_documents="windows")
    n_equal = int((truncating.predict(fit) == windows.predict(fit)).sum())
    print(f"{model}, {dtype}; {len(fit)} of {len(pairs)} pairs fit, and {n_equal} of them score the same in windows")
    raise typer.Exit(code=int(n_equal < len(fit)))


class PassageReader:
    """A document's best passages, kept on disk.

    Args:
        encoder: Reads them.
        max_tokens: Of each, at most.
        folder: Where they are kept.
    """

    def __init__(self, encoder: CrossEncoder, max_tokens: int, folder: Path) -> None:
        self._encoder, self._max_tokens = encoder, max_tokens
        self._store, self._fingerprint = ScoreStore(folder, max_entries=1_000_000), encoder.fingerprint()

    def __call__(self, query: str, document: str) -> list[Passage]:
        """The best ones."""
        (key,) = pair_keys(f"passages of {self._max_tokens}", self._fingerprint, [(query, document)])
        known = self._store.read([key]).get(key)
        if known is not None:
            return [Passage(*fields) for fields in json.loads(known)]
        passages = self._encoder.passages(query, document, max_tokens=self._max_tokens, top_k=N_KEPT)
        self._store.write({key: json.dumps([astuple(passage) for passage in passages]).encode()})
        return passages


def read_covid_qa(folder: Path) -> tuple[dict[str, str], dict[str, Question]]:
    """The articles and the questions, by id.

    Some offsets of answers are off by one and more: of the places where the answer's text stands, the nearest counts.
    """
    texts, questions = {}, {}
    for article in json.loads(read_text(folder / "200423_covidQA.json.gz"))["data"]:
        (paragraph,) = article["paragraphs"]
        name, text = str(paragraph["document_id"]), paragraph["context"]
        texts[name] = text
        for question in paragraph["qas"]:
            (answer,) = question["answers"]
            span = nearest(answer["text"].strip(), text, answer["answer_start"])
            questions[str(question["id"])] = Question(question["question"], name, (span,))
    return texts, questions


def nearest(words: str, text: str, given: int) -> Span:
    """Where the words stand in a text, as near as can be to the given place."""
    starts = [match.start() for match in re.finditer(re.escape(words), text)]
    start = min(starts, key=lambda place: abs(place - given))
    return Span(start, start + len(words))


def read_chunking_evaluation(folder: Path) -> tuple[dict[str, str], dict[str, Question]]:
    """The corpora by name, and the questions by their number."""
    corpora = {path.name.removesuffix(".md.gz"): read_text(path) for path in (folder / "corpora").glob("*.md.gz")}
    rows = csv.DictReader(io.StringIO(read_text(folder / "questions_df.csv"), newline=""))
    return corpora, {
        str(number): Question(
            row["question"],
            row["corpus_id"],
            tuple(Span(answer["start_index"], answer["end_index"]) for answer in json.loads(row["references"])),
        )
        for number, row in enumerate(rows)
    }


def draw(questions: Mapping[str, ItemT], n: int | None, seed: int) -> dict[str, ItemT]:
    """Some of the questions: the first ones of a random order."""
    order = sorted(questions)
    random.Random(seed).shuffle(order)  # noqa: S311 - no secret
    return {key: questions[key] for key in order[:n]}


def tokenizer_of(model: str) -> Tokenizer:
    """The checkpoint's tokenizer, for texts of any length."""
    tokenizer = Tokenizer.from_file(str(find(model, ModelOptions()).path / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def token_spans(text: str, tokenizer: Tokenizer, n_tokens: int) -> list[Span]:
    """A text in parts of that many tokens, and the rest."""
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    starts = [0, *(start for start, _ in offsets[n_tokens::n_tokens])]
    return [Span(start, end) for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def passage_span(document: RankedDocument) -> Span:
    """The characters of a document's best passage."""
    passage = document.passage
    return Span(0, 0) if passage is None else Span(passage.start, passage.end)


def answering_place(question: Question, ranking: Iterable[tuple[str, Span]]) -> float:
    """At which place the right article's passage holds the answer; infinity where it does not.

    Args:
        question: What is asked.
        ranking: Articles and their passages, best first.
    """
    for place, (name, passage) in enumerate(ranking, 1):
        if name == question.source and all(
            passage.start <= answer.start and answer.end <= passage.end for answer in question.answers
        ):
            return place
    return float("inf")


def best_spans(passages: Sequence[Passage]) -> list[Span]:
    """The best passages' characters."""
    best = sorted(passages, key=lambda passage: -passage.score)[:N_KEPT]
    return [Span(passage.start, passage.end) for passage in best]


def covered(question: Question, corpora: Mapping[str, str], spans: Iterable[Span]) -> float:
    """Which share of the answers' characters the spans hold, white space left out."""
    text = corpora[question.source]
    wanted = {i for answer in question.answers for i in range(answer.start, answer.end) if not text[i].isspace()}
    held = chain.from_iterable(range(span.start, span.end) for span in spans)
    return len(wanted.intersection(held)) / len(wanted)


def print_table(ways: tuple[str, str], measured: Mapping[str, Measured]) -> None:
    """Means of both ways, and whether they differ by more than chance."""
    print(f"| measure | {ways[0]} | {ways[1]} | difference | p | helped | hurt |\n|---|---|---|---|---|---|---|")
    for measure, (before, after) in measured.items():
        result = compare(before, after)
        p_value = "-" if result.p_value is None else f"{result.p_value:.2g}"
        print(
            f"| {measure} | {result.before:.3f} | {result.after:.3f} | {result.difference:+.3f} | {p_value} "
            f"| {result.helped} | {result.hurt} |"
        )


if __name__ == "__main__":
    app()
