"""Numbers in words, as the card and the command line say them."""


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: "1 step", "2 steps"."""
    return f"{number} {singular}" if number == 1 else f"{number} {f'{singular}s' if plural is None else plural}"


def duration(minutes: float) -> str:
    """A time in whole minutes; below two of them in whole seconds."""
    seconds = round(60 * minutes)
    return counted(seconds, "second") if seconds < 2 * 60 else counted(round(minutes), "minute")
