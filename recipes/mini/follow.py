"""Teach a model the order of its teacher on a GPU, in float16 and without padding.

    python follow.py GATHERED ENCODER SPLADE BASE OUT --steps 9000

GATHERED is the file of `gather.py`, which is searched first; every step draws its lists anew from what was found. The
loss is that of `secondpass train` with `loss = "kl"`: the divergence of softmaxes over a list, at a temperature. OUT
receives the checkpoint, and what the held-out lists said.
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
from gather import Gathered
from lists import Lists, draw, held_out, turns
from numpy.typing import NDArray
from packed_network import NONE, Batch, PackedNetwork, pairs
from search import Candidates, load_encoders, search
from torch import Tensor
from torch.nn.functional import log_softmax
from transformers import BertForSequenceClassification

from secondpass.concurrency.read_ahead import map_ahead
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
# Of what a look says, what is logged.
_MEANS = ("step", "minutes", "loss", "mean")

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


@torch.no_grad()
def scores_of(
    network: PackedNetwork, gathered: Gathered, lists: Lists, device: torch.device
) -> Iterator[tuple[list[float], list[float]]]:
    """Of each list what is known and the model's scores."""
    for first in range(0, len(lists.queries), LISTS_PER_LOOK):
        rows = slice(first, first + LISTS_PER_LOOK)
        found = lists.passages[rows]
        batch = pairs(gathered.queries, gathered.passages, lists.queries[rows], found, MAX_LENGTH)
        with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
            scores = network(batch.to(device)).cpu().numpy()
        ends = np.cumsum((found != NONE).sum(axis=1))
        for known, there, own in zip(lists.scores[rows], found != NONE, np.split(scores, ends[:-1]), strict=True):
            yield known[there].tolist(), own.tolist()


def figures(
    network: PackedNetwork, gathered: Gathered, candidates: Candidates, device: torch.device
) -> dict[str, float]:
    """Of each domain's held-out questions nDCG@10 by the teacher's scores and of known answers, and Kendall's tau."""
    means: dict[str, float] = {}
    for domain, name in enumerate(gathered.names):
        by_teacher, answers = held_out(gathered, candidates, domain)
        agreeing = list(scores_of(network, gathered, by_teacher, device))
        means[f"{name} by teacher"] = float(np.mean([ndcg_by_teacher(*each) for each in agreeing]))
        means[f"{name} tau"] = float(np.mean([kendall(*each) for each in agreeing]))
        known = scores_of(network, gathered, answers, device)
        means[f"{name} known answers"] = float(np.mean([ndcg_by_teacher(*each) for each in known]))
    groups = ("by teacher", "tau", "known answers")
    return {
        f"mean {group}": float(np.mean([v for k, v in means.items() if k.endswith(f" {group}")])) for group in groups
    } | means


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


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What a step learns from, where it is computed.

    Args:
        pairs: Of all lists.
        found: As in `divergence`.
        teacher: As in `divergence`.
    """

    pairs: Batch
    found: Tensor
    teacher: Tensor


def steps_of(gathered: Gathered, candidates: Candidates, device: torch.device) -> Iterator[Step]:
    """The steps, each made ready while the one before is computed."""
    rng = np.random.default_rng(SEED)

    def ready(queries: NDArray[np.int64]) -> Step:
        lists = draw(gathered, candidates, queries, rng)
        batch = pairs(gathered.queries, gathered.passages, queries, lists.passages, MAX_LENGTH)
        found, teacher = (torch.from_numpy(each).to(device) for each in (lists.passages != NONE, lists.scores))
        return Step(batch.to(device), found, teacher)

    return map_ahead(ready, turns(gathered, LISTS_PER_STEP, np.random.default_rng(SEED)))


def train(
    model: BertForSequenceClassification,
    gathered: Gathered,
    candidates: Candidates,
    device: torch.device,
    plan: Plan,
) -> Iterator[dict[str, float]]:
    """Train the model in place; what the held-out lists say of it comes with every look, the last one at the end.

    Args:
        model: Learns.
        gathered: The texts it learns from, and is judged by.
        candidates: What was found of them.
        device: Where all of it is.
        plan: How long, and how fast.
    """
    network = PackedNetwork(model)
    optimizer = torch.optim.AdamW(parameter_groups(model), lr=plan.rate, fused=device.type == "cuda")
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")
    steps = steps_of(gathered, candidates, device)
    losses: list[Tensor] = []
    step, n_looks, started = 0, 0, time.monotonic()
    while n_looks < plan.looks:
        minutes = (time.monotonic() - started) / 60
        done = plan.done(step, minutes)
        if losses and done >= min(1.0, (n_looks + 1) / plan.looks):
            mean = float(torch.stack(losses).mean())
            yield {"step": step, "minutes": minutes, "loss": mean, **figures(network, gathered, candidates, device)}
            losses, n_looks = [], plan.looks if done >= 1 else n_looks + 1
            continue
        now = next(steps)
        for group in optimizer.param_groups:
            group["lr"] = plan.rate_at(step, done)
        with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
            scores = network(now.pairs)
        loss = divergence(scores, now.found, now.teacher)
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
    means = {name: round(value, 4) for name, value in course[-1].items() if name.startswith(_MEANS)}
    _log.info("%s", means)


def main() -> None:
    """Read the arguments, train, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gathered", type=Path)
    parser.add_argument("encoder", type=Path, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("splade", type=Path, help="folder of SPLADE-tiny")
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
    gathered = Gathered.load(arguments.gathered)
    candidates = search(gathered, *load_encoders(arguments.encoder, arguments.splade, device))
    _log.info("searched for %d queries in %d passages", len(gathered.domains), len(gathered.passages))
    torch.set_float32_matmul_precision("high")
    model = BertForSequenceClassification.from_pretrained(arguments.base, dtype=torch.float32).eval()
    torch.nn.Module.to(model, device)
    for name, weights in model.named_parameters():
        weights.requires_grad = not any(part in name for part in arguments.freeze)
    course = [{"step": 0, "minutes": 0.0, **figures(PackedNetwork(model), gathered, candidates, device)}]
    plan = Plan(arguments.steps, arguments.minutes, arguments.rate, arguments.looks)
    for looked in train(model, gathered, candidates, device, plan):
        course.append(looked)
        save(model, arguments.base, arguments.out, course)


if __name__ == "__main__":
    main()
