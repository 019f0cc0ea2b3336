"""Counts of regions of hyperplane arrangements, from combinatorics alone.

Nothing here knows the engine: the characteristic polynomial comes from deletion and restriction,
so that it is a second opinion on what the engine counts.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations, product
from math import comb, gcd, lcm

#: A hyperplane a_1 x_1 + ... + a_d x_d + b = 0 as coprime integers (a_1, ..., a_d, b).
Plane = tuple[int, ...]


def canonical(row: Sequence[Fraction | int], bias: Fraction | int) -> Plane | None:
    """Return a hyperplane with first entry > 0, or None where the normal is zero."""
    numbers = [Fraction(t) for t in (*row, bias)]
    if not any(numbers[:-1]):
        return None
    common = lcm(*(t.denominator for t in numbers))
    integers = [int(t * common) for t in numbers]
    content = gcd(*integers)
    if next(t for t in integers if t) < 0:
        content = -content
    return tuple(t // content for t in integers)


def planes_of(rows: Iterable[tuple[Sequence[Fraction | int], Fraction | int]]) -> list[Plane]:
    """Return the distinct hyperplanes of (normal, bias) pairs; zero normals make none."""
    found = (canonical(row, bias) for row, bias in rows)
    return list(dict.fromkeys(plane for plane in found if plane is not None))


def characteristic(planes: Sequence[Plane], d: int) -> list[int]:
    """Return the characteristic polynomial of distinct hyperplanes in R^d, constant term first.

    Deletion and restriction, chi_A = chi_{A - H} - chi_{A|H}, with the hyperplanes taken off one
    by one: chi_A = t^d - sum_i chi of the restriction to H_i of H_1, ..., H_{i-1}.
    """
    total = [0] * d + [1]
    if d == 1:
        return [-len(planes), 1]
    for i, plane in enumerate(planes):
        below = characteristic(_restriction(planes[:i], plane), d - 1)
        for degree, coefficient in enumerate(below):
            total[degree] -= coefficient
    return total


def _restriction(planes: Sequence[Plane], onto: Plane) -> list[Plane]:
    """Return the traces of ``planes`` on a hyperplane, in the coordinates without its first one."""
    pivot = next(j for j, t in enumerate(onto) if t)
    traces: dict[Plane, None] = {}
    for plane in planes:
        numbers = [onto[pivot] * t - plane[pivot] * s for t, s in zip(plane, onto, strict=True)]
        del numbers[pivot]
        if not any(numbers[:-1]):
            continue  # parallel: no trace
        content = gcd(*numbers)
        if next(t for t in numbers if t) < 0:
            content = -content
        traces[tuple(t // content for t in numbers)] = None
    return list(traces)


def count(planes: Sequence[Plane], d: int) -> int:
    """Return the number of regions, |chi(-1)| (Zaslavsky), of distinct hyperplanes in R^d."""
    return abs(sum(-c if k % 2 else c for k, c in enumerate(characteristic(planes, d))))


def count_bounded(planes: Sequence[Plane], d: int) -> int:
    """Return the number of bounded regions, |chi(1)|, where the normals span R^d."""
    return abs(sum(characteristic(planes, d)))


def generic_count(n: int, d: int) -> int:
    """Return the number of regions of n hyperplanes in general position in R^d."""
    return sum(comb(n, i) for i in range(d + 1))


def central_count(n: int, d: int) -> int:
    """Return the number of regions of n >= 1 hyperplanes through a point, else generic, in R^d."""
    return 2 * sum(comb(n - 1, i) for i in range(d))


def deformation(n: int, offsets: Sequence[int]) -> list[Plane]:
    """Return the hyperplanes x_i - x_j = s in R^n for i < j and s in ``offsets``."""
    return [
        tuple((k == i) - (k == j) for k in range(n)) + (-s,)
        for i, j in combinations(range(n), 2)
        for s in offsets
    ]


def resonance(n: int) -> list[Plane]:
    """Return the hyperplanes through 0 in R^n with all nonzero 0/1 normals."""
    return [(*row, 0) for row in product((0, 1), repeat=n) if any(row)]


def threshold(n: int) -> list[Plane]:
    """Return the hyperplanes through 0 in R^(n + 1) with normals (1, x), x in {0, 1}^n."""
    return [(1, *row, 0) for row in product((0, 1), repeat=n)]


#: Classical arrangements that are not generic: name -> (hyperplanes, d, regions). The numbers are
#: n! (braid), (n + 1)^(n - 1) (Shi), n! C_n (Catalan), 1, 2, 7, 36, 246 (Linial), and the numbers
#: of resonance cells and of threshold functions.
CLASSICAL: dict[str, tuple[list[Plane], int, int]] = {
    **{f"braid {n}": (deformation(n, (0,)), n, r) for n, r in ((3, 6), (4, 24), (5, 120))},
    **{f"Shi {n}": (deformation(n, (0, 1)), n, r) for n, r in ((3, 16), (4, 125), (5, 1296))},
    **{f"Catalan {n}": (deformation(n, (-1, 0, 1)), n, r)
       for n, r in ((3, 30), (4, 336), (5, 5040))},
    **{f"Linial {n}": (deformation(n, (1,)), n, r) for n, r in ((3, 7), (4, 36), (5, 246))},
    **{f"resonance {n}": (resonance(n), n, r)
       for n, r in ((1, 2), (2, 6), (3, 32), (4, 370), (5, 11292))},
    **{f"threshold {n}": (threshold(n), n + 1, r)
       for n, r in ((1, 4), (2, 14), (3, 104), (4, 1882))},
}
