"""Counts with their nouns, for messages; texts for Markdown."""

import re


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """Return a number of things in words; ``nouns`` is the plural that is not made by an s.

    >>> counted(1, "region"), counted(2, "region"), counted(0, "adjacency", "adjacencies")
    ('1 region', '2 regions', '0 adjacencies')
    """
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"


def a_type(value: object) -> str:
    """Return the type of a value with its article.

    >>> a_type(1), a_type("x"), a_type(None)
    ('an int', 'a str', 'a NoneType')
    """
    name = type(value).__name__
    return f"{'an' if name[:1] in 'aeioAEIO' else 'a'} {name}"


def markdown(text: str) -> str:
    """Return a text in one line, its characters without a meaning to Markdown."""
    return re.sub(r"([\\`*_<\[\]])", r"\\\1", " ".join(text.split()))


def cell(text: str) -> str:
    """Return a text for a cell of a table in Markdown."""
    return markdown(text).replace("|", "\\|")
