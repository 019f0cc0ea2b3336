"""Measures of a region and of its affine map: inscribed balls, bounding boxes, operator norms."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf, lcm

import numpy as np
from flint import fmpz, fmpz_mat

from exactbn.errors import InputError
from exactbn.exact.enclosures import Enclosure, enclosure, root_bounds, root_enclosure
from exactbn.exact.rational import Matrix, Vector, nearest_float
from exactbn.regions.polyhedra import Form
from exactbn.regions.sides import greatest

#: The norms, by the names by which they are asked for.
NORMS = ("inf", 1, 2)
# Binary digits of the lengths of rows, and of what is added to a square to be above all others.
_BITS = 96
_MARGINS = (80, 64, 48, 32, 16, 4, 0)


@dataclass(frozen=True)
class InscribedBall:
    """A greatest ball {x : |x - center| <= radius} inside of a region, in the norm ``norm``.

    "inf" is the greatest absolute value of a coordinate, 1 their sum, 2 the Euclidean norm. The
    ball lies in the region, exactly, and no ball there has a radius over ``most``. For "inf" and 1
    they are equal; for 2 the greatest radius is irrational as a rule, and ``most`` is so near that
    floats hardly show it. There may be other balls as great.
    """

    norm: object
    center: Vector
    radius: Fraction
    most: Fraction

    @property
    def is_exact(self) -> bool:
        """Return whether the radius is the greatest one."""
        return self.radius == self.most

    def enclosure(self) -> Enclosure:
        """Return the greatest radius as a float, and a bound of its error."""
        return enclosure(self.radius, self.most)


def checked_norm(norm: object) -> object:
    """Return a norm, one of :data:`NORMS`, by its name.

    Raises
    ------
    InputError
        If there is no such norm.
    """
    names: dict[object, object] = {"inf": "inf", inf: "inf", 1: 1, "1": 1, 2: 2, "2": 2}
    try:
        return names[norm]
    except (KeyError, TypeError):
        raise InputError(f"the norm is {norm!r}, expected 'inf', 1 or 2") from None


def inscribed_ball(rows: Sequence[Form], x: Vector, norm: object) -> InscribedBall | None:
    """Return a greatest ball where rows are >= 0, as they are at x; None where there is none.

    A ball of radius r about x is in the half-space c + g x >= 0 just if r |g|* <= c + g x, with
    the dual norm. So it is a linear program in x and r. Where the lengths |g| are irrational they
    are rounded down by less than 2^-95 of them: the optimum then bounds all radii, and the ball
    about its center that is there has the least of (c + g x) / |g| as its radius.
    """
    unknowns = []
    for constant, *g in rows:
        length, scale = _dual_norm(g, norm)
        row = (scale * constant, *(scale * t for t in g), -length)
        unknowns.append(tuple(map(fmpz, row)))
    f = tuple(fmpz(int(k == len(x) + 1)) for k in range(len(x) + 2))
    best = greatest(f, unknowns, (*x, Fraction(0)))
    if best is None:
        return None
    center = tuple(Fraction(int(t), int(best.denominator)) for t in best.point[:-1])
    radius = best.value
    if norm == 2:
        squares = (_value(row, center) ** 2 / sum(t * t for t in row[1:]) for row in rows)
        radius = root_bounds(min(squares), _BITS)[0]
    return InscribedBall(norm, center, radius, best.value)


def _value(row: Form, x: Vector) -> Fraction:
    return row[0] + sum((a * t for a, t in zip(row[1:], x, strict=True)), Fraction(0))


def _dual_norm(g: Sequence[int], norm: object) -> tuple[int, int]:
    """Return the dual norm of a row as an integer over a scale; of norm 2 rounded down."""
    if norm == "inf":
        return sum(map(abs, g)), 1
    if norm == 1:
        return max(map(abs, g)), 1
    return root_bounds(Fraction(sum(t * t for t in g)), _BITS)[0].as_integer_ratio()


def bounding_box(
    rows: Sequence[Form], x: Vector
) -> tuple[tuple[Fraction | None, ...], tuple[Fraction | None, ...]]:
    """Return the least and greatest value of every coordinate, None where there is none."""
    ends: list[list[Fraction | None]] = [[], []]
    own = [tuple(map(fmpz, row)) for row in rows]
    for axis in range(len(x)):
        for turn, found in zip((-1, 1), ends, strict=True):
            f = tuple(fmpz(turn * int(k == axis + 1)) for k in range(len(x) + 1))
            best = greatest(f, own, x)
            found.append(None if best is None else turn * best.value)
    return tuple(ends[0]), tuple(ends[1])


def operator_norm(matrix: Matrix, norm: object) -> Fraction:
    """Return the exact norm of x -> A x as a map of the norm "inf", or of the norm 1, to itself.

    The greatest sum of absolute values in a row, or in a column.
    """
    lines = matrix if norm == "inf" else tuple(zip(*matrix, strict=True))
    return max((sum(map(abs, line), Fraction(0)) for line in lines), default=Fraction(0))


def spectral_norm(matrix: Matrix) -> Enclosure:
    """Return the enclosure of the Euclidean operator norm, the greatest singular value.

    Its square is the greatest eigenvalue of G = A A^T, or A^T A. A float vector v proposes
    v G v / v v, exact and never above it; mu is never below it if all leading minors of mu - G are
    positive, in integers.
    """
    lines = matrix if len(matrix) <= len(matrix[0]) else tuple(zip(*matrix, strict=True))
    gram = [[sum((s * t for s, t in zip(p, q, strict=True)), Fraction(0)) for q in lines]
            for p in lines]  # fmt: skip
    greatest_entry = max(abs(t) for row in gram for t in row)
    if greatest_entry == 0 or len(gram) == 1:
        return root_enclosure(gram[0][0])
    floats = np.array([[nearest_float(*(t / greatest_entry).as_integer_ratio()) for t in row]
                       for row in gram])  # fmt: skip
    v = [Fraction(t) for t in np.linalg.eigh(floats)[1][:, -1].tolist()]
    image = [sum((s * t for s, t in zip(row, v, strict=True)), Fraction(0)) for row in gram]
    square = sum(t * t for t in v)
    low = sum((s * t for s, t in zip(v, image, strict=True)), Fraction(0)) / square
    trace = sum((gram[k][k] for k in range(len(gram))), Fraction(0))
    margins = (low * (1 + Fraction(1, 2**bits)) for bits in _MARGINS)
    high = next((mu for mu in margins if _is_above(mu, gram)), trace)
    return enclosure(root_bounds(low)[0], root_bounds(high)[1])


def _is_above(mu: Fraction, gram: Sequence[Sequence[Fraction]]) -> bool:
    """Return whether mu - G is proven to be positive definite: all leading minors are positive."""
    common = lcm(mu.denominator, *(t.denominator for row in gram for t in row))
    rows = [[int(common * (mu * (i == k) - t)) for k, t in enumerate(row)]
            for i, row in enumerate(gram)]  # fmt: skip
    return all(
        fmpz_mat([row[:size] for row in rows[:size]]).det() > 0 for size in range(1, len(rows) + 1)
    )
