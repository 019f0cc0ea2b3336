"""Level sets of f_1(x_1) + f_2(x_2) + f_3(x_3) on a grid of axis-parallel planes, all of them.

The planes x_i = b, k_i of them on axis i, are the first layer of a network of three inputs; a unit
of the second layer is such a sum less a level t, every f_i affine between neighbouring planes.
Which faces of the grid the surface {sum = t} cuts depends on combinatorics alone: on the order of
the values of f_i at its kinks, on whether f_i rises, falls or is constant at both ends, and on
which sums of three kinks lie below t, a down-set in the product of the orders. All of these are
gone through, realizable or not, so what holds for all holds for every such network.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product
from math import prod

import numpy as np
from numpy.typing import NDArray

Grid = tuple[int, ...]  # k_1, k_2, k_3
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Profile:
    """How a function rises and falls: the ranks of its kinks, and of the ends of its pieces.

    Ranks count from 1; 0 stands for minus infinity and k + 1 for infinity. ``low`` and ``high``
    are those of the least and the greatest value on the k + 1 pieces.
    """

    kinks: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]


def slack(grid: Grid) -> int:
    """Return 3 R - E of the grid itself: R cells, E pairs of neighbours."""
    return sum(prod(k + 1 for j, k in enumerate(grid) if j != i) for i in range(3))


def side_bound(grid: Grid) -> int:
    """Return a bound of the gain of one surface, from the numbers of sides of the cells alone.

    A cell that is cut gives (s - 4)/2, where s facets of it are cut. Only cells that are bounded
    along at least two axes have more than four facets: six, or five where one axis is unbounded.
    """
    inner = [max(k - 1, 0) for k in grid]
    ends = [min(k, 1) for k in grid]
    return prod(inner) + sum(
        ends[i] * prod(t for j, t in enumerate(inner) if j != i) for i in range(3)
    )


def profiles(k: int, *, has_flat_ends: bool = False) -> list[Profile]:
    """Return the ways in which a function with k kinks rises and falls, up to reflection.

    It is not constant on an unbounded piece, unless ``has_flat_ends``. Values at kinks that are
    equal are in any order: where no sum of kinks is the level, the order makes no difference.
    """
    if k == 0:
        return [Profile((), (0,), (1,))]
    found = {}
    for order in permutations(range(1, k + 1)):
        for left, right in product(_ends(order[0], k, has_flat_ends),
                                   _ends(order[-1], k, has_flat_ends)):  # fmt: skip
            pieces = [left]
            pieces += [(min(pair), max(pair)) for pair in zip(order, order[1:], strict=False)]
            pieces.append(right)
            low, high = zip(*pieces, strict=True)
            key = min((order, low, high), (order[::-1], low[::-1], high[::-1]))
            found[key] = Profile(*key)
    return list(found.values())


def _ends(kink: int, k: int, has_flat_ends: bool) -> list[tuple[int, int]]:
    """Return the possible ranks of the least and the greatest value on an unbounded piece."""
    return [(kink, k + 1), (0, kink), *([(kink, kink)] if has_flat_ends else [])]


def down_sets(grid: Grid) -> Flags:
    """Return all down-sets of [k_1] x [k_2] x [k_3], an array (sets, k_1, k_2, k_3).

    They are plane partitions: heights that fall along both axes.
    """
    a, b, c = grid
    found = []
    for heights in _heights(a, b, c):
        columns = np.array(heights, np.int64).reshape(a, b)
        found.append(np.arange(c) < columns[:, :, None])
    return np.array(found, np.bool_).reshape(len(found), a, b, c)


def _heights(a: int, b: int, c: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Yield the a x b matrices of heights from 0 to c that fall along rows and columns."""
    rows = [row for row in product(range(c, -1, -1), repeat=b) if row == tuple(sorted(row)[::-1])]

    def below(top: tuple[int, ...], left: int) -> Iterator[tuple[tuple[int, ...], ...]]:
        if left == 0:
            yield ()
            return
        for row in rows:
            if all(t <= s for s, t in zip(top, row, strict=True)):
                for others in below(row, left - 1):
                    yield (row, *others)

    yield from below((c,) * b, a)


@dataclass(frozen=True)
class Surfaces:
    """The greatest gain c - 2 m of a surface on a grid, and how many surfaces were looked at."""

    grid: Grid
    gain: int
    cases: int


def greatest_gain(grid: Grid, *, has_flat_ends: bool = False) -> Surfaces:
    """Return the greatest c - 2 m of all surfaces on a grid: m cells cut, c facets cut.

    Up to reflections of the axes. Surfaces through vertices of the grid are not among them; where
    no f_i is constant on a piece, a small change of the f_i makes one of no smaller gain that meets
    none (docs/mean_degree.md).
    """
    # The sets are the last axis: every face is judged for all of them at once.
    sets = np.moveaxis(down_sets(grid), 0, -1)
    below = np.ones((*(k + 1 for k in grid), sets.shape[-1]), np.bool_)  # 0: minus infinity
    below[1:, 1:, 1:] = sets
    above = np.ones((*(k + 2 for k in grid), sets.shape[-1]), np.bool_)  # k + 1: infinity
    above[1:-1, 1:-1, 1:-1] = ~sets
    best, cases = -(10**9), 0
    shapes = [profiles(k, has_flat_ends=has_flat_ends) for k in grid]
    for chosen in product(*shapes):
        pieces = [(p.low, p.high) for p in chosen]
        gains = -2 * _cut(below, above, pieces)
        for i, profile in enumerate(chosen):
            gains += _cut(below, above, [*pieces[:i], (profile.kinks,) * 2, *pieces[i + 1 :]])
        best = max(best, int(gains.max()))
        cases += sets.shape[-1]
    return Surfaces(grid, best, cases)


def _cut(
    below: Flags, above: Flags, faces: list[tuple[tuple[int, ...], tuple[int, ...]]]
) -> NDArray[np.int64]:
    """Return, for every down-set, how many of the faces have values below and above the level."""
    if not all(low for low, _ in faces):
        return np.zeros(below.shape[-1], np.int64)
    lows, highs = (np.ix_(*side) for side in zip(*faces, strict=True))
    cut = (below[lows] & above[highs]).reshape(-1, below.shape[-1])
    counts: NDArray[np.int64] = np.add.reduce(cut, axis=0, dtype=np.uint16).astype(np.int64)
    return counts


def grids_left(units: int) -> list[tuple[Grid, int]]:
    """Return the grids, and numbers of levels, that counting sides does not exclude.

    Of at most ``units`` planes and levels together, k_1 >= k_2 >= k_3: those where the levels times
    the bound of a surface's gain exceed the slack of the grid.
    """
    return [
        (grid, levels)
        for grid in product(range(units, -1, -1), repeat=3)
        for levels in range(1, units - sum(grid) + 1)
        if grid == tuple(sorted(grid)[::-1]) and levels * side_bound(grid) > slack(grid)
    ]
