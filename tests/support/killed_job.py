"""Run as a script: a job in a process that is meant to be killed. It prints a line whenever rows are done.

python killed_job.py INPUT OUTPUT MODEL SHARD_ROWS
"""

import sys

from secondpass.jobs import JobSettings, score_files


def run(source: str, output: str, model: str, shard_rows: str) -> None:
    """Score, and say how far it is."""
    settings = JobSettings(shard_rows=int(shard_rows))

    def progress(before: int, done: int, total: int) -> None:
        sys.stdout.write(f"{before} {done} {total}\n")
        sys.stdout.flush()

    score_files(source, output, model=model, settings=settings, progress=progress)


if __name__ == "__main__":
    run(*sys.argv[1:])
