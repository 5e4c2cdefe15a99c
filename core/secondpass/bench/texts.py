"""What contenders read: queries with candidates, and prose; real text where a folder holds it, otherwise made up."""

import math
import random
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

from secondpass.errors import InputError
from secondpass.files.json_lines import json_lines
from secondpass.files.text import lines

# Tokens of a made-up pair, special tokens included. Short passages: BM25's top 100 of TREC DL 2019 have a mean of 95
# and a 95th percentile of 162 under BERT's tokenizer, so figures on made-up and on real passages are not comparable.
PAIR_MEAN = 68
PAIR_P95 = 124
# The log-normal distribution with this mean and this 95th percentile.
_LOG_MEAN = 4.1319
_LOG_DEVIATION = 0.4185
# Special tokens of BERT's pairs.
SPECIALS = 3

# Made-up queries, as many as TREC DL 2019 judged, each with as many candidates as BM25's top 100.
_N_QUERIES = 43
_N_CANDIDATES = 100
# Words of prose, which workloads read as a ring.
_N_PROSE = 40_000
# Of documentation, which is full of names and code; counted with BERT's tokenizer.
_TOKENS_PER_WORD = 1.67

# Common words are one token each for every tokenizer of English, so that words can stand for tokens.
_COMMON_WORDS = (
    "the of and to in is was for on that with by this from are or as be at an which not have it has his her they "
    "their one all also but more when time can other some first new into two about after most many will between "
    "over such only where used during year city world state part people war made number system under well known "
    "south north house government group being through before work game family same name including while film both "
    "later early national high united school life day since company university line area second against until "
    "several water public music river book series small long large country great old church set main along town "
    "around point team law season army play home end then these could there would every english population "
    "service order power history local white field black red air road place force british american best land "
    "office art court development level health science food study body data test process language market energy "
    "heart blood "
)

_COMMON = tuple(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class Material:
    """Text that workloads are built from.

    Args:
        candidates: Queries, each with the passages that a first stage retrieved for it.
        prose: Words of longer documents, in order.
        tokens_per_word: Tokens per word of the prose, on average, under BERT's tokenizer.
        candidates_source: Where the queries and passages come from, for the signature.
        prose_source: Where the prose comes from.
    """

    candidates: tuple[tuple[str, tuple[str, ...]], ...]
    prose: tuple[str, ...]
    tokens_per_word: float
    candidates_source: str
    prose_source: str


def load_material(data: Path | None) -> Material:
    """Real text where `data` holds it, made-up text of the same lengths otherwise.

    Args:
        data: A folder with `trec-dl/dl19` (queries.jsonl, passages.jsonl.gz, run.bm25.top100.trec.gz) or
            `docs-en/sections.jsonl.gz`, or both; None makes everything up.

    Raises:
        InputError: The folder has neither of the two.
    """
    made_up = _made_up()
    if data is None:
        return made_up
    dl19, sections = data / "trec-dl" / "dl19", data / "docs-en" / "sections.jsonl.gz"
    if not dl19.is_dir() and not sections.is_file():
        raise InputError(f"data must be a folder with trec-dl/dl19 or docs-en/sections.jsonl.gz, got '{data}'")
    has_passages, has_prose = dl19.is_dir(), sections.is_file()
    return Material(
        _dl19(dl19) if has_passages else made_up.candidates,
        _sections(sections) if has_prose else made_up.prose,
        _TOKENS_PER_WORD if has_prose else made_up.tokens_per_word,
        "TREC DL 2019, BM25 top 100" if has_passages else made_up.candidates_source,
        "documentation sections (docs-en)" if has_prose else made_up.prose_source,
    )


def pair_lengths(n_pairs: int) -> list[int]:
    """Tokens of `n_pairs` pairs, ascending: quantiles of a log-normal with mean 68 and 95th percentile 124."""
    normal = NormalDist(_LOG_MEAN, _LOG_DEVIATION)
    return [round(math.exp(normal.inv_cdf((i + 0.5) / n_pairs))) for i in range(n_pairs)]


def _made_up() -> Material:
    draw = random.Random(0)  # noqa: S311 - text, not secrets
    candidates = []
    for _ in range(_N_QUERIES):
        query = draw.choices(_COMMON, k=draw.randint(4, 8))
        lengths = pair_lengths(_N_CANDIDATES)
        draw.shuffle(lengths)
        candidates.append(
            (
                " ".join(query),
                tuple(" ".join(draw.choices(_COMMON, k=length - len(query) - SPECIALS)) for length in lengths),
            )
        )
    return Material(
        tuple(candidates),
        tuple(draw.choices(_COMMON, k=_N_PROSE)),
        1.0,
        f"made up, log-normal lengths of mean {PAIR_MEAN} and 95th percentile {PAIR_P95}",
        "made up, common English words",
    )


def _dl19(folder: Path) -> tuple[tuple[str, tuple[str, ...]], ...]:
    queries = {str(row["_id"]): str(row["text"]) for _, row in json_lines(folder / "queries.jsonl")}
    passages = {str(row["_id"]): str(row["text"]) for _, row in json_lines(folder / "passages.jsonl.gz")}
    candidates: dict[str, list[str]] = {}
    for _, line in lines(folder / "run.bm25.top100.trec.gz"):
        query_id, _, passage_id, *_ = line.split()
        candidates.setdefault(query_id, []).append(passages[passage_id])
    return tuple((queries[query_id], tuple(texts)) for query_id, texts in candidates.items())


def _sections(file: Path) -> tuple[str, ...]:
    words: list[str] = []
    for _, row in json_lines(file):
        words.extend(str(row["text"]).split())
        if len(words) >= _N_PROSE:
            break
    return tuple(words[:_N_PROSE])
