"""What is put together in the end, where there is room for it and where there is none."""

from pathlib import Path

import pytest
from full_disk import files_of_at_most, needs_limits

from secondpass.jobs import JobSettings
from secondpass.jobs.planning.job import Job
from secondpass.jobs.running.results import gather


@needs_limits
@pytest.mark.parametrize("length", [5_000, 50_000])
def test_a_disk_that_is_full_in_the_end_names_the_file(length: int, tmp_path: Path) -> None:
    job = Job((), (), "jsonl", JobSettings(output_format="jsonl"), tmp_path, windows=False, tag="t")
    with files_of_at_most(4096), pytest.raises(OSError, match=r"errors\.jsonl") as raised:
        gather(job, {"a.jsonl": "x" * length})  # the shorter one waits in the buffer until the file is closed
    assert raised.value.filename == str(tmp_path / "errors.jsonl")
    assert list(tmp_path.iterdir()) == []
