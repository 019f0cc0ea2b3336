"""The error bounds of the complex engine, one by one: they hold, and the true error comes close.

Every term of a bound gets inputs of its own, for which the other terms are next to nothing. True
errors are computed in fractions. A bound that is never approached could lose a term, or gain a
factor, unseen.
"""

import inspect
import re
from collections.abc import Iterable
from fractions import Fraction
from itertools import combinations, permutations, product
from math import comb, factorial, inf, isinf, nan
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from exactbn.engines.complex import carried, float_blocks, kernels, signs, start
from exactbn.engines.complex.kernels import SIGN_FLOOR, Place
from exactbn.engines.complex.signs import FloatNetwork
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Layer, Network
from exactbn.regions import geometry
from exactbn.regions.partitioning import partition
from tests.examples import one_layer

U = Fraction(1, 2**53)
# The compiled functions as they are written: the same operations on the same floats.
interpolate = kernels.interpolate.py_func
crossing = kernels.crossing.py_func
determinant = geometry._determinant.py_func


def exact(value: object) -> Fraction:
    """Return a float of any kind as a fraction."""
    return Fraction(float(value))  # type: ignore[arg-type]


def nearness(pairs: Iterable[tuple[Fraction, Fraction]]) -> Fraction:
    """Return the greatest error / bound of some pairs; no error may be beyond its bound."""
    shares = [error / bound for error, bound in pairs]
    assert max(shares) <= 1
    return max(shares)


# Interpolation


