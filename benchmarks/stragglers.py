"""How long a batch job takes by the size of its shards, where workers differ in speed and die: a simulation.

Shards wait in one line, and whoever is free takes the next. A worker that dies is replaced, and its shard goes to the
end of the line, to be done from its beginning. Every number is the median of several seeded runs.

    python benchmarks/stragglers.py --workers 100 --rate 250
"""

import heapq
from collections import deque
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer

_N_RUNS = 21
_SHARDS_PER_WORKER = (1, 2, 5, 10, 20, 50, 100, 500, 2_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is simulated.

    Args:
        n_pairs: Of the whole job.
        n_workers: That run at any time.
        rate: Pairs per second of a worker, the median.
        worker_spread: Standard deviation of the logarithm of a worker's speed, for all of its life.
        shard_spread: The same of a single shard, beside that: longer texts, busy neighbours.
        deaths: Per worker and day.
        start: Seconds from a worker's beginning to its first pair.
        overhead: Seconds per shard for reading, writing and the manifest.
    """

    n_pairs: int
    n_workers: int
    rate: float
    worker_spread: float
    shard_spread: float
    deaths: float
    start: float
    overhead: float

    @property
    def ideal(self) -> float:
        """Seconds, were all workers alike, immortal and never idle, and shards free."""
        return self.start + self.n_pairs / (self.n_workers * self.rate)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job went.

    Args:
        seconds: From its beginning to its last shard.
        n_deaths: Workers that died before that.
        redone: Time of workers that was lost with them, as a share of all time they worked.
    """

    seconds: float
    n_deaths: int
    redone: float


def simulate(job: Job, shard_size: int, rng: np.random.Generator) -> Outcome:
    """Run the job once."""
    sizes = [shard_size] * (job.n_pairs // shard_size)
    if job.n_pairs % shard_size:
        sizes.append(job.n_pairs % shard_size)
    todo = deque((0.0, size) for size in sizes)  # a shard, and from when on it may be begun
    # Free workers by the time from which on they are free, with their speeds and the times of their deaths.
    free = [(job.start, number, *_worker(job, job.start, rng)) for number in range(job.n_workers)]
    heapq.heapify(free)
    end = done = lost = 0.0
    n_deaths = 0
    while todo:
        since, number, speed, death = heapq.heappop(free)
        ready, size = todo.popleft()
        begin = max(since, ready)
        finish = begin + job.overhead + size / (speed * rng.lognormal(0.0, job.shard_spread))
        if finish <= death:
            done += finish - begin
            end = max(end, finish)
            heapq.heappush(free, (finish, number, speed, death))
            continue
        if death > begin:  # else it died while it had nothing to do
            lost += death - begin
        n_deaths += 1
        todo.append((max(ready, death), size))
        heapq.heappush(free, (death + job.start, number, *_worker(job, death + job.start, rng)))
    return Outcome(end, n_deaths, lost / (lost + done))


def _worker(job: Job, since: float, rng: np.random.Generator) -> tuple[float, float]:
    """A new worker's speed in pairs per second, and when it dies."""
    speed = job.rate * rng.lognormal(0.0, job.worker_spread)
    lifetime = rng.exponential(86_400 / job.deaths) if job.deaths else np.inf
    return speed, since + lifetime


def main(
    pairs: Annotated[int, typer.Option(help="Of the whole job.")] = 100_000_000,
    workers: Annotated[int, typer.Option(help="That run at any time.")] = 100,
    rate: Annotated[float, typer.Option(help="Pairs per second of a worker.")] = 250.0,
    worker_spread: Annotated[float, typer.Option(help="Spread of the workers' speeds, of their logarithm.")] = 0.2,
    shard_spread: Annotated[float, typer.Option(help="The same of a single shard.")] = 0.1,
    deaths: Annotated[float, typer.Option(help="Per worker and day.")] = 1.0,
    start: Annotated[float, typer.Option(help="Seconds until a worker scores.")] = 20.0,
    overhead: Annotated[float, typer.Option(help="Seconds per shard.")] = 0.2,
) -> None:
    """Print a table: by the size of a shard, the time, against the ideal, and what was done again."""
    job = Job(
        n_pairs=pairs,
        n_workers=workers,
        rate=rate,
        worker_spread=worker_spread,
        shard_spread=shard_spread,
        deaths=deaths,
        start=start,
        overhead=overhead,
    )
    print(f"ideal: {job.ideal:,.0f} s")
    print("| shards per worker | pairs per shard | seconds | over the ideal | deaths | done again |")
    print("|---|---|---|---|---|---|")
    for per_worker in _SHARDS_PER_WORKER:
        size = pairs // (workers * per_worker)
        outcomes = [simulate(job, size, np.random.default_rng(seed)) for seed in range(_N_RUNS)]
        seconds = float(np.median([outcome.seconds for outcome in outcomes]))
        n_deaths = float(np.median([outcome.n_deaths for outcome in outcomes]))
        redone = float(np.median([outcome.redone for outcome in outcomes]))
        print(
            f"| {per_worker:,} | {size:,} | {seconds:,.0f} | {seconds / job.ideal - 1:+.0%} "
            f"| {n_deaths:.0f} | {redone:.1%} |"
        )


if __name__ == "__main__":
    typer.run(main)
