"""All lists of a run as the numbers of their tokens: each text once, so that they fit a GPU beside the model.

    python packed_lists.py DATA TOKENIZER OUT

DATA is what `build_lists.py` made. OUT is one file of a fiftieth of its size.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

# Folders of DATA: what is learned from, and what it is judged by.
PARTS = ("lists", "agreement", "answers")
# Texts tokenised at a time.
_AT_A_TIME = 20_000
# Where a list has fewer passages than others.
NONE = -1


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts without special tokens, one after the other.

    Args:
        tokens: Of all texts.
        bounds: Where each begins, and where the last ends. Shape: (n_texts + 1,).
    """

    tokens: NDArray[np.int64]
    bounds: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str], tokenizer: Tokenizer) -> Self:
        """The texts, tokenised; the tokenizer neither pads nor truncates."""
        encoded: list[NDArray[np.int64]] = []
        for first in range(0, len(texts), _AT_A_TIME):
            part = tokenizer.encode_batch(list(texts[first : first + _AT_A_TIME]), add_special_tokens=False)
            encoded += [np.asarray(each.ids, np.int64) for each in part]
        bounds = np.cumsum([0, *(len(each) for each in encoded)])
        return cls(np.concatenate(encoded), bounds)


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists by the places of their texts.

    Args:
        queries: Shape: (n_lists,).
        passages: `NONE` where a list has fewer than others. Shape: (n_lists, n_passages).
        scores: The teacher's, or 1 for a known answer and 0 for others; NaN where there is no passage. Shape: as
            passages.
        sets: Which file of its part a list is from. Shape: (n_lists,).
        names: Of these files.
    """

    queries: NDArray[np.int64]
    passages: NDArray[np.int64]
    scores: NDArray[np.float32]
    sets: NDArray[np.int64]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PackedLists:
    """All parts, and their texts."""

    queries: Texts
    passages: Texts
    parts: dict[str, Lists]

    @classmethod
    def pack(cls, folder: Path, tokenizer: Tokenizer) -> Self:
        """Read the JSON lines of all parts."""
        queries: dict[str, int] = {}
        passages: dict[str, int] = {}
        parts = {part: _read(folder / part, queries, passages) for part in PARTS}
        return cls(Texts.of(list(queries), tokenizer), Texts.of(list(passages), tokenizer), parts)

    def save(self, path: Path) -> None:
        """Write one file, its numbers as small as they are."""
        arrays: dict[str, NDArray[np.generic]] = {}
        for name, texts in (("queries", self.queries), ("passages", self.passages)):
            arrays |= {f"{name}.tokens": texts.tokens.astype(np.uint16), f"{name}.lengths": np.diff(texts.bounds)}
        for part, lists in self.parts.items():
            arrays |= {
                f"{part}.queries": lists.queries.astype(np.int32),
                f"{part}.passages": lists.passages.astype(np.int32),
                f"{part}.scores": lists.scores.astype(np.float16),
                f"{part}.sets": lists.sets.astype(np.int8),
                f"{part}.names": np.array(lists.names),
            }
        np.savez_compressed(path, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            queries, passages = (
                Texts(
                    arrays[f"{name}.tokens"].astype(np.int64),
                    np.cumsum([0, *arrays[f"{name}.lengths"].astype(np.int64)]),
                )
                for name in ("queries", "passages")
            )
            parts = {
                part: Lists(
                    arrays[f"{part}.queries"].astype(np.int64),
                    arrays[f"{part}.passages"].astype(np.int64),
                    arrays[f"{part}.scores"].astype(np.float32),
                    arrays[f"{part}.sets"].astype(np.int64),
                    tuple(arrays[f"{part}.names"].tolist()),
                )
                for part in PARTS
            }
        return cls(queries, passages, parts)


def _read(folder: Path, queries: dict[str, int], passages: dict[str, int]) -> Lists:
    """The lists of a folder's files; texts that are new get the next places."""
    asked, found, scores, sets = [], [], [], []
    paths = sorted(folder.glob("*.jsonl"))
    for number, path in enumerate(paths):
        with path.open(encoding="utf-8") as lines:
            for record in map(json.loads, lines):
                texts, given = _documents(record)
                asked.append(queries.setdefault(record["query"], len(queries)))
                found.append([passages.setdefault(text, len(passages)) for text in texts])
                scores.append(given)
                sets.append(number)
    width = max(map(len, found))
    filled = [[*each, *[NONE] * (width - len(each))] for each in found]
    known = [[*each, *[np.nan] * (width - len(each))] for each in scores]
    return Lists(
        np.array(asked),
        np.array(filled),
        np.array(known, np.float32),
        np.array(sets),
        tuple(path.stem for path in paths),
    )


def _documents(record: dict[str, list[str]]) -> tuple[list[str], list[float]]:
    if "documents" in record:
        return record["documents"], [float(score) for score in record["scores"]]
    positive, negative = record["positive"], record["negative"]
    return positive + negative, [1.0] * len(positive) + [0.0] * len(negative)


def main() -> None:
    """Read the arguments, pack, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("tokenizer", type=Path, help="a folder with tokenizer.json")
    parser.add_argument("out", type=Path, help="such as data/lists.npz")
    arguments = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(arguments.tokenizer / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    PackedLists.pack(arguments.data, tokenizer).save(arguments.out)


if __name__ == "__main__":
    main()
