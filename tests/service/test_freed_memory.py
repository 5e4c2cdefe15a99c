"""Free memory goes back to the system."""

import ctypes
import platform
from pathlib import Path

import pytest

from secondpass.service.freed_memory import give_back

MIB = 2**20


def resident_mib() -> float:
    """What the process holds now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is asked to give memory back")
def test_what_is_free_below_something_in_use_goes_back() -> None:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    # Too small for maps of their own, so that the last one keeps all others on the heap.
    blocks = [library.malloc(ctypes.c_size_t(MIB // 16)) for _ in range(16 * 200)]
    for block in blocks:
        ctypes.memset(block, 1, MIB // 16)
    for block in blocks[:-1]:
        library.free(block)
    held = resident_mib()
    assert give_back()
    assert resident_mib() < held - 150
    library.free(blocks[-1])
