"""Exact linear algebra and counts of arrangements, against sympy, tables and other formulas."""

import random
from fractions import Fraction
from itertools import combinations
from math import comb

import pytest
import sympy

from exactbn.claims.tools import arrangements
from exactbn.claims.tools.algebra import is_generic, rank, rational_root, solve
from exactbn.claims.tools.arrangements import CLASSICAL, Plane, characteristic, count, planes_of
from exactbn.claims.tools.draws import draw_matrix
from exactbn.exact.rational import dot
from tests import oracles


@pytest.mark.parametrize("seed", range(20))
def test_rank_and_solution(seed: int) -> None:
    rng = random.Random(seed)
    rows = draw_matrix(rng, rng.randint(1, 5), rng.randint(1, 5), 2)
    assert rank(rows) == sympy.Matrix(rows).rank()
    known = draw_matrix(rng, 1, len(rows[0]))[0]
    found = solve(rows, [dot(row, known) for row in rows])
    assert found is not None
    assert [dot(row, found) for row in rows] == [dot(row, known) for row in rows]
    values = draw_matrix(rng, 1, len(rows))[0]
    extended = sympy.Matrix(rows).row_join(sympy.Matrix(values))
    assert (solve(rows, values) is None) == (extended.rank() > rank(rows))


def test_generic_normals() -> None:
    lines = ((1, 0), (0, 1), (1, 1))
    assert is_generic(tuple(tuple(map(Fraction, row)) for row in lines))
    assert not is_generic(tuple(tuple(map(Fraction, row)) for row in (*lines, (2, 2))))


def test_rational_root() -> None:
    assert rational_root(Fraction(16, 9)) == Fraction(4, 3)
    assert rational_root(Fraction(0)) == 0
    assert rational_root(Fraction(2, 9)) is None
    assert rational_root(Fraction(10**60 + 1)) is None


# n = 1, ..., 12
GENERIC = {
    1: (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13),
    2: (2, 4, 7, 11, 16, 22, 29, 37, 46, 56, 67, 79),
    3: (2, 4, 8, 15, 26, 42, 64, 93, 130, 176, 232, 299),
    4: (2, 4, 8, 16, 31, 57, 99, 163, 256, 386, 562, 794),
    5: (2, 4, 8, 16, 32, 63, 120, 219, 382, 638, 1024, 1586),
}
CENTRAL = {
    1: (2,) * 12,
    2: tuple(range(2, 26, 2)),
    3: (2, 4, 8, 14, 22, 32, 44, 58, 74, 92, 112, 134),
    4: (2, 4, 8, 16, 30, 52, 84, 128, 186, 260, 352, 464),
    5: (2, 4, 8, 16, 32, 62, 114, 198, 326, 512, 772, 1124),
}


@pytest.mark.parametrize("d", GENERIC)
def test_formulas_give_the_known_tables(d: int) -> None:
    numbers = range(1, 13)
    assert tuple(arrangements.generic_count(n, d) for n in numbers) == GENERIC[d]
    assert tuple(arrangements.central_count(n, d) for n in numbers) == CENTRAL[d]
    assert tuple(oracles.generic_count(n, d) for n in numbers) == GENERIC[d]
    assert tuple(oracles.central_count(n, d) for n in numbers) == CENTRAL[d]


def moments(n: int, d: int) -> list[Plane]:
    """Return n hyperplanes in general position: normals (1, t, t^2, ...), offsets t^d."""
    return [tuple(t**k for k in range(d + 1)) for t in range(1, n + 1)]


@pytest.mark.parametrize("d", range(1, 5))
@pytest.mark.parametrize("n", range(1, 9))
def test_deletion_and_restriction_in_general_position(n: int, d: int) -> None:
    planes = moments(n, d)
    assert count(planes, d) == GENERIC[d][n - 1]
    if n >= d:
        assert arrangements.count_bounded(planes, d) == comb(n - 1, d)
    central = [plane[:-1] + (0,) for plane in planes]
    distinct = planes_of((plane[:-1], plane[-1]) for plane in central)
    assert count(distinct, d) == CENTRAL[d][n - 1]


def whitney(planes: list[Plane], d: int) -> list[int]:
    """Return the characteristic polynomial, the sum over all central subarrangements."""
    total = [0] * (d + 1)
    for size in range(len(planes) + 1):
        for chosen in combinations(planes, size):
            matrix = sympy.Matrix([plane[:-1] for plane in chosen]) if chosen else sympy.zeros(1, d)
            extended = sympy.Matrix(chosen) if chosen else sympy.zeros(1, d + 1)
            if matrix.rank() == extended.rank():
                total[d - matrix.rank()] += (-1) ** size
    return total


@pytest.mark.parametrize("seed", range(12))
def test_characteristic_polynomial_is_whitneys(seed: int) -> None:
    rng = random.Random(seed)
    d = rng.randint(1, 3)
    rows = draw_matrix(rng, rng.randint(1, 6), d, 1)
    biases = draw_matrix(rng, 1, len(rows), 1)[0]
    planes = planes_of(zip(rows, biases, strict=True))
    assert characteristic(planes, d) == whitney(planes, d)


@pytest.mark.parametrize("name", [name for name, entry in CLASSICAL.items() if entry[2] < 2000])
def test_classical_arrangements(name: str) -> None:
    planes, d, regions = CLASSICAL[name]
    assert count(planes, d) == regions


def test_equal_and_zero_rows_make_no_plane() -> None:
    rows = [((2, 4), 6), ((-1, -2), -3), ((0, 0), 0), ((0, 0), 5), ((1, 2), 4)]
    assert planes_of(rows) == [(1, 2, 3), (1, 2, 4)]