def interpolated(
    ends: tuple[float, float], bounds: tuple[float, float], t: float, dt: float, dtype: type
) -> tuple[Fraction, Fraction]:
    """Return the interpolated number and its bound, kept as numbers of a type."""
    y = np.array([[ends[0]], [ends[1]], [nan]])
    ey = np.array([[bounds[0]], [bounds[1]], [nan]], dtype=dtype)
    interpolate(y, ey, 2, Place(0, 1, t, dt), (0, 1))
    return exact(y[2, 0]), exact(ey[2, 0])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rounding_of_an_interpolation(dtype: type) -> None:
    """Ends and place are exact: what is wrong is rounded difference, product and sum."""
    random = Random(1)

    def tries() -> Iterable[tuple[Fraction, Fraction]]:
        for _ in range(400):
            a, b = -random.uniform(1, 1.1), random.uniform(1, 1.1)
            t = random.uniform(0.9, 1)
            y, bound = interpolated((a, b), (0.0, 0.0), t, 0.0, dtype)
            true = Fraction(a) + Fraction(t) * (Fraction(b) - Fraction(a))
            yield abs(true - y), bound

    assert nearness(tries()) > Fraction(1, 4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("term", ["the place", "the ends"])
def test_errors_that_an_interpolation_takes_over(term: str, dtype: type) -> None:
    """They come within 2^-20 of the bound, whose own rounding to float32 may not lower it."""
    random = Random(2)

    def tries() -> Iterable[tuple[Fraction, Fraction]]:
        for _ in range(60):
            share = random.uniform(2**-12, 2**-8)
            if term == "the place":
                y, bound = interpolated((-1.0, 1.0), (0.0, 0.0), 0.5, share, dtype)
                true = Fraction(-1) + 2 * (Fraction(0.5) + Fraction(share))
            else:
                # A bound is what is stored, so the ends are wrong by just that.
                stored = float(dtype(share))
                y, bound = interpolated((-1.0, 1.0), (stored, stored), 0.5, 0.0, dtype)
                true = Fraction(stored)
            yield abs(true - y), bound

    assert nearness(tries()) > 1 - Fraction(1, 2**20)


@pytest.mark.parametrize("ends", [(3.0, 10.0), (1.0, 2.0), (-3.0, 8.0), (5.0, 6.0)])
@pytest.mark.parametrize("exponent", [-1074, -1060, -600, -160, -130])
def test_underflow_of_an_interpolation(ends: tuple[float, float], exponent: int) -> None:
    """The product underflows, or the bound does where it is stored as float32."""
    a, b = (end * 2.0**exponent for end in ends)
    y, bound = interpolated((a, b), (0.0, 0.0), 0.3, 0.0, np.float32)
    true = Fraction(a) + Fraction(0.3) * (Fraction(b) - Fraction(a))
    assert true != y and abs(true - y) <= bound
    # As a normal float32 it loses no more than a rounding.
    assert Fraction(SIGN_FLOOR) <= bound <= 2 * Fraction(SIGN_FLOOR)


def test_equal_ends_are_interpolated_exactly() -> None:
    for value, bound in product((0.0, 1 / 3, 2.0**-1074, 2.0**400), (0.0, 2.0**-130, 1.0)):
        stored = float(np.float32(bound))
        result = interpolated((value, value), (bound, bound / 2), 1 / 3, 1.0, np.float32)
        assert result == (Fraction(value), Fraction(stored))


@pytest.mark.parametrize(
    ("ends", "bounds", "dt"),
    [
        ((inf, 1.0), (inf, 0.0), 0.0),
        ((inf, inf), (0.0, 0.0), 0.0),
        ((nan, 1.0), (nan, 0.0), 0.0),
        ((1.0, nan), (0.0, 0.0), 0.0),
        ((1.0, 1.0), (0.0, nan), 0.0),
        ((1.0, 1.0), (nan, 0.0), 0.0),
        ((-1e308, 1e308), (0.0, 0.0), 0.0),
        ((0.0, 1.0), (0.0, inf), 0.0),
        ((0.0, 1e300), (0.0, 0.0), 1.0),
    ],
)
def test_what_is_no_number_gets_an_infinite_bound(
    ends: tuple[float, float], bounds: tuple[float, float], dt: float
) -> None:
    y, ey = np.array([[ends[0]], [ends[1]], [0.0]]), np.zeros((3, 1), dtype=np.float32)
    ey[:2, 0] = bounds
    with np.errstate(all="ignore"):
        interpolate(y, ey, 2, Place(0, 1, 0.5, dt), (0, 1))
    assert isinf(ey[2, 0])
    # The compiled one knows another max().
    work = _work_of(y, ey)
    kernels.interpolate_rows(work.parents, work.place, work.z, work.ez, 2, 3)
    assert isinf(ey[2, 0])


def _work_of(y: np.ndarray, ey: np.ndarray) -> kernels.Work:
    """Return a record of arrays in which vertex 2 lies in the middle of 0 and 1."""
    ids = np.zeros(1, dtype=np.int32)
    fields = dict.fromkeys(kernels.Work._fields, ids)
    shapes = {
        "dim": np.zeros(1, np.int8), "first": np.zeros(1, np.int64),
        "word": np.zeros((1, 4), np.uint64), "x": y.copy(), "ex": ey.astype(np.float64),
        "z": y, "ez": ey, "parents": np.array([[-1, 0, 0], [-1, 0, 1], [0, 1, 0]], np.int32),
        "place": np.array([[0, 0], [0, 0], [0.5, 0.0]]), "open": np.zeros(3, np.uint64),
        "words": np.zeros((1, 1), np.uint64), "head": np.zeros((2, 1), np.int32),
        "used": np.zeros(7, np.int64),
    }  # fmt: skip
    return kernels.Work(**{**fields, **shapes})


# Crossings


def test_rounding_of_a_crossing() -> None:
    """The values at the ends are exact."""
    random = Random(3)

    def tries() -> Iterable[tuple[Fraction, Fraction]]:
        for _ in range(2000):
            za, zb = random.uniform(1, 1.02), random.uniform(0, 0.02)
            t, dt = crossing(za, zb, 0.0, 0.0)
            yield abs(Fraction(za) / (Fraction(za) + Fraction(zb)) - Fraction(t)), Fraction(dt)

    assert nearness(tries()) > Fraction(1, 4)


@pytest.mark.parametrize("share", [2.0**-40, 2.0**-10, 0.2])
def test_errors_that_a_crossing_takes_over(share: float) -> None:
    """One value is too large by its bound and the other too small by its own."""
    random = Random(4)

    def tries() -> Iterable[tuple[Fraction, Fraction]]:
        for _ in range(100):
            za, zb = random.uniform(1, 2), random.uniform(1, 2)
            ea, eb = za * share * random.random(), zb * share * random.random()
            t, dt = crossing(za, zb, ea, eb)
            for sense in (1, -1):
                a, b = Fraction(za) + sense * Fraction(ea), Fraction(zb) - sense * Fraction(eb)
                yield abs(a / (a + b) - Fraction(t)), Fraction(dt)

    assert nearness(tries()) > Fraction(1, 2)


def test_a_crossing_of_which_nothing_is_known() -> None:
    unknown = ((0, 0, 0, 0), (inf, 1, 0, 0), (1, 1, inf, 0), (1, 1, 1, 1), (0, 1, 0, 2))
    for za, zb, ea, eb in unknown:
        t, dt = crossing(float(za), float(zb), float(ea), float(eb))
        assert 0 <= t <= 1 and dt == 1
    # A value that is known to be exactly 0, and another known to be none.
    assert crossing(0.0, 1.0, 0.0, 0.0)[0] == 0


# Preactivations


def offset(random: Random, value: float) -> Fraction:
    """Return a number that rounds to ``value`` from the middle between two floats, nearly."""
    return Fraction(value) * (1 + U * Fraction(random.choice((-95, 95)), 100))


def preactivation(
    network: Network, x: list[float], ex: list[float], box: Box
) -> tuple[Fraction, Fraction]:
    """Return the float preactivation of neuron 0 of the last hidden layer, and its bound."""
    last = len(network.widths) - 1
    z, ez = np.empty((1, 1)), np.empty((1, 1), dtype=np.float32)
    domains = [Domain.of(box)]
    rows = (np.ldexp(row, -start.axis_exponents(domains)) for row in ([[1.0, *x]], [[0.0, *ex]]))
    floats = FloatNetwork(network, domains)
    floats.preactivations(*rows, last, slice(0, 1), z, ez)
    unit = Fraction(2) ** int(floats.blocks[last].exponent[0])
    return exact(z[0, 0]) * unit, exact(ez[0, 0]) * unit


def test_rounding_of_a_product() -> None:
    """The weights point where the input does, so that Cauchy and Schwarz lose nothing."""
    random = Random(5)

    def tries() -> Iterable[tuple[Fraction, Fraction]]:
        for _ in range(2000):
            x, b = random.uniform(1, 1.03), random.uniform(1, 1.03)
            network = one_layer([[offset(random, b * x)]], [offset(random, b)])
            z, bound = preactivation(network, [x], [0.0], Box.of(-1, 1, 1))
            yield abs(network.preactivations([Fraction(x)])[0][0] - Fraction(z)), bound

    assert nearness(tries()) > Fraction(1, 4)


def test_an_error_of_the_input() -> None:
    """It points where the weights do."""
    x, wrong = [0.5, 0.25], [2.0**-9 * 3, 2.0**-9 * 4]
    network = one_layer([[3, 4]], [0])
    z, bound = preactivation(network, x, wrong, Box.of(-2, 2, 2))
    true = network.preactivations([Fraction(a) + Fraction(e) for a, e in zip(x, wrong)])[0][0]
    share = nearness([(abs(true - Fraction(z)), bound)])
    assert share > 1 - Fraction(1, 2**20)


def test_errors_of_several_sources_add_up() -> None:
    """An input is wrong; the unit beside it, shorter than 1, has a smaller bound than the input."""
    half = Fraction(1, 2)
    layers = (
        Layer([[half]], [0], 0, (1,)), Layer([[1, Fraction(1, 2**20)]], [0], 0, (0, 2)),
        Layer([[1]], [0], 1),
    )  # fmt: skip
    network = Network(layers, num_inputs=2)
    x, wrong = [0.5, 0.25], [2.0**-9, 0.0]
    z, bound = preactivation(network, x, wrong, Box.of(-1, 1, 2))
    true = network.preactivations([Fraction(a) + Fraction(e) for a, e in zip(x, wrong)])[1][0]
    assert nearness([(abs(true - Fraction(z)), bound)]) > Fraction(1, 4)


@pytest.mark.parametrize("width", [1, 9, 63, 64, 65, 130])
@pytest.mark.parametrize("slope", [0, -3, Fraction(1, 3), 2**60])
def test_an_error_that_an_activation_spreads(width: int, slope: Fraction | int) -> None:
    """Equal neurons multiply the input's error by their number, and the slope does where it is > 1.

    So the bound needs the length of the vector of all their lengths, and the growth.
    """
    side = -1 if abs(slope) > 1 else 1
    ones = [1] * width
    network = Network.from_arrays(
        [[[1]] * width, [ones], [[1]]], [[0] * width, [0], [0]], slope=[slope, 0]
    )
    x, wrong = side * 0.5, 2.0**-9
    z, bound = preactivation(network, [x], [wrong], Box.of(-2, 2, 1))
    true = network.preactivations([Fraction(x) + Fraction(wrong)])[1][0]
    share = nearness([(abs(true - Fraction(z)), bound)])
    assert share > 1 - Fraction(1, 2**20)


def test_errors_grow_no_faster_than_they_must_in_a_deep_network() -> None:
    """Twelve layers that hand on their input: the input's error comes out as it went in."""
    depth = 12
    network = Network.from_arrays([[[1]]] * (depth + 1), [[0]] * (depth + 1), slope=2)
    z, bound = preactivation(network, [0.5], [2.0**-9], Box.of(-2, 2, 1))
    # On the positive side the slope 2 is not met, and the bound has it for every inner layer.
    assert bound / 2 ** (depth - 1) < Fraction(1, 2**9) * Fraction(1001, 1000)
    z, bound = preactivation(network, [-0.5], [2.0**-9], Box.of(-2, 2, 1))
    true = network.preactivations([Fraction(-0.5) + Fraction(1, 2**9)])[-1][0]
    assert nearness([(abs(true - Fraction(z)), bound)]) > Fraction(1, 4)


def test_rounding_of_an_activation() -> None:
    """Weights, slope and products are all rounded; the leading 1 is next to nothing."""
    random = Random(6)

    def tries() -> Iterable[tuple[Fraction, Fraction]]:
        for _ in range(600):
            values = [offset(random, random.uniform(1, 1.03)) for _ in range(3)]
            first, slope, second = values
            network = Network.from_arrays(
                [[[first]], [[second]], [[1]]], [[0], [0], [0]], slope=[slope, 0]
            )
            x = -random.uniform(1, 1.03) * 2**30
            z, bound = preactivation(network, [x], [0.0], Box.of(-1, 1, 1))
            yield abs(network.preactivations([Fraction(x)])[1][0] - Fraction(z)), bound

    assert nearness(tries()) > Fraction(1, 4)


@pytest.mark.parametrize("exponent", [-1074, -1060, -700, -540, -512, -300])
def test_underflow_of_a_preactivation(exponent: int) -> None:
    """Weights and squares of lengths that underflow; in float32 all their bounds would be 0."""
    weight = Fraction(5, 3) * Fraction(2) ** exponent
    network = Network.from_arrays(
        [[[weight], [1]], [[weight, weight]], [[1]]], [[weight, 0], [-weight], [0]]
    )
    z, bound = preactivation(network, [1 / 3], [0.0], Box.of(-2, 2, 1))
    true = network.preactivations([Fraction(1 / 3)])[1][0]
    assert abs(true - Fraction(z)) <= bound and bound > 0


@pytest.mark.parametrize(
    ("weights", "slope", "side"),
    [
        ([2**1000, 2**30], 0, 1),
        ([2**1100], 0, 1),
        ([1], 0, 2**600),
        ([1], 0, 2**1100),
        ([1, 2**20], 2**500, 1),
        ([1, 1], 2**1100, 1),
        ([2**-1074, 2**1000], 2**120, 2**300),
    ],
)
def test_beyond_the_range_no_float_decides(
    weights: list[int], slope: int, side: int
) -> None:
    """Infinity times 0 decides nothing: all bounds are infinite, whatever the numbers are."""
    depth = len(weights)
    layers = [[[Fraction(w)]] for w in weights]
    network = Network.from_arrays([*layers, [[1]]], [[0]] * (depth + 1), slope=slope)
    floats = FloatNetwork(network, [Domain.of(Box.of(-side, side, 1))])
    assert not floats.is_in_range
    z, ez = np.empty((2, 1)), np.empty((2, 1), dtype=np.float32)
    x = np.array([[1.0, 0.0], [1.0, inf]])
    floats.preactivations(x, np.zeros((2, 2)), depth - 1, slice(0, 1), z, ez)
    assert np.isinf(ez).all() and not z.any()


# Rounded numbers


def test_corners_that_no_float_is() -> None:
    random = Random(7)
    values = [offset(random, random.uniform(1, 1.03)) for _ in range(50)]
    boxes = [Domain.of(Box((value,), (value + 1,))) for value in values]
    x, ex = start.corner_coordinates(boxes, [0])
    values = [value / 4 for value in values]
    pairs = [(abs(v - exact(t)), exact(e)) for v, t, e in zip(values, x[:, 1], ex[:, 1])]
    assert nearness(pairs) > Fraction(1, 4)
    tiny = Fraction(1, 2**1074) * Fraction(3, 2)
    x, ex = start.corner_coordinates([Domain.of(Box((tiny,), (1,)))], [0])
    assert abs(tiny - exact(x[0, 1])) <= exact(ex[0, 1])


def test_numbers_that_are_rounded_afresh() -> None:
    """Their bounds hold as float32 too."""
    random = Random(8)
    for dtype in (np.float64, np.float32):
        pairs = []
        for _ in range(50):
            value = offset(random, random.uniform(1, 1.03))
            nearest, bound = signs.rounded(value.numerator, value.denominator)
            pairs.append((abs(value - exact(nearest)), exact(dtype(bound))))
        assert nearness(pairs) > Fraction(1, 4)
    nearest, bound = signs.rounded(3, 2**1075)
    assert abs(Fraction(3, 2**1075) - exact(nearest)) <= exact(np.float32(bound))
    assert signs.rounded(0, 3) == (0.0, 0.0) and signs.rounded(3, 3) == (1.0, 0.0)
    assert isinf(signs.rounded(2**2000, 1)[1])


# Volumes


def exact_determinant(rows: list[list[Fraction]]) -> Fraction:
    """Return the determinant as the sum over the permutations."""
    d = len(rows)
    total = Fraction(0)
    for order in permutations(range(d)):
        crossings = sum(order[i] > order[j] for i in range(d) for j in range(i + 1, d))
        term = Fraction((-1) ** crossings)
        for i, k in enumerate(order):
            term *= rows[i][k]
        total += term
    return total


@pytest.mark.parametrize("d", [1, 2, 3])
def test_determinants_of_entries_that_are_wrong(d: int) -> None:
    """Entries near those of a triangle, each wrong by its bound: the worst of all choices."""
    wrong = 2.0**-9
    a = np.triu(np.ones((d, d)))
    e = np.full((d, d), wrong)
    value, bound = determinant(a, e, d, np.empty((1 << d, 3)))
    rows = [[exact(t) for t in row] for row in a]
    errors = [
        abs(
            exact_determinant(
                [[t + s * Fraction(wrong) for t, s in zip(row, part)] for row, part in zip(
                    rows, [choice[i * d : i * d + d] for i in range(d)])]
            ) - exact(value)
        )
        for choice in product((-1, 1), repeat=d * d)
    ]  # fmt: skip
    assert nearness((error, exact(bound)) for error in errors) > Fraction(1, 4)


def costly_matrix(random: Random, d: int) -> np.ndarray:
    """Return a matrix at whose determinant nearly all roundings err by nearly u to one side.

    The product of the other diagonal comes first in every sum. Each of its partial products is
    chosen to be rounded down, and each exchange of two rows adds a little less than u, which is
    lost: 2 + ... + d errors, as many as a term passes.
    """
    a = np.zeros((d, d))
    for row, lower in combinations(range(d), 2):
        a[row, d - 1 - lower], a[lower, d - 1 - row] = 1.9 * 2.0**-27, -(2.0**-27)
    a[0, d - 1] = minor = 1 + 2.0**-20 * 3
    for row in range(1, d):
        entries = [1 + random.getrandbits(44) * 2.0**-52 for _ in range(100)]
        losses = [Fraction(t) * Fraction(minor) - Fraction(t * minor) for t in entries]
        entry = entries[losses.index(max(losses))]
        a[row, d - 1 - row], minor = entry, entry * minor
    return a


@pytest.mark.parametrize("d", [2, 3, 4, 5])
def test_rounding_of_determinants(d: int) -> None:
    """Entries are exact."""
    random = Random(9)

    def tries() -> Iterable[tuple[Fraction, Fraction]]:
        for _ in range(5):
            a = costly_matrix(random, d)
            value, bound = determinant(a, np.zeros((d, d)), d, np.empty((1 << d, 3)))
            rows = [[exact(t) for t in row] for row in a]
            yield abs(abs(exact_determinant(rows)) - exact(value)), exact(bound)

    assert nearness(tries()) > Fraction(9, 10)


def fan(points: list[tuple[float, float]], middle: np.ndarray, radius: np.ndarray) -> None:
    """Write twice the enclosure of the area of a polygon that is coned from its first vertex."""
    n = len(points)
    edges = [(i, (i + 1) % n) for i in range(n)]
    indices = np.array([v for edge in edges for v in edge] + list(range(n, 2 * n)), np.int32)
    indptr = np.array([*[0] * n, *range(0, 2 * n + 1, 2), 3 * n])
    apex = np.array([*range(n), *(min(edge) for edge in edges), 0], np.int32)
    x = np.array(points)
    geometry._enclose_volumes.py_func(
        indptr, indices, apex, x, np.zeros_like(x), 2 * n, 2, middle, radius
    )


@pytest.mark.parametrize("count", [5, 40, 400])
def test_rounding_of_sums_of_simplices(count: int) -> None:
    """A large triangle and small ones of a little less than u of it: every addition loses one."""
    points = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]
    points += [(-(2.0**-26) * t, 1.9 * 2.0**-28) for t in range(count)]
    middle, radius = np.empty(1), np.empty(1)
    fan(points, middle, radius)
    areas = [
        abs(Fraction(a[0]) * Fraction(b[1]) - Fraction(a[1]) * Fraction(b[0]))
        for a, b in zip(points[1:], points[2:], strict=False)
    ]
    assert nearness([(abs(sum(areas) - exact(middle[0])), exact(radius[0]))]) > Fraction(1, 4)


