"""Patterns in which only the contests count that decide: equal where labels are equal.

A maximum is a tree of contests, units whose bits say which side is ahead. The winner is found by
going down from the root, and by the bits on that way; those of all other contests are of entries
that lose. Every unit of the layers is part of one unit of the user (:mod:`exactbn.model.units`),
so with these bits cleared two patterns are equal exactly where all winners, all pieces of clips
and all other units are: as labels say it, at an eighth of the bytes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.compiled import kernel
from exactbn.exact.stages import Contest, Max, Unit
from exactbn.model.arrays import read_only
from exactbn.model.patterns import columns, pack

Words = NDArray[np.uint64]
# The side of a contest that is an entry.
_ENTRY = -1


def deciding(words: Words, units: Sequence[Unit], widths: Sequence[int]) -> Words:
    """Return patterns, shape (m, words), with the bits cleared of contests of entries that lose."""
    result = words.copy()
    roots, contests = _forest(units, columns(widths))
    contested = np.zeros((1, sum(widths)), dtype=np.uint8)
    contested[:, contests[:, 2]] = 1
    result &= ~pack(contested, widths)
    # A view of its own, read-only as those of an engine are: one type, one compiled loop.
    _enter_winners(read_only(words.view()), roots, contests, np.uint64(0), result)
    return result


def looked_at(words: Words, units: Sequence[Unit], widths: Sequence[int]) -> Words:
    """Return the bits of the units that decide patterns: all but contests of entries that lose."""
    bits = np.ones((1, sum(widths)), dtype=np.uint8)
    roots, contests = _forest(units, columns(widths))
    bits[:, contests[:, 2]] = 0
    result = np.repeat(pack(bits, widths), len(words), axis=0)
    _enter_winners(read_only(words.view()), roots, contests, np.uint64(1), result)
    return result


def _forest(units: Sequence[Unit], bits: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return the roots of all maxima, and of each contest its two sides, its unit and its bit."""
    contests: list[tuple[int, int, int, int]] = []

    def entered(side: Contest | int) -> int:
        if not isinstance(side, Contest):
            return _ENTRY
        below = entered(side.first), entered(side.second)
        contests.append((*below, side.unit, int(bits[side.unit])))
        return len(contests) - 1

    roots = [entered(unit.contest) for unit in units if isinstance(unit, Max)]
    return np.array(roots, dtype=np.int64), np.array(contests, dtype=np.int64).reshape(-1, 4)


@kernel
def _enter_winners(words, roots, contests, always, result):  # type: ignore[no-untyped-def]
    """Set the bits of the contests between each root and its winner as the patterns have them.

    All of them where ``always`` is 1, else 0.
    """
    for row in range(len(words)):
        for root in roots:
            at = root
            while at >= 0:
                word, bit = contests[at, 3] >> 6, np.uint64(contests[at, 3] & 63)
                on = words[row, word] >> bit & np.uint64(1)
                result[row, word] |= (on | always) << bit
                at = contests[at, 1] if on else contests[at, 0]
