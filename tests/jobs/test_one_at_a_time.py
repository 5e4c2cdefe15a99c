"""A job's folder while several want it."""

import os
import threading
from pathlib import Path, PosixPath

import pytest

from secondpass.errors import InputError
from secondpass.jobs.running.one_at_a_time import held


class _LookedForBefore(PosixPath):
    """A folder that somebody makes after one has looked for it."""

    def exists(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002 - as of a Path
        return False


@pytest.mark.skipif(os.name != "posix", reason="no locks")
def test_who_is_refused_leaves_the_folder_to_its_holder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with held(folder):
        with pytest.raises(InputError, match="another one writes to"), held(_LookedForBefore(folder)):
            pass
        assert folder.exists()
    assert not folder.exists()


def test_who_holds_a_folder_has_it_alone_and_it_is_there(tmp_path: Path) -> None:
    folder, inside = tmp_path / "out", threading.Lock()
    faults: list[str] = []

    def hold_again_and_again() -> None:
        for _ in range(500):
            try:
                with held(folder):
                    if not inside.acquire(blocking=False):
                        faults.append("two hold it")
                        continue
                    if not folder.exists():
                        faults.append("it is not there")
                    inside.release()
            except InputError:
                pass

    threads = [threading.Thread(target=hold_again_and_again) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
