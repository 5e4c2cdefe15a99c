"""What the host does beside the forward pass: pairs per second from text to outputs, with a network that gives zeros.

This is the limit of a fast GPU and of small models. Three ways take turns: passages never seen (other passages' words
are known), the same ones again, and, for comparison, the tokenizers library alone, query and passage of each pair.

    python benchmarks/host.py FOLDER/ce-minilm6 --data FOLDER
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import torch
import typer
from tokenizers import Tokenizer

from secondpass.bench.texts import load_material
from secondpass.checkpoint import load_checkpoint
from secondpass.checkpoint.source import find
from secondpass.execution.devices import capabilities_of
from secondpass.execution.pipeline import Pipeline
from secondpass.options import ModelOptions
from secondpass.ranking import Pair
from secondpass.ranking.blocks import blocks_of
from secondpass.tokenization.long_documents import TruncatingReader
from secondpass.tokenization.tokens import PairTokens

_T = TypeVar("_T")

# A CUDA device's.
_BATCH_TOKENS = 65536


class ZeroNetwork:
    """Stands in for a network."""

    capabilities = capabilities_of(torch.device("cpu"))
    pads = False

    def __call__(self, pairs: PairTokens) -> torch.Tensor:
        """Zeros."""
        return torch.zeros(len(pairs), 1)


def main(
    model: Annotated[str, typer.Argument(help="A checkpoint.")],
    data: Annotated[Path | None, typer.Option(help="Folder with trec-dl/dl19, for real text.")] = None,
    repeats: Annotated[int, typer.Option(help="Turns of each.")] = 7,
) -> None:
    """Print the median pairs per second of each way."""
    candidates = load_material(data).candidates
    passages = list(dict.fromkeys(text for _, texts in candidates for text in texts))
    pairs = [(candidates[i % len(candidates)][0], text) for i, text in enumerate(passages)]
    others, mine = pairs[::2], pairs[1::2]
    options = ModelOptions()
    alone = Tokenizer.from_file(str(find(model, options).path / "tokenizer.json"))
    alone.no_padding()
    alone.no_truncation()
    seconds: dict[str, list[float]] = {"tokenizers alone": [], "never seen": [], "seen before": []}
    for _ in range(repeats):
        seconds["tokenizers alone"].append(_timed(alone.encode_batch_fast, mine))
        reader = TruncatingReader(load_checkpoint(model, options).tokenize)
        pipeline: Pipeline[Pair] = Pipeline(reader, [ZeroNetwork()], _BATCH_TOKENS)
        list(pipeline.run(blocks_of(others)))
        for way in ("never seen", "seen before"):
            seconds[way].append(_timed(list, pipeline.run(blocks_of(mine))))  # a generator: nothing is done before
    for way, taken in seconds.items():
        typer.echo(f"{way}: {len(mine) / statistics.median(taken):,.0f} pairs/s")


def _timed(call: Callable[[_T], object], items: _T) -> float:
    started = time.perf_counter()
    call(items)
    return time.perf_counter() - started


if __name__ == "__main__":
    typer.run(main)
