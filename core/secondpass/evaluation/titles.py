"""Titles of documents."""


def with_title(title: str, text: str) -> str:
    """A document as a model reads it: its title, if it has one, then its text."""
    return f"{title} {text}" if title else text
