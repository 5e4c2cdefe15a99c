"""Teach a model the order of its teacher on a GPU, in float16 and without padding.

    python follow.py LISTS BASE OUT --steps 9000

LISTS is the file of `packed_lists.py`. The loss is that of `secondpass train` with `loss = "kl"`: the divergence of
softmaxes over a list, at a temperature. OUT receives the checkpoint, and what the held-out lists said.
"""

import argparse
import json
import logging
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from packed_lists import NONE, Lists, PackedLists
from packed_network import PackedNetwork, pairs
from torch import Tensor
from torch.nn.functional import log_softmax
from transformers import BertForSequenceClassification

from secondpass.training.agreement import kendall, ndcg_by_teacher

MAX_LENGTH = 256
LISTS_PER_STEP = 32
TEMPERATURE = 2.0
WARMUP_SHARE = 0.05
WEIGHT_DECAY = 0.01
LARGEST_GRADIENT = 1.0
# Held-out lists scored at a time.
LISTS_PER_LOOK = 24
SEED = 13

_log = logging.getLogger("follow")


def divergence(scores: Tensor, found: Tensor, teacher: Tensor) -> Tensor:
    """The divergence of the model's softmax over each list from its teacher's, times the square of the temperature.

    Args:
        scores: Of all pairs, list after list. Shape: (n_pairs,).
        found: Where a list has a passage. Shape: (n_lists, n_passages), bool.
        teacher: Its scores. Shape: as found.

    Returns:
        The mean over the lists.
    """
    lowest = torch.finfo(torch.float32).min
    student = torch.full_like(teacher, lowest).masked_scatter(found, scores / TEMPERATURE)
    target = log_softmax(torch.where(found, teacher / TEMPERATURE, lowest), dim=1)
    parts = torch.where(found, target.exp() * (target - log_softmax(student, dim=1)), 0.0)
    return TEMPERATURE**2 * parts.sum(dim=1).mean()


