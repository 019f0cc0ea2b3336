"""Exact linear algebra of small systems: rank, solutions, rational square roots."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from math import isqrt

from flint import fmpq, fmpq_mat

from exactbn.exact.rational import Matrix, Vector


def rank(rows: Sequence[Sequence[Fraction]]) -> int:
    """Return the rank of a matrix with at least one row."""
    return int(_matrix(rows).rank())


def solve(rows: Matrix, values: Sequence[Fraction]) -> Vector | None:
    """Return a solution x of rows x = values, its free coordinates 0, or None if there is none."""
    size = len(rows[0])
    echelon, found = _matrix([[*row, t] for row, t in zip(rows, values, strict=True)]).rref()
    solution = [Fraction(0)] * size
    for row in echelon.tolist()[:found]:
        pivot = next(j for j, t in enumerate(row) if t != 0)
        if pivot == size:  # The row says 0 = 1.
            return None
        solution[pivot] = Fraction(int(row[-1].p), int(row[-1].q))
    return tuple(solution)


def _matrix(rows: Sequence[Sequence[Fraction]]) -> fmpq_mat:
    """Return rows of exact numbers as a matrix of flint."""
    return fmpq_mat([[fmpq(t.numerator, t.denominator) for t in row] for row in rows])


def is_generic(normals: Matrix) -> bool:
    """Return whether any d of the normals in R^d (all, if there are fewer) are independent."""
    size = min(len(normals), len(normals[0]))
    return all(rank(chosen) == size for chosen in combinations(normals, size))


def rational_root(value: Fraction) -> Fraction | None:
    """Return the square root of ``value`` >= 0 where it is rational, else None."""
    root = Fraction(isqrt(value.numerator), isqrt(value.denominator))
    return root if root * root == value else None
