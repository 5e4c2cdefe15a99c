"""Quantities in words, as cards and the command line say them."""


def count(number: float, one: str, several: str | None = None) -> str:
    """A number of things: "1 query", "2 queries", "81.5 candidates"."""
    rounded = f"{number:.1f}".removesuffix(".0")
    return f"{rounded} {one if number == 1 else several or one + 's'}"


def duration(minutes: float) -> str:
    """A time in whole minutes; below two of them in whole seconds."""
    seconds = round(60 * minutes)
    return count(seconds, "second") if seconds < 2 * 60 else count(round(minutes), "minute")
