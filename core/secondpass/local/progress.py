"""A bar that counts pairs while their blocks go by."""

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

SizedT = TypeVar("SizedT", bound=Sized)


def watch(blocks: Iterator[SizedT], pairs: Iterable[object], name: str, *, show_progress: bool) -> Iterator[SizedT]:
    """The blocks as they come.

    Args:
        blocks: Of pairs.
        pairs: All of them; the bar knows the end if they know their number.
        name: What it says it counts for.
        show_progress: Whether there is a bar.
    """
    if not show_progress:  # even a disabled bar would start tqdm's thread
        yield from blocks
        return
    total = len(pairs) if isinstance(pairs, Sized) else None
    with tqdm(total=total, desc=name, unit="pair") as bar:
        for block in blocks:
            bar.update(len(block))
            yield block
