"""The simulation of batch jobs, where its outcome can be said beforehand."""

import importlib.util
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from shared import ROOT

pytestmark = pytest.mark.source


@pytest.fixture(scope="module")
def stragglers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stragglers", ROOT / "benchmarks" / "stragglers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def even(stragglers: ModuleType) -> object:
    """Four workers, all alike and immortal, and shards that cost nothing."""
    return stragglers.Job(
        n_pairs=1000, n_workers=4, rate=10.0, worker_spread=0.0, shard_spread=0.0, deaths=0.0, start=5.0, overhead=0.0
    )


@pytest.mark.parametrize(
    ("size", "seconds"),
    [
        (250, 30.0),  # one shard each: 5 + 250 / 10
        (50, 30.0),  # five each
        (1000, 105.0),  # one worker does all
        (300, 35.0),  # 300, 300, 300 and 100
        (100, 35.0),  # ten shards: two workers have three
    ],
)
def test_without_chance_it_is_arithmetic(stragglers: ModuleType, even: object, size: int, seconds: float) -> None:
    outcome = stragglers.simulate(even, size, np.random.default_rng(0))
    assert outcome.seconds == pytest.approx(seconds)
    assert (outcome.n_deaths, outcome.redone) == (0, 0.0)


def test_a_shard_costs_its_overhead(stragglers: ModuleType, even: object) -> None:
    job = replace(even, overhead=2.0)  # type: ignore[type-var] # a dataclass of a module that is loaded by path
    assert stragglers.simulate(job, 50, np.random.default_rng(0)).seconds == pytest.approx(30.0 + 5 * 2.0)


def test_who_dies_is_replaced_and_its_shard_done_again(stragglers: ModuleType, even: object) -> None:
    job = replace(even, deaths=86_400 / 50)  # type: ignore[type-var] # likewise; a life of 50 seconds on average
    outcomes = [stragglers.simulate(job, 50, np.random.default_rng(seed)) for seed in range(20)]
    assert min(outcome.seconds for outcome in outcomes) >= 30.0
    hit = [outcome for outcome in outcomes if outcome.redone]
    assert hit
    # Each loss is a worker's: less than the 5 seconds of a shard.
    assert all(outcome.redone * 100 / (1 - outcome.redone) <= 5 * outcome.n_deaths + 1e-9 for outcome in hit)