def simplex(x: np.ndarray) -> Any:
    """Return the lattice of all faces of a simplex of d + 1 exact vertices, shape (d + 1, d)."""
    d = x.shape[1]
    faces = [face for k in range(1, d + 2) for face in combinations(range(d + 1), k)]
    facets = [
        [faces.index(face[:i] + face[i + 1 :]) for i in range(len(face) * (len(face) > 1))]
        for face in faces
    ]
    points = np.column_stack((np.ones(d + 1), x))
    return SimpleNamespace(
        dim=d, num_regions=1, starts=np.array([comb_sum(d + 1, k) for k in range(d + 2)]),
        indptr=np.cumsum([0, *map(len, facets)]),
        indices=np.array([g for facet in facets for g in facet], dtype=np.int32),
        x=points, ex=np.zeros_like(points),
    )  # fmt: skip


def comb_sum(n: int, k: int) -> int:
    """Return the number of non-empty subsets of at most k of n things."""
    return sum(comb(n, i) for i in range(1, k + 1))


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_rounding_of_volumes(d: int) -> None:
    """All there is: differences, the determinant, the sum, the quotient by d!."""
    random = Random(13)

    def tries() -> Iterable[tuple[Fraction, Fraction]]:
        for _ in range(20):
            rows = costly_matrix(random, d)[::-1]
            last = np.full((1, d), random.random() if d == 1 else 0.0)
            (middle,), (radius,) = geometry.volume_enclosures(simplex(np.vstack((rows, -last))))
            exact_rows = [
                [exact(t) + exact(s) for t, s in zip(row, last[0], strict=True)] for row in rows
            ]
            volume = abs(exact_determinant(exact_rows)) / factorial(d)
            yield abs(volume - exact(middle)), exact(radius)

    assert nearness(tries()) > Fraction(1, 4)


