"""The Markdown that people read: its pages, and the fenced blocks in them."""

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from shared import ROOT

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Args:
        language: The first word behind the fence.
        is_run: Whether its code runs here; False where its title says "Not run here".
        text: What it holds.
        line: Where it begins, for messages.
        output: What the page says it prints: the `text` block that follows, if nothing else stands between.
    """

    language: str
    is_run: bool
    text: str
    line: int
    output: str | None


def pages() -> list[Path]:
    """README, CONTRIBUTING, CHANGELOG and all of docs."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def name(page: Path) -> str:
    """A page as messages and tests call it."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[Block]:
    """The blocks of one language, in order."""
    content = page.read_text(encoding="utf-8")
    fences = list(_FENCE.finditer(content))
    result = []
    for i, fence in enumerate(fences):
        words = fence["info"].split()
        following = fences[i + 1] if i + 1 < len(fences) else None
        output = None
        if (
            following is not None
            and following["info"] == "text"
            and not content[fence.end() : following.start()].strip()
        ):
            output = dedent(following["text"])
        result.append(
            Block(
                language=words[0] if words else "",
                is_run='title="Not run here: ' not in fence["info"],
                text=dedent(fence["text"]),
                line=content.count("\n", 0, fence.start()) + 1,
                output=output,
            )
        )
    return [block for block in result if block.language == language]
