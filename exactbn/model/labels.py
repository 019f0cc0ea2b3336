"""Labels: activation patterns in the units that the user knows.

A clip is two units of a network and a maximum of k entries k - 1; what the user calls a unit has
one column: 0 or 1 for a unit of two pieces, the number of the piece for a clip, the index of the
argument for a maximum, the lowest where arguments tie. Where all columns agree the network is one
affine map and the points are a convex set: every entry of a maximum is affine there, and so is the
greatest one. A comparison of two entries that lose says nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactbn.exact.stages import Clip, Contest, Unit

Labels = NDArray[np.uint16]

# The shape of a unit: of a maximum its tree of contests, where an entry is its number.
_Shape = int | tuple[Any, ...]


def labels_of(units: Sequence[Unit], patterns: NDArray[np.uint8]) -> Labels:
    """Return the labels, shape (m, units), of patterns, shape (m, units of the layers).

    Units of one shape are looked at together: those of a pooling layer are hundreds.
    """
    labels = np.empty((len(patterns), len(units)), dtype=np.uint16)
    columns: dict[_Shape, list[int]] = {}
    reads: dict[_Shape, list[list[int]]] = {}
    for column, unit in enumerate(units):
        shape, read = _shape(unit)
        columns.setdefault(shape, []).append(column)
        reads.setdefault(shape, []).append(read)
    for shape, own in columns.items():
        labels[:, own] = _labels(shape, [patterns[:, read] for read in zip(*reads[shape])])
    return labels


_PLAIN, _CLIP = 1, 2


def _shape(unit: Unit) -> tuple[_Shape, list[int]]:
    """Return the shape of a unit, and the units of the layers that it consists of, in order."""
    if isinstance(unit, int):
        return _PLAIN, [unit]
    if isinstance(unit, Clip):
        return _CLIP, [unit.low, unit.high]
    read: list[int] = []
    return (_tree(unit.contest, read),), read


def _tree(contest: Contest | int, read: list[int]) -> _Shape:
    """Return a tree of contests with its units left out, which are appended to ``read``."""
    if not isinstance(contest, Contest):
        return contest
    read.append(contest.unit)
    return _tree(contest.first, read), _tree(contest.second, read)


def _labels(shape: _Shape, on: list[NDArray[np.uint8]]) -> NDArray[np.unsignedinteger[Any]]:
    """Return the labels of units of one shape; ``on`` are the patterns of what they consist of."""
    if isinstance(shape, tuple):
        return _winners(shape[0], iter(on))
    return on[0] if shape == _PLAIN else on[0] + on[1]


def _winners(
    tree: _Shape, on: Iterator[NDArray[np.uint8]]
) -> NDArray[np.unsignedinteger[Any]]:
    """Return the entry that wins, for each pattern and each tree of contests."""
    if not isinstance(tree, tuple):
        return np.array(tree, dtype=np.uint16)
    second_is_ahead = next(on) > 0
    first, second = _winners(tree[0], on), _winners(tree[1], on)
    return np.where(second_is_ahead, second, first)


def are_consistent(
    units: Sequence[Unit], labels: Labels, signs: NDArray[np.int8]
) -> NDArray[np.bool_]:
    """Return which labels, shape (m, units), hold weakly at a point of these signs.

    ``signs`` are those of the preactivations of all units of the layers. A unit on its boundary,
    of the sign 0, may be on or off.
    """
    allowed = [allowed_labels(unit, signs) for unit in units]
    # Most units have one label at a point: these are compared at once.
    decided = [column for column, found in enumerate(allowed) if len(found) == 1]
    wanted = np.array([next(iter(allowed[column])) for column in decided], dtype=labels.dtype)
    consistent: NDArray[np.bool_] = (labels[:, decided] == wanted).all(axis=1)
    for column, found in enumerate(allowed):
        if len(found) > 1:
            rows = np.flatnonzero(consistent)
            consistent[rows] = np.isin(labels[rows, column], list(found))
    return consistent


def allowed_labels(unit: Unit, signs: NDArray[np.int8]) -> set[int]:
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