def test_rounding_of_points_of_rays() -> None:
    """A point is a quotient of two coordinates, exact or wrong by their bounds."""
    random = Random(11)

    def tries(share: float) -> Iterable[tuple[Fraction, Fraction]]:
        for _ in range(200):
            weight, t = 1 - random.random() * 2.0**-6, 1.0 + random.random() * 2.0**-9
            rows = np.array([[weight, t]]), np.array([[weight * share, t * share]])
            lattice: Any = SimpleNamespace(x=rows[0], ex=rows[1])
            (point,), (bound,) = (array[0] for array in geometry.affine_points(lattice))
            off = Fraction(share)
            true = Fraction(t) * (1 + off) / (Fraction(weight) * (1 - off))
            yield abs(true - exact(point)), exact(bound)

    for share in (0.0, 2.0**-49, 2.0**-30, 2.0**-9):
        assert nearness(tries(share)) > Fraction(9, 10)


@pytest.mark.parametrize("exponent", [-40, -100, 40])
def test_volumes_are_relative_to_the_box(exponent: int) -> None:
    """A lopsided box has the signs and the volumes of one of size one, as near."""
    width = Fraction(10) ** exponent

    def make(width: Fraction) -> Network:
        biases = [width / 7, Fraction(0), -width / 3]
        rows = [[3, -5 * width], [-7, 2 * width], [1, width]]
        return Network.from_arrays(
            [rows, [[1, -2, 1]], [[1]]], [biases, [-width / 5], [0]]
        )

    part = partition(make(width), Box((-width, Fraction(-1)), (width, Fraction(1))))
    plain = partition(make(Fraction(1)), Box.of(-1, 1, 2))
    assert part.patterns.tolist() == plain.patterns.tolist()
    middle, radius = part.volumes()
    for i in range(part.num_regions):
        true = part.volume(i)
        assert true == plain.volume(i) * width
        assert abs(true - exact(middle[i])) <= exact(radius[i])
        assert exact(radius[i]) < width / 2**36
    assert part.statistics == plain.statistics


