"""The point of a polyhedron that is nearest to a given one, exact, with its proof.

Wolfe's method for the nearest point of a convex hull (P. Wolfe, Finding the nearest point in a
polytope, Mathematical Programming 11, 1976), with rays beside the points, in rational numbers: no
step is rounded, so that it ends, and what it ends with is proven.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import fmpq, fmpq_mat

from exactbn.exact.rational import Vector

Row = Sequence[fmpq]


@dataclass(frozen=True)
class Foot:
    """The nearest point of conv(points) + cone(rays), its squared distance, and the proof.

    ``weights`` are pairs (generator, weight > 0): points are counted from 0, then the rays. The
    weights of points add up to 1, and the foot is the sum of the generators times them; so it is in
    the set. That it is the nearest point says :func:`is_nearest`.
    """

    point: Vector
    squared_distance: Fraction
    weights: tuple[tuple[int, Fraction], ...]


def is_nearest(x: Row, foot: Row, points: Sequence[Row], rays: Sequence[Row]) -> bool:
    """Return whether a point of conv(points) + cone(rays) is its nearest to x, exactly.

    It is if and only if (foot - x) (v - foot) >= 0 for all points v and (foot - x) r >= 0 for all
    rays r: the set lies behind the hyperplane through the foot that is orthogonal to foot - x.
    These are the conditions of Karush, Kuhn and Tucker.
    """
    away = [t - s for s, t in zip(x, foot, strict=True)]
    level = _dot(away, foot)
    return all(_dot(away, v) >= level for v in points) and all(_dot(away, r) >= 0 for r in rays)


class Hull:
    """The set conv(points) + cone(rays), given by rows of d rational numbers (fmpq)."""

    def __init__(self, points: Sequence[Row], rays: Sequence[Row] = ()) -> None:
        self.points, self.rays = points, rays
        self.generators = [*points, *rays]
        self.is_point = [True] * len(points) + [False] * len(rays)
        self._matrix = fmpq_mat([list(row) for row in self.generators])

    def products(self, y: Row) -> list[fmpq]:
        """Return the products of all generators with a vector."""
        column = self._matrix * fmpq_mat(len(y), 1, list(y))
        return [column[i, 0] for i in range(len(self.generators))]


def nearest_in_hull(x: Row, hull: Hull, start: Sequence[int] = (0,)) -> Foot:
    """Return the point of a hull that is nearest to ``x``.

    ``start`` are points of the hull of which the nearest one seems to be made, the first of them
    near; what comes out does not depend on it.

    Notes
    -----
    Of affinely independent generators, a *corral*, the nearest point y of their affine hull is in
    the relative interior of the hull. Where all generators are behind the hyperplane at y, it is
    the foot (:func:`is_nearest`). Else one that is before it is taken in, which is affinely
    independent of the corral as y is orthogonal to that; from y one goes straight to the nearest
    point of the new affine hull, as far as weights stay >= 0, and gives up a generator whose weight
    is 0, until that point is reached. It is nearer than y: no corral comes twice, and there are
    finitely many.

    Examples
    --------
    >>> corner = [[fmpq(1), fmpq(0)], [fmpq(0), fmpq(1)]]
    >>> nearest_in_hull([fmpq(0), fmpq(0)], Hull(corner)).point
    (Fraction(1, 2), Fraction(1, 2))
    >>> nearest_in_hull([fmpq(0), fmpq(5)], Hull(corner, [[fmpq(0), fmpq(2)]])).weights
    ((1, Fraction(1, 1)), (2, Fraction(2, 1)))
    """
    is_point = hull.is_point
    shifted = {i: _shifted(x, hull, i) for i in start}
    weights = _begun(start, shifted, is_point)
    y = _combined(weights, shifted)
    level = _dot(y, y)
    while level != 0:
        # Rays are before the hyperplane where their product is negative, points where that of
        # v - x is less than |y|^2.
        bound = level + _dot(y, x)
        excess = [t - (bound if p else 0) for t, p in zip(hull.products(y), is_point)]
        entering = min(range(len(excess)), key=excess.__getitem__)
        if excess[entering] >= 0:
            break
        shifted[entering] = _shifted(x, hull, entering)
        weights = _corral({**weights, entering: fmpq(0)}, shifted, is_point)
        y = _combined(weights, shifted)
        level = _dot(y, y)
    foot = tuple(_fraction(s + t) for s, t in zip(x, y, strict=True))
    return Foot(
        foot, _fraction(level), tuple((i, _fraction(c)) for i, c in sorted(weights.items()))
    )


def _begun(
    start: Sequence[int], generators: Mapping[int, Row], is_point: Sequence[bool]
) -> dict[int, fmpq]:
    """Return points as a corral with their weights, the first one alone where they are none."""
    try:
        weights = _nearest_in_affine_hull(start, generators, is_point)
    except ZeroDivisionError:  # they are not affinely independent
        weights = []
    if weights and min(weights) > 0:
        return dict(zip(start, weights, strict=True))
    return {start[0]: fmpq(1)}


def _combined(weights: Mapping[int, fmpq], generators: Mapping[int, Row]) -> list[fmpq]:
    """Return the sum of generators times their weights."""
    rows = [[c * t for t in generators[i]] for i, c in weights.items()]
    return [sum(column, fmpq(0)) for column in zip(*rows, strict=True)]


def _shifted(x: Row, hull: Hull, i: int) -> list[fmpq]:
    """Return a generator seen from x: points move, rays do not."""
    row = hull.generators[i]
    return [t - s for s, t in zip(x, row, strict=True)] if hull.is_point[i] else list(row)


def _corral(
    weights: dict[int, fmpq], generators: Mapping[int, Row], is_point: Sequence[bool]
) -> dict[int, fmpq]:
    """Return the corral with its weights that is reached from weights of one generator more."""
    while True:
        members = list(weights)
        target = dict(zip(members, _nearest_in_affine_hull(members, generators, is_point)))
        out = [i for i in members if target[i] <= 0]
        if not out:
            return target
        step = min(
            weights[i] / (weights[i] - target[i]) if weights[i] != 0 else fmpq(0)
            for i in out
        )
        moved = {i: c + step * (target[i] - c) for i, c in weights.items()}
        weights = {i: c for i, c in moved.items() if c > 0 or (i not in out)}


def _nearest_in_affine_hull(
    members: Sequence[int], generators: Mapping[int, Row], is_point: Sequence[bool]
) -> list[fmpq]:
    """Return the weights, of points with the sum 1, whose combination is nearest to the origin.

    They solve: the products of the combination with all points are equal, those with rays 0.
    """
    n = len(members)
    rows = []
    for i in members:
        own = [_dot(generators[i], generators[j]) for j in members]
        rows.append([*own, fmpq(-int(is_point[i]))])
    rows.append([*(fmpq(int(is_point[j])) for j in members), fmpq(0)])
    right = fmpq_mat(n + 1, 1, [fmpq(0)] * n + [fmpq(1)])
    solution = fmpq_mat(rows).solve(right)
    return [solution[i, 0] for i in range(n)]


def _dot(u: Row, v: Row) -> fmpq:
    total = fmpq(0)
    for s, t in zip(u, v, strict=True):
        total += s * t
    return total


def to_row(x: Sequence[Fraction]) -> list[fmpq]:
    """Return a vector as numbers of flint."""
    return [fmpq(t.numerator, t.denominator) for t in x]


def _fraction(t: fmpq) -> Fraction:
    return Fraction(int(t.p), int(t.q))
