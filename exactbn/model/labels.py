"""Labels: activation patterns in the units that the user knows.

A clip is two units of a network and a maximum of k entries k - 1; what the user calls a unit has
one column: 0 or 1 for a unit of two pieces, the number of the piece for a clip, the index of the
argument for a maximum, the lowest where arguments tie. Where all columns agree the network is one
affine map and the points are a convex set: every entry of a maximum is affine there, and so is the
greatest one. A comparison of two entries that lose says nothing.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from exactbn.exact.stages import Clip, Contest, Unit

Labels = NDArray[np.uint16]
# Labels in one 64-bit word.
_TOGETHER = 4


def labels_of(units: Sequence[Unit], patterns: NDArray[np.uint8]) -> Labels:
    """Return the labels, shape (m, units), of patterns, shape (m, units of the layers)."""
    labels = np.empty((len(patterns), len(units)), dtype=np.uint16)
    for column, unit in enumerate(units):
        if isinstance(unit, int):
            labels[:, column] = patterns[:, unit]
        elif isinstance(unit, Clip):
            labels[:, column] = patterns[:, unit.low] + patterns[:, unit.high]
        else:
            labels[:, column] = _winners(unit.contest, patterns)
    return labels


def _winners(contest: Contest | int, patterns: NDArray[np.uint8]) -> Labels:
    """Return the entry that wins, for each pattern."""
    if not isinstance(contest, Contest):
        return np.full(len(patterns), contest, dtype=np.uint16)
    second = patterns[:, contest.unit] > 0
    return np.where(
        second, _winners(contest.second, patterns), _winners(contest.first, patterns)
    ).astype(np.uint16)


def are_consistent(
    units: Sequence[Unit], labels: Labels, signs: NDArray[np.int8]
) -> NDArray[np.bool_]:
    """Return which labels, shape (m, units), hold weakly at a point of these signs.

    ``signs`` are those of the preactivations of all units of the layers. A unit on its boundary,
    of the sign 0, may be on or off.
    """
    allowed = [_allowed_labels(unit, signs) for unit in units]
    # Most units have one label at a point: these are compared at once.
    decided = [column for column, found in enumerate(allowed) if len(found) == 1]
    wanted = np.array([next(iter(allowed[column])) for column in decided], dtype=labels.dtype)
    consistent: NDArray[np.bool_] = (labels[:, decided] == wanted).all(axis=1)
    for column, found in enumerate(allowed):
        if len(found) > 1:
            rows = np.flatnonzero(consistent)
            consistent[rows] = np.isin(labels[rows, column], list(found))
    return consistent


def _allowed_labels(unit: Unit, signs: NDArray[np.int8]) -> set[int]:
    """Return the labels of a unit that hold weakly where the units of the layers have signs."""
    if isinstance(unit, int):
        return _allowed(signs[unit])
    if isinstance(unit, Clip):
        return {a + b for a in _allowed(signs[unit.low]) for b in _allowed(signs[unit.high])}
    return set(_possible(unit.contest, signs))


def _allowed(sign: int) -> set[int]:
    """Return whether a unit is on, both where it is on its boundary."""
    return {0, 1} if sign == 0 else {int(sign > 0)}


def _possible(contest: Contest | int, signs: NDArray[np.int8]) -> Iterator[int]:
    """Yield the entries that are as great as all others."""
    if not isinstance(contest, Contest):
        yield contest
        return
    for is_second in _allowed(signs[contest.unit]):
        yield from _possible(contest.second if is_second else contest.first, signs)


def as_words(labels: Labels) -> NDArray[np.uint64]:
    """Return labels as rows of words, the same for the same labels only."""
    width = max(1, -(-labels.shape[1] // _TOGETHER))
    room = np.zeros((len(labels), width * _TOGETHER), dtype="<u2")
    room[:, : labels.shape[1]] = labels
    return room.view("<u8").astype(np.uint64)