@pytest.mark.parametrize("exponent", [-100, 100])
def test_a_value_that_integers_settle_has_the_unit_of_its_neuron(exponent: int) -> None:
    """It is next to zero at one end of the box, and no float is known to be that at the other."""
    size, little = Fraction(2) ** exponent, Fraction(1, 2**56)
    part = partition(one_layer([[size]], [4 * size * (little - 1)]), Box.of(-4, 4, 1))
    part.check()
    middle, radius = part.volumes()
    assert part.num_regions == 2 and part.statistics["exact_signs"]
    for i in range(2):
        assert abs(part.volume(i) - exact(middle[i])) <= exact(radius[i]) < 2**-38


def test_coordinates_that_underflow_in_plain_units() -> None:
    """What is lost is in the bound, and what is not leaves it as it is."""
    exponents = np.array([0, -1060, -1060, 1020, -1060, -900], dtype=np.int32)
    x = np.array([[1.0, 1.0, 1 + 2.0**-52, 16.0, 2.0**-30, 0.75]])
    ex = np.array([[0.0, 0.0, 0.0, 0.0, 2.0**-14 * 1.75, 2.0**-53 * 3]])
    plain, errors = start.in_plain_units(x, ex, exponents)
    for t, e, y, ey, k in zip(*(a[0].tolist() for a in (x, ex, plain, errors)), exponents.tolist()):
        unit = Fraction(2) ** k
        assert isinf(ey) or abs(Fraction(t) * unit - Fraction(y)) + Fraction(e) * unit <= exact(ey)
    assert errors[0, :2].tolist() == [0.0, 0.0] and isinf(errors[0, 3])
    assert errors[0, 2] == 2.0**-1074 and errors[0, 5] == np.ldexp(ex[0, 5], -900)


