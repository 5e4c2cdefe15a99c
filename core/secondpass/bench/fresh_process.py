"""A contender in a fresh process that does nothing else: how soon it has scored, and how much memory it takes."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from secondpass.bench.contenders import CONTENDERS, Contender, load, scores_of
from secondpass.bench.setting import Setting
from secondpass.bench.workloads import Workload

# What the figure is, for results.json.
DESCRIPTION = (
    "resident memory at its highest in a fresh process: imports, loading, and scoring the workload once; no GPU's"
)


@dataclass(frozen=True, slots=True)
class FreshRun:
    """What a contender took from the start of a process.

    Args:
        seconds: Until the workload was scored once: Python's own start, imports, loading, scoring.
        peak_mib: MiB of resident memory at its highest; None where the system does not report it.
    """

    seconds: float
    peak_mib: float | None


def run_fresh(contender: Contender, setting: Setting, workload: Workload) -> FreshRun | str:
    """One run of a contender in a process of its own; the reason where it fails."""
    job = {"contender": contender.name, "setting": asdict(setting), "requests": workload.requests}
    started = time.time()  # the one clock that two processes share
    done = subprocess.run(
        [sys.executable, "-m", "secondpass.bench.fresh_process"],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        return said[-1] if said else f"exit status {done.returncode}"
    measured: dict[str, Any] | str = json.loads(done.stdout.splitlines()[-1])
    if isinstance(measured, str):
        return measured
    return FreshRun(measured["ended"] - started, measured["peak_mib"])


def peak_mib(contender: Contender, setting: Setting, workload: Workload) -> float | None:
    """MiB of resident memory at its highest; None where the system does not report it or the contender fails."""
    run = run_fresh(contender, setting, workload)
    return run.peak_mib if isinstance(run, FreshRun) else None


def high_water_mib() -> float | None:
    """MiB that this process held at most; None where the system does not report it.

    On Linux from /proc: getrusage would start from what the parent held when it forked.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return None


def _measure(job: dict[str, object]) -> dict[str, float | None] | str:
    """What the other process wants to know, or why the contender cannot take part."""
    contender = next(contender for contender in CONTENDERS if contender.name == job["contender"])
    score = load(contender, Setting(**job["setting"]))  # type: ignore[arg-type]  # as asdict wrote it
    if isinstance(score, str):
        return score
    requests: Sequence[Sequence[tuple[str, str]]] = [
        [(query, document) for query, document in request]
        for request in job["requests"]  # type: ignore[attr-defined]  # lists of lists of pairs
    ]
    scores_of(score, requests)
    return {"ended": time.time(), "peak_mib": high_water_mib()}


if __name__ == "__main__":
    sys.stdout.write(f"\n{json.dumps(_measure(json.load(sys.stdin)))}\n")
