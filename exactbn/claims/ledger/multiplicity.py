"""Statistical tests of the ledger, judged together: Holm at one level over all of them.

How many tests a claim makes is recorded with it, before any run, so that a part of the ledger is
judged as strictly as the whole: tests that were not made count as the least significant ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

#: Chance that any of the ledger's tests is called clear although nothing is behind it.
ALPHA = 0.01


@dataclass(frozen=True)
class Comparison:
    """One test: ``group`` is the question, ``name`` what is compared, ``text`` the figures.

    ``p_value`` is of a two-sided test. ``direction`` is 1 where the figures point as the claim has
    it, -1 where they point the other way, 0 where they do not point. ``estimate`` is the difference
    that was found, first minus second.
    """

    group: str
    name: str
    p_value: float
    direction: int
    text: str
    estimate: float


def holm(p_values: Sequence[float], total: int, alpha: float = ALPHA) -> list[bool]:
    """Return which hypotheses Holm's procedure rejects among ``total`` of them.

    The family-wise error is at most ``alpha`` whatever the tests depend on each other. The
    hypotheses without a p-value count as never rejected.

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    rejected = [False] * len(p_values)
    for rank, i in enumerate(order):
        if p_values[i] * (total - rank) > alpha:
            break
        rejected[i] = True
    return rejected


def outcome(comparison: Comparison, is_clear: bool) -> str:
    """Return what a test says, in two words."""
    if not is_clear or not comparison.direction:
        return "not clear"
    return "as claimed" if comparison.direction > 0 else "the opposite"


def tally_outcomes(comparisons: Sequence[Comparison], clear: Sequence[bool]) -> list[str]:
    """Return, question by question, how many tests are clear, and which way."""
    groups: dict[str, list[str]] = {}
    for comparison, is_clear in zip(comparisons, clear, strict=True):
        groups.setdefault(comparison.group, []).append(outcome(comparison, is_clear))
    return [
        f"{group[:1].upper()}{group[1:]}: as claimed in {found.count('as claimed')} of "
        f"{len(found)} tests, the opposite in {found.count('the opposite')}"
        for group, found in groups.items()
    ]
