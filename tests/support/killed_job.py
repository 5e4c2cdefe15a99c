"""Run as a script: a job in a process that is meant to be killed. It prints a line whenever rows are done.

python killed_job.py INPUT OUTPUT MODEL SHARD_ROWS [ADDRESS] [N_LINES]

With the address of a Ray cluster it is scored there. With a number of lines it kills itself behind so many, and at its
end at the latest: no other process has to find the moment.
"""

import os
import signal
import sys
from itertools import count

from secondpass.jobs import JobSettings, RayWorkers, score_files


def run(source: str, output: str, model: str, shard_rows: str, address: str = "", n_lines: str = "") -> None:
    """Score, and say how far it is."""
    settings = JobSettings(shard_rows=int(shard_rows))
    lines = count(1)

    def progress(before: int, done: int, total: int) -> None:
        sys.stdout.write(f"{before} {done} {total}\n")
        sys.stdout.flush()
        if str(next(lines)) == n_lines:
            os.kill(os.getpid(), signal.SIGKILL)

    workers = RayWorkers(address=address, least=2, most=2) if address else None
    score_files(source, output, model=model, settings=settings, workers=workers, progress=progress)
    if n_lines:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    run(*sys.argv[1:])
