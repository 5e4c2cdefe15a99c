r"""Training steps with padding and without: the same batches in turns, forward and backward pass and optimizer step.

With padding is how `secondpass train` worked before: 32 pairs of similar length together, padded to their longest, with
torch's own attention and dropout.

    python benchmarks/training_steps.py FOLDER/ce-minilm6 --data FOLDER
"""

import random
import statistics
import time
from pathlib import Path
from typing import Annotated

import torch
import typer
from sentence_transformers.cross_encoder import losses
from torch import nn

from secondpass.bench.texts import load_material
from secondpass.training import ModelConfig
from secondpass.training.base_model import find_base, load_base_model
from secondpass.training.grouped import GroupedCrossEncoder

# The norm that gradients are clipped to, as the trainer does.
_CLIPPED = 1.0


class Contender:
    """A model with its loss and optimizer.

    Args:
        model: On the CPU.
        freeze: Parameters whose name holds this keep their values; None: all learn.
    """

    def __init__(self, model: GroupedCrossEncoder, freeze: str | None) -> None:
        self.model = model.train()
        for name, parameter in model.named_parameters():
            parameter.requires_grad = freeze is None or freeze not in name
        self.loss = losses.ListNetLoss(model, mini_batch_size=-1)
        learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(learned, lr=1e-5, fused=True)

    def step(self, queries: list[str], documents: list[list[str]], labels: list[torch.Tensor]) -> float:
        """Learn from a batch. Returns the seconds that it took."""
        started = time.perf_counter()
        self.loss([queries, documents], labels).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), _CLIPPED)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return time.perf_counter() - started


def main(
    base: Annotated[Path, typer.Argument(help="Folder of a cross-encoder with one label.")],
    data: Annotated[Path | None, typer.Option(help="Folder with trec-dl/dl19; without it texts are made up.")] = None,
    dropout: Annotated[float, typer.Option(help="Dropout everywhere in the model.")] = 0.1,
    freeze: Annotated[str | None, typer.Option(help="Part of the names of parameters that keep their values.")] = None,
    lists: Annotated[int, typer.Option(help="Queries of a batch, with 8 documents each.")] = 8,
    turns: Annotated[int, typer.Option(help="Batches.")] = 7,
) -> None:
    """Print pairs per second, medians over the batches, and the ratio within each batch."""
    draw = random.Random(0)  # noqa: S311 - a sample, not secrets
    candidates = load_material(data).candidates
    packed = load_base_model(ModelConfig(str(base), dropout=dropout), find_base(str(base), Path()))
    padded = GroupedCrossEncoder(str(base), num_labels=1, max_length=256, activation_fn=nn.Identity(), device="cpu")
    for module in padded.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
    contenders = {"padded": Contender(padded, freeze), "padding-free": Contender(packed, freeze)}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(turns + 1):
        chosen = draw.choices(candidates, k=lists)
        documents = [draw.sample(texts, 8) for _, texts in chosen]
        labels = [torch.randn(8) for _ in chosen]
        for name, contender in contenders.items():
            taken = contender.step([query for query, _ in chosen], documents, labels)
            if turn:  # the first one sets things up
                seconds[name].append(taken)
                print(f"turn {turn}, {name}: {taken:.2f} s", flush=True)
    for name, of in seconds.items():
        print(f"{name}: {lists * 8 / statistics.median(of):.1f} pairs per second")
    ratios = sorted(before / after for before, after in zip(seconds["padded"], seconds["padding-free"], strict=True))
    print(f"ratio: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    typer.run(main)
