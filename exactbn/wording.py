"""Counts with their nouns, for messages."""


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """Return a number of things in words; ``nouns`` is the plural that is not made by an s.

    >>> counted(1, "region"), counted(2, "region"), counted(0, "adjacency", "adjacencies")
    ('1 region', '2 regions', '0 adjacencies')
    """
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"
