"""How much memory a contender takes: the high-water mark of a fresh process that does nothing else."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from secondpass.bench.contenders import CONTENDERS, Contender, load, scores_of
from secondpass.bench.setting import Setting
from secondpass.bench.workloads import Workload

# What the figure is, for results.json.
DESCRIPTION = (
    "resident memory at its highest in a fresh process: imports, loading, and scoring the workload once; no GPU's"
)


def peak_mib(contender: Contender, setting: Setting, workload: Workload) -> float | None:
    """MiB of resident memory at its highest; None where the system does not report it or the contender fails."""
    job = {"contender": contender.name, "setting": asdict(setting), "requests": workload.requests}
    done = subprocess.run(
        [sys.executable, "-m", "secondpass.bench.memory"],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return None
    peak = json.loads(done.stdout.splitlines()[-1])
    return None if peak is None else float(peak)


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


def _measure(job: dict[str, object]) -> float | None:
    contender = next(contender for contender in CONTENDERS if contender.name == job["contender"])
    score = load(contender, Setting(**job["setting"]))  # type: ignore[arg-type]  # as asdict wrote it
    if isinstance(score, str):
        return None
    requests: Sequence[Sequence[tuple[str, str]]] = [
        [(query, document) for query, document in request]
        for request in job["requests"]  # type: ignore[attr-defined]  # lists of lists of pairs
    ]
    scores_of(score, requests)
    return high_water_mib()


if __name__ == "__main__":
    sys.stdout.write(f"\n{json.dumps(_measure(json.load(sys.stdin)))}\n")
