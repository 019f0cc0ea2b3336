"""The point of a polyhedron given by half-spaces that is nearest to a given one, exact.

The dual method of Goldfarb and Idnani (A numerically stable dual method for solving strictly convex
quadratic programs, Mathematical Programming 27, 1983) in rational numbers, where it is stable
because nothing is rounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import fmpq, fmpq_mat

from exactbn.exact.rational import Vector

#: A row (c, a) of numbers of flint: the half-space a y + c >= 0.
Row = Sequence[fmpq]


@dataclass(frozen=True)
class RowFoot:
    """The nearest point, its squared distance, and the multipliers that prove it.

    ``multipliers`` are pairs (row, m != 0) with foot - x = sum of m a over these rows, each of them
    tight at the foot, and m > 0 but for the first ``equations`` rows, which hold with equality.
    """

    point: Vector
    squared_distance: Fraction
    multipliers: tuple[tuple[int, Fraction], ...]


def is_nearest_by_rows(x: Vector, foot: RowFoot, rows: Sequence[Row], equations: int) -> bool:
    """Return whether multipliers prove a foot: the conditions of Karush, Kuhn and Tucker, exactly.

    For every y of the polyhedron (foot - x) (y - foot) = sum of m a (y - foot) >= 0, since the rows
    with multipliers are tight at the foot.
    """
    y = [fmpq(t.numerator, t.denominator) for t in foot.point]
    values = [row[0] + _dot(row[1:], y) for row in rows]
    is_in = all(v == 0 if i < equations else v >= 0 for i, v in enumerate(values))
    used = dict(foot.multipliers)
    total = [Fraction(0)] * len(y)
    for i, m in used.items():
        total = [t + m * _fraction(s) for t, s in zip(total, rows[i][1:])]
    return (
        is_in
        and all(values[i] == 0 and (m > 0 or i < equations) for i, m in used.items())
        and all(t == s - r for t, s, r in zip(total, foot.point, x, strict=True))
    )


def nearest_by_rows(x: Row, rows: Sequence[Row], equations: int = 0) -> RowFoot | None:
    """Return the point of {y : a y + c >= 0 for all rows} that is nearest to ``x``.

    The first ``equations`` rows hold with equality. None where no point does.

    Notes
    -----
    Begun at x without a row. A row that is violated is taken in: y goes along the part of its
    normal that is orthogonal to the rows taken in before, as far as their multipliers stay >= 0,
    and a row whose multiplier is 0 is given up. At every row that is finished y is the nearest
    point of the polyhedron of the rows taken in, farther from x than before; so it ends. Where
    there is no way to go and no row to give up, what was taken in and the row exclude each other.

    Examples
    --------
    >>> quadrant = [[fmpq(-1), fmpq(1), fmpq(0)], [fmpq(-2), fmpq(0), fmpq(1)]]
    >>> nearest_by_rows([fmpq(0), fmpq(3)], quadrant).point
    (Fraction(1, 1), Fraction(3, 1))
    >>> opposite = [[fmpq(-1), fmpq(1)], [fmpq(0), fmpq(-1)]]
    >>> nearest_by_rows([fmpq(0)], opposite) is None
    True
    """
    y = list(x)
    active: list[int] = []
    multipliers: dict[int, fmpq] = {}
    # An equation that is violated from above is a row that is violated, turned.
    for i in range(equations):
        entered = _enter(i, rows, y, active, multipliers, equations)
        if entered is None:
            return None
        y = entered
    while True:
        values = [(row[0] + _dot(row[1:], y)) for row in rows]
        worst = min(range(equations, len(rows)), key=values.__getitem__, default=None)
        if worst is None or values[worst] >= 0:
            break
        entered = _enter(worst, rows, y, active, multipliers, equations)
        if entered is None:
            return None
        y = entered
    away = [t - s for s, t in zip(x, y)]
    return RowFoot(
        tuple(map(_fraction, y)),
        _fraction(_dot(away, away)),
        tuple((i, _fraction(m)) for i, m in sorted(multipliers.items()) if m != 0),
    )


def _enter(
    p: int,
    rows: Sequence[Row],
    y: list[fmpq],
    active: list[int],
    multipliers: dict[int, fmpq],
    equations: int,
) -> list[fmpq] | None:
    """Take in a violated row, and return the point then; None where that cannot be."""
    normal = rows[p][1:]
    value = rows[p][0] + _dot(normal, y)
    turned = p < equations and value > 0
    if turned:
        normal, value = [-t for t in normal], -value
    own = fmpq(0)
    while value != 0:
        weights = _shares(normal, active, rows)
        way = list(normal)
        for i, share in zip(active, weights):
            way = [t - share * s for t, s in zip(way, rows[i][1:])]
        limits = [
            (multipliers[i] / share, i)
            for i, share in zip(active, weights)
            if i >= equations and share > 0
        ]
        squared = _dot(way, way)
        if not limits and squared == 0:
            return None
        step, leaving = min(limits, default=(fmpq(0), -1))
        if squared != 0 and (leaving < 0 or -value / squared <= step):
            step, leaving = -value / squared, -1
        for i, share in zip(active, weights):
            multipliers[i] -= step * share
        own += step
        y = [t + step * s for t, s in zip(y, way)]
        value += step * squared
        if leaving >= 0:
            active.remove(leaving)
            del multipliers[leaving]
    if own != 0:
        active.append(p)
        multipliers[p] = -own if turned else own
    elif p < equations and any(_outside(normal, active, rows)):
        # An equation that holds by chance holds from now on.
        active.append(p)
        multipliers[p] = fmpq(0)
    return y


def _shares(normal: Row, active: Sequence[int], rows: Sequence[Row]) -> list[fmpq]:
    """Return the coefficients of the projection of a normal onto those of the active rows."""
    n = len(active)
    if not n:
        return []
    normals = [rows[i][1:] for i in active]
    gram = fmpq_mat([[_dot(a, b) for b in normals] for a in normals])
    right = fmpq_mat(n, 1, [_dot(a, normal) for a in normals])
    solution = gram.solve(right)
    return [solution[i, 0] for i in range(n)]


def _outside(normal: Row, active: Sequence[int], rows: Sequence[Row]) -> list[fmpq]:
    """Return what a normal has orthogonal to those of the active rows."""
    rest = list(normal)
    for i, share in zip(active, _shares(normal, active, rows)):
        rest = [t - share * s for t, s in zip(rest, rows[i][1:])]
    return rest


def _dot(u: Row, v: Row) -> fmpq:
    total = fmpq(0)
    for s, t in zip(u, v, strict=True):
        total += s * t
    return total


def _fraction(t: fmpq) -> Fraction:
    return Fraction(int(t.p), int(t.q))
