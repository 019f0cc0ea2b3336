"""The lengths, areas and volumes of flat faces, exact: their squares are rational.

All simplices of a flat face of dimension k are in one k-plane, so that their volumes have one
ratio to those of their projections along suitable axes. The projected volumes are rational; so is
the square of the ratio, a Gram determinant over the square of a minor.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from math import factorial

from flint import fmpq, fmpq_mat

from exactbn.exact.rational import Vector


def squared_volume(simplices: Sequence[Sequence[Vector]]) -> Fraction:
    """Return the square of the k-dimensional volume of the union of some simplices of one k-plane.

    Each is given by its k + 1 vertices, and their insides are disjoint. A point has the volume 1.

    >>> from fractions import Fraction as F
    >>> squared_volume([[(F(0), F(0)), (F(1), F(2))], [(F(2), F(4)), (F(1), F(2))]])
    Fraction(20, 1)
    """
    frames = [_frame(simplex) for simplex in simplices]
    k = frames[0].nrows()
    if k == 0:
        return Fraction(1)
    gram = (frames[0] * frames[0].transpose()).det()
    for axes in combinations(range(frames[0].ncols()), k):
        minors = [_minor(frame, axes) for frame in frames]
        if minors[0] != 0:
            break
    total = sum((abs(minor) for minor in minors), fmpq(0))
    squared = total * total * gram / (minors[0] * minors[0])
    return Fraction(int(squared.p), int(squared.q)) / factorial(k) ** 2


def _frame(simplex: Sequence[Vector]) -> fmpq_mat:
    """Return the edges of a simplex at its first vertex as rows."""
    first, *rest = simplex
    rows = [
        [fmpq((t - s).numerator, (t - s).denominator) for s, t in zip(first, v, strict=True)]
        for v in rest
    ]
    return fmpq_mat(len(rows), len(first), [t for row in rows for t in row])


def _minor(frame: fmpq_mat, axes: Sequence[int]) -> fmpq:
    """Return the determinant of some columns."""
    k = frame.nrows()
    return fmpq_mat(k, k, [frame[i, axis] for i in range(k) for axis in axes]).det()
