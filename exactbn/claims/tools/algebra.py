"""Exact linear algebra of small systems: rank, solutions, rational square roots."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from math import isqrt

from exactbn.exact.rational import Matrix, Vector


def reduced(rows: Sequence[Sequence[Fraction]]) -> tuple[list[list[Fraction]], list[int]]:
    """Return the rows that are not zero of the reduced echelon form, and their pivot columns."""
    left = [list(row) for row in rows]
    done: list[list[Fraction]] = []
    pivots: list[int] = []
    for column in range(len(left[0]) if left else 0):
        chosen = next((row for row in left if row[column]), None)
        if chosen is None:
            continue
        left = [row for row in left if row is not chosen]
        pivot = [t / chosen[column] for t in chosen]
        done, left = (
            [[t - row[column] * p for t, p in zip(row, pivot, strict=True)] for row in part]
            for part in (done, left)
        )
        done.append(pivot)
        pivots.append(column)
    return done, pivots


def rank(rows: Sequence[Sequence[Fraction]]) -> int:
    """Return the rank of a matrix."""
    return len(reduced(rows)[1])


def solve(rows: Matrix, values: Sequence[Fraction]) -> Vector | None:
    """Return a solution x of rows x = values, its free coordinates 0, or None if there is none."""
    size = len(rows[0])
    echelon, pivots = reduced([[*row, t] for row, t in zip(rows, values, strict=True)])
    if size in pivots:
        return None
    solution = [Fraction(0)] * size
    for row, pivot in zip(echelon, pivots, strict=True):
        solution[pivot] = row[-1]
    return tuple(solution)


def is_generic(normals: Matrix) -> bool:
    """Return whether any d of the normals in R^d (all, if there are fewer) are independent."""
    size = min(len(normals), len(normals[0]))
    return all(rank(chosen) == size for chosen in combinations(normals, size))


def rational_root(value: Fraction) -> Fraction | None:
    """Return the square root of ``value`` >= 0 where it is rational, else None."""
    root = Fraction(isqrt(value.numerator), isqrt(value.denominator))
    return root if root * root == value else None