def test_volumes_of_boxes_on_no_float() -> None:
    """In a narrow box errors of the coordinates are nearly all of the radius."""
    random = Random(10)
    network = one_layer([[1]], [5])

    def tries() -> Iterable[tuple[Fraction, Fraction]]:
        for _ in range(20):
            lo, hi = offset(random, 1.0), offset(random, 1.0 + random.uniform(2**-20, 2**-19))
            part = partition(network, Box((lo,), (hi,)))
            (middle,), (radius,) = part.volumes()
            yield abs(hi - lo - exact(middle)), exact(radius)

    assert nearness(tries()) > Fraction(1, 4)


@pytest.mark.parametrize("exponent", [-1074, -1060, -300, 0, 500])
@pytest.mark.parametrize("far", [0, 10**15])
def test_volumes_of_thin_and_far_boxes(exponent: int, far: int) -> None:
    side = Fraction(2) ** exponent
    box = Box((Fraction(far), Fraction(-1, 3)), (far + side, Fraction(1, 3)))
    part = partition(one_layer([[0, 1], [1, 1]], [0, -far]), box)
    middle, radius = part.volumes()
    for i in range(part.num_regions):
        if np.isfinite(radius[i]):
            assert abs(part.volume(i) - exact(middle[i])) <= exact(radius[i])


