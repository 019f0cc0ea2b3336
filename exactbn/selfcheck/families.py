"""Random problems for the cross-examination, family by family.

Problem number k of a family and a seed depends on these three alone, so that it is the same
whatever ran before it. The families take turns, each with its next problem.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from random import Random

from exactbn.errors import InputError
from exactbn.seeds import derived_seed
from exactbn.selfcheck import adversarial, degenerate, wired
from exactbn.selfcheck.problem import Problem

#: All families, in the order of their turns.
NAMES = (*degenerate.MAKERS, degenerate.MIXED, *adversarial.MAKERS, *wired.MAKERS)

# Those that draw the domain as well.
_WHOLE = {**adversarial.MAKERS, **wired.MAKERS}


def describe(family: str) -> str:
    """Return what is drawn in a family, in a line."""
    if family in _WHOLE:
        text = _WHOLE[family].__doc__
    elif family in degenerate.MAKERS:
        text = degenerate.MAKERS[family].__doc__
        text = text and text.replace("Return ", "Rows: ", 1)
    else:
        text = "Rows: each from a family of its own."
    return " ".join((text or "").split())


def chosen_families(patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the families that patterns such as ``space-*`` name, all of them for none.

    Raises
    ------
    InputError
        If a pattern names no family.
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in NAMES):
            raise InputError(f"family {pattern!r} is not known, expected one of {', '.join(NAMES)}")
    if not patterns:
        return NAMES
    return tuple(n for n in NAMES if any(fnmatchcase(n, pattern) for pattern in patterns))


def draw_problem(seed: int, family: str, number: int) -> Problem:
    """Return problem ``number`` of a family, the same on every machine and in every run."""
    random = Random(derived_seed(seed, family, number))
    name = f"{seed}-{family}-{number}"
    if family in _WHOLE:
        network, box, rows = _WHOLE[family](random)
        return Problem(network, box, family, name, rows)
    network, box = degenerate.degenerate_network(random, family)
    return Problem(network, box, family, name)


def random_problem(seed: int, k: int, families: Sequence[str] = NAMES) -> Problem:
    """Return problem k of the families in turn."""
    return draw_problem(seed, families[k % len(families)], k // len(families))
