"""What passes of all sizes leave behind goes back to the system: the C library keeps it, and a process only grows."""

import asyncio
import ctypes

# Between two times: each costs some milliseconds, and a server's memory is looked at by the minute.
_SECONDS = 30.0


async def keep_giving_back() -> None:
    """Give free memory back every half minute, until cancelled."""
    while True:
        await asyncio.sleep(_SECONDS)
        await asyncio.to_thread(give_back)


def give_back() -> bool:
    """Give the process's free memory back to the system.

    Returns:
        Whether the C library can: glibc, which Linux has unless it is Alpine.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return False
    trim(0)
    return True