# The page that proves them


def test_the_page_names_the_constants_as_the_code_does() -> None:
    page = (Path(__file__).parents[1] / "docs" / "error_analysis.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|", page, re.MULTILINE)
    found_in = (kernels, carried, float_blocks, signs, start, geometry)
    modules = {module.__name__.rpartition(".")[2]: module for module in found_in}
    found = {}
    for name, value, places in rows:
        text = value.split("=")[-1].strip().replace("^", "**")
        number = eval(re.sub(r"(\d) u\b", r"\1 * 2.0**-53", text).replace("2**", "2.0**"))
        for place in places.split(", "):
            found[place, name] = number
            assert getattr(modules[place], name) == number, (place, name)
    # None of them lacks: a power of two that a module names is one of these.
    constant = re.compile(r"^([A-Z_]+) = .*2\.0\*\*-?\d+", re.MULTILINE)
    named = {
        (place, name)
        for place, module in modules.items()
        for name in constant.findall(inspect.getsource(module))
    }
    assert named <= set(found)


# The decision


@pytest.mark.parametrize(
    ("value", "bound", "sign"),
    [
        (1.0, 0.5, "pos"), (-1.0, 0.5, "neg"), (0.0, 0.0, "zer"), (2.0**-1074, 0.0, "pos"),
        (1.0, 1.0, None), (-1.0, 1.0, None), (1.0, 2.0, None), (-1.0, 2.0, None),
        (0.0, 2.0**-120, None), (1.0, inf, None), (-1.0, inf, None), (1.0, nan, None),
        (0.0, nan, None), (nan, 0.0, None),
    ],
)  # fmt: skip
def test_a_float_decides_beyond_its_bound_alone(
    value: float, bound: float, sign: str | None
) -> None:
    nothing = kernels.Signs(*np.zeros(3, dtype=np.uint64))
    signs, left_open = kernels._decide.py_func(nothing, np.uint64(4), value, bound)
    assert {name for name, word in signs._asdict().items() if word} == ({sign} if sign else set())
    assert left_open == (0 if sign else 4)
