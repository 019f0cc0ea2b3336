"""Tables of patterns: which row of a list has a pattern, and which rows are equal.

Open addressing in a power of two of slots, at least twice as many as rows. A hash only says where
to look; whether two patterns are equal their words decide.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.compiled import inlined, kernel
from exactbn.model.arrays import read_only

Words = NDArray[np.uint64]
Rows = NDArray[np.int64]

_MIXER = np.uint64(0x9E3779B97F4A7C15)


class PatternTable(NamedTuple):
    """Patterns, shape (rows, words), and the slots that hold the numbers of rows, -1 where empty.

    Of equal rows the first is the one that is found.
    """

    words: Words
    slots: NDArray[np.int32]


def make_table(words: Words) -> PatternTable:
    """Return the table of the rows of ``words``."""
    return _entered(words)[0]


def first_rows(words: Words) -> Rows:
    """Return for every row of ``words`` the number of the first row that equals it."""
    return _entered(words)[1]


def distinct_rows(words: Words) -> tuple[Rows, Rows]:
    """Return the first row of each distinct pattern, ascending, and which one each row is."""
    first = first_rows(words)
    is_first = first == np.arange(len(words))
    rank = np.cumsum(is_first) - 1
    return np.flatnonzero(is_first), rank[first]


def equal_rows(words: Words) -> tuple[int, int] | None:
    """Return the first row that equals an earlier one, after that one; None where there is none."""
    first = first_rows(words)
    again = np.flatnonzero(first != np.arange(len(words)))
    return (int(first[again[0]]), int(again[0])) if len(again) else None


def find_row(table: PatternTable, wanted: Words) -> int:
    """Return the row that has a pattern, -1 where none has it."""
    return int(find(table.words, table.slots, wanted))


def find_rows(table: PatternTable, wanted: Words) -> Rows:
    """Return for each of some patterns, shape (m, words), the row that has it, -1 for none."""
    found = np.empty(len(wanted), dtype=np.int64)
    _find_all(table.words, table.slots, read_only(np.ascontiguousarray(wanted).view()), found)
    return found


def _entered(words: Words) -> tuple[PatternTable, Rows]:
    """Return the table, and for every row the first one that equals it."""
    # A view of its own: whether its owner may write to it must not decide what is compiled.
    words = read_only(np.ascontiguousarray(words).view())
    slots = np.full(1 << (2 * len(words)).bit_length(), -1, dtype=np.int32)
    first = np.empty(len(words), dtype=np.int64)
    _enter(words, slots, first)
    return PatternTable(words, slots), first


@inlined
def _hash(words):  # type: ignore[no-untyped-def]
    key = np.uint64(0)
    for w in range(len(words)):
        key = (key ^ words[w]) * _MIXER
        key ^= key >> np.uint64(29)
    return key


@inlined
def _slot_of(words, slots, wanted):  # type: ignore[no-untyped-def]
    """Return the slot that holds a pattern, or the empty one where it would be entered."""
    mask = np.uint64(len(slots) - 1)
    slot = _hash(wanted) & mask
    while True:
        i = slots[np.int64(slot)]
        same = i >= 0
        if same:
            for w in range(len(wanted)):
                if words[i, w] != wanted[w]:
                    same = False
                    break
        if same or i < 0:
            return np.int64(slot)
        slot = (slot + np.uint64(1)) & mask


@kernel
def _enter(words, slots, first):  # type: ignore[no-untyped-def]
    """Enter all rows into empty slots, and write the first row that equals each."""
    for i in range(len(words)):
        slot = _slot_of(words, slots, words[i])
        if slots[slot] < 0:
            slots[slot] = i
        first[i] = slots[slot]


@kernel
def find(words, slots, wanted):  # type: ignore[no-untyped-def]
    """Return the row that has a pattern, -1 where none has it; for compiled loops."""
    return slots[_slot_of(words, slots, wanted)]


@kernel
def _find_all(words, slots, wanted, found):  # type: ignore[no-untyped-def]
    """Write the row that has each pattern, -1 where none has it."""
    for i in range(len(wanted)):
        found[i] = slots[_slot_of(words, slots, wanted[i])]
