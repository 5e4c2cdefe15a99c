"""What the examples have in common: texts to search or your own, and what stands in for a language model."""

import argparse
import json
import re
from pathlib import Path

_PARAGRAPHS = """
A sourdough starter is flour and water in which wild yeast and lactic acid bacteria live. Fed every day, it
doubles within a few hours and can raise bread without any bought yeast.

Bread crust browns in the last third of baking, when the surface is dry enough for the Maillard reaction.
Steam at the beginning delays it, so the loaf can rise first.

Yeast dies at about 60 degrees Celsius. Dough that rests in a warm oven should therefore stay well below 45.

The tide follows the moon: high water comes about 50 minutes later every day, because the moon moves on while
the Earth turns.

Spring tides have nothing to do with the season. They come at full and new moon, when sun and moon pull in
line and the difference between high and low water is greatest.

A lighthouse is known by its rhythm. Charts give the colour of the light, the flashes and the seconds between
them, so that a sailor can tell one from the next at night.

A mutex lets one thread into a critical section at a time. The others wait, and a thread that forgets to
unlock it stops them all.

A read-write lock lets many threads read together and one write alone. It pays when reading is frequent and
long.

A cache that is full has to forget something. Least recently used is a common rule: what nobody asked for
longest goes first.

Bicycle chains wear by growing longer: the pins and bushings thin, and the links no longer fit the teeth. Oil
slows it, grit makes it faster.

To patch an inner tube, find the hole by the bubbles it makes under water, roughen the rubber, let the
solution dry until it is no longer wet, and only then press the patch on.

Frost forms on clear nights without wind, when the ground radiates its warmth to the sky and the air above it
cools below the freezing point.
"""

TEXTS = [" ".join(paragraph.split()) for paragraph in _PARAGRAPHS.split("\n\n")]


def arguments(description: str) -> argparse.Namespace:
    """The command line of every example."""
    # The commands in the descriptions stay on lines of their own.
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="secondpass/mini", help="hub id, local folder or bundled model")
    parser.add_argument("--documents", type=Path, help='JSON lines with a "text" each; without it, a few built-in ones')
    parser.add_argument("--query", default="why does high water come later each day")
    parser.add_argument("--top-n", type=int, default=3, help="how many documents to keep")
    parser.add_argument(
        "--score-threshold", type=float, help="the least score of a document, so that none may be left; without it, any"
    )
    parser.add_argument("--candidates", type=int, default=50, help="how many documents BM25 finds")
    return parser.parse_args()


def texts(documents: Path | None) -> list[str]:
    """The texts of a JSON lines file, or the built-in ones."""
    if documents is None:
        return TEXTS
    with documents.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def answer(prompt: str) -> str:
    """Stands in for a language model that does as the prompt says: quotes the first source, or does not know."""
    first = re.search(r"^\[1\] (.*)$", prompt, re.MULTILINE)
    return "I do not know." if first is None else first[1]