def batches(n_lists: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """The lists of each step, all of them once before any comes again."""
    while True:
        order = rng.permutation(n_lists)
        for first in range(0, n_lists - LISTS_PER_STEP + 1, LISTS_PER_STEP):
            yield order[first : first + LISTS_PER_STEP]


@torch.no_grad()
def scores_of(
    network: PackedNetwork, data: PackedLists, lists: Lists, device: torch.device
) -> list[NDArray[np.float32]]:
    """The model's scores of each list."""
    results: list[NDArray[np.float32]] = []
    for first in range(0, len(lists.queries), LISTS_PER_LOOK):
        found = lists.passages[first : first + LISTS_PER_LOOK]
        batch = pairs(data.queries, data.passages, lists.queries[first : first + LISTS_PER_LOOK], found, MAX_LENGTH)
        with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
            scores = network(batch.to(device)).cpu().numpy()
        results += np.split(scores, np.cumsum((found != NONE).sum(axis=1))[:-1])
    return results


def figures(network: PackedNetwork, data: PackedLists, device: torch.device) -> dict[str, float]:
    """Of each held-out set nDCG@10, by the teacher's scores or of known answers, and of the former Kendall's tau."""
    values: dict[str, list[float]] = {}
    for part in ("agreement", "answers"):
        lists = data.parts[part]
        for row, scores in enumerate(scores_of(network, data, lists, device)):
            gains = lists.scores[row, : len(scores)].tolist()
            name = lists.names[lists.sets[row]]
            if min(gains) == max(gains):
                continue
            if part == "agreement":
                values.setdefault(f"{name}_tau", []).append(kendall(gains, scores.tolist()))
            values.setdefault(f"{name}_ndcg@10", []).append(ndcg_by_teacher(gains, scores.tolist()))
    means = {name: float(np.mean(each)) for name, each in values.items()}
    groups = {
        "mean by teacher": [v for k, v in means.items() if k.endswith("ndcg@10") and "-answers" not in k],
        "mean tau": [v for k, v in means.items() if k.endswith("_tau")],
        "mean known answers": [v for k, v in means.items() if k.endswith("-answers_ndcg@10")],
    }
    return {name: float(np.mean(each)) for name, each in groups.items()} | means


def parameter_groups(model: torch.nn.Module) -> list[dict[str, Any]]:
    """What learns; biases and norms do not decay."""
    learned = [(name, weights) for name, weights in model.named_parameters() if weights.requires_grad]
    decays = {name for name, _ in learned if not name.endswith("bias") and "LayerNorm" not in name}
    return [
        {"params": [weights for name, weights in learned if name in decays], "weight_decay": WEIGHT_DECAY},
        {"params": [weights for name, weights in learned if name not in decays], "weight_decay": 0.0},
    ]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a run is, and how fast it learns.

    Args:
        n_steps: Steps at most.
        minutes: Time at most, looks at the held-out lists included: the rate falls to 0 with what ends first.
        rate: The highest learning rate, after a warm-up.
        looks: Evaluations on the way, and at the end.
    """

    n_steps: int
    minutes: float
    rate: float
    looks: int

    def done(self, step: int, minutes: float) -> float:
        """How much of the run is over after so many steps, in so many minutes: 1 is all of it."""
        return max(step / self.n_steps, minutes / self.minutes)

    def rate_at(self, step: int, done: float) -> float:
        """The rate of a step, the first being 0."""
        warming = (step + 1) / max(1, WARMUP_SHARE * self.n_steps)
        return self.rate * min(1.0, warming, (1 - done) / (1 - WARMUP_SHARE))


def train(
    model: BertForSequenceClassification, data: PackedLists, device: torch.device, plan: Plan
) -> Iterator[dict[str, float]]:
    """Train the model in place; what the held-out lists say of it comes with every look, the last one at the end."""
    network = PackedNetwork(model)
    optimizer = torch.optim.AdamW(parameter_groups(model), lr=plan.rate, fused=device.type == "cuda")
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")
    lists = data.parts["lists"]
    steps = batches(len(lists.queries), np.random.default_rng(SEED))
    losses: list[Tensor] = []
    step, n_looks, started = 0, 0, time.monotonic()
    while n_looks < plan.looks:
        minutes = (time.monotonic() - started) / 60
        done = plan.done(step, minutes)
        if losses and done >= min(1.0, (n_looks + 1) / plan.looks):
            mean = float(torch.stack(losses).mean())
            yield {"step": step, "minutes": minutes, "loss": mean, **figures(network, data, device)}
            losses, n_looks = [], plan.looks if done >= 1 else n_looks + 1
            continue
        chosen = next(steps)
        found = lists.passages[chosen]
        batch = pairs(data.queries, data.passages, lists.queries[chosen], found, MAX_LENGTH).to(device)
        teacher = torch.from_numpy(np.nan_to_num(lists.scores[chosen])).to(device)
        for group in optimizer.param_groups:
            group["lr"] = plan.rate_at(step, done)
        with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
            scores = network(batch)
        loss = divergence(scores, torch.from_numpy(found != NONE).to(device), teacher)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.detach())
        step += 1


def save(model: BertForSequenceClassification, base: Path, out: Path, course: list[dict[str, float]]) -> None:
    """Write the checkpoint as it is now, and what the held-out lists said so far."""
    model.save_pretrained(out)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base / name, out / name)
    lines = [json.dumps(each) for each in course]
    (out / "held_out.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _log.info("%s", {name: round(value, 4) for name, value in course[-1].items() if "_" not in name})


def main() -> None:
    """Read the arguments, train, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", type=Path)
    parser.add_argument("base", type=Path, help="folder of the model that learns")
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end earlier than that many steps")
    parser.add_argument("--rate", type=float, default=5e-5)
    parser.add_argument("--freeze", nargs="*", default=["embeddings", "encoder.layer.6."])
    parser.add_argument("--looks", type=int, default=8, help="evaluations, each of which saves the model")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(SEED)
    torch.set_float32_matmul_precision("high")
    data = PackedLists.load(arguments.lists)
    model = BertForSequenceClassification.from_pretrained(arguments.base, dtype=torch.float32).eval()
    torch.nn.Module.to(model, device)
    for name, weights in model.named_parameters():
        weights.requires_grad = not any(part in name for part in arguments.freeze)
    course = [{"step": 0, "minutes": 0.0, **figures(PackedNetwork(model), data, device)}]
    plan = Plan(arguments.steps, arguments.minutes, arguments.rate, arguments.looks)
    for looked in train(model, data, device, plan):
        course.append(looked)
        save(model, arguments.base, arguments.out, course)


if __name__ == "__main__":
    main()
