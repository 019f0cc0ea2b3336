"""The float filter: its bounds hold, and no result depends on it.

A sign is taken from floats only beyond a proven bound. Here the bounds are compared with exact
values, also where numbers are so large or so small that float64 overflows or loses bits, and the
filter is made to reject everything.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from exactbn.engines.complex import kernels
from exactbn.engines.complex.signs import FloatNetwork
from exactbn.engines.complex.start import axis_exponents
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition
from exactbn.selfcheck.brute import brute_partition
from tests.agreement import check_agrees, check_promises, patterns_of
from tests.examples import PLANE_NETWORKS, one_layer
from tests.reference import reference_partition
from tests.strategies import problems
from tests.workload import TRUTH, load_workload


def power(exponent: int) -> Fraction:
    """Return 2^exponent."""
    return Fraction(2) ** exponent


def check_same_without_filter(network: Network, box: Box) -> None:
    """Check that the partition comes out the same, numbering included, from integers alone."""
    usual = partition(network, box)
    exact = partition(network, box, filter_factor=math.inf)
    assert exact.statistics["exact_signs"] >= usual.statistics["exact_signs"]
    assert exact.f_vector == usual.f_vector
    np.testing.assert_array_equal(exact.patterns, usual.patterns)
    np.testing.assert_array_equal(exact.edges, usual.edges)


@pytest.mark.parametrize("name", [n for n in TRUTH if TRUTH[n]["box1"]["regions"] <= 2000])
def test_workload_networks_without_filter(name: str) -> None:
    network = load_workload(name)
    check_same_without_filter(network, Box.of(-1, 1, network.num_inputs))


@pytest.mark.parametrize("name", PLANE_NETWORKS)
def test_plane_networks_without_filter(name: str) -> None:
    check_same_without_filter(PLANE_NETWORKS[name][0], Box.of(-20, "20/3", 2))


@given(problems())
@settings(max_examples=40, deadline=None)
def test_random_networks_without_filter(problem: tuple[Network, Box]) -> None:
    check_same_without_filter(*problem)


def test_without_filter_every_sign_is_exact() -> None:
    # x > 0, y > 0 on a square: 4 corners, 2 neurons; both new vertices of the second step on the
    # first line are exact too, but their signs follow from the edges they lie on.
    part = partition(one_layer([[1, 0], [0, 1]], [0, 0]), (-1, 1), filter_factor=math.inf)
    assert part.statistics["exact_signs"] == part.statistics["signs"] > 0


@pytest.mark.parametrize("name", [name for name in TRUTH if name.startswith(("rnd", "bnc"))])
def test_the_filter_decides_nearly_all(name: str) -> None:
    """In the unit box at most one sign in 50 needs integers."""
    part = partition(load_workload(name), (-1, 1))
    counts = part.statistics
    assert counts["exact_signs"] * 50 <= counts["signs"]


@pytest.mark.parametrize("exponent", [-40, -60, -80, -200, -1000, -1100, -5000])
@pytest.mark.parametrize("sense", [-1, 1])
def test_sign_gaps_far_below_float_resolution(exponent: int, sense: int) -> None:
    # The lines x = 1/3 and x = 1/3 + 2^exponent, and y = x: on one side of the gap or the other.
    gap = sense * power(exponent)
    third = Fraction(1, 3)
    network = Network.from_arrays(
        [[[1, 0], [1, 0], [1, -1]], [[1, -1, 0], [1, 0, -1]], [[1, 1]]],
        [[-third, -third - gap, 0], [-gap / 2, gap], [0]],
    )
    box = Box.of(0, 1, 2)
    check_agrees(partition(network, box), reference_partition(network, box, volumes=True))


def test_deep_network_of_near_ties() -> None:
    # Every layer repeats x -> |x| - 1/3^k, whose breakpoints crowd: the signs at them are ties of
    # long rationals.
    weights: list[list[list[int]]] = [[[1], [-1]]]
    biases: list[list[Fraction]] = [[Fraction(-1, 7), Fraction(1, 7)]]
    for k in range(1, 7):
        weights.append([[1, 1], [-1, -1]])
        biases.append([-Fraction(1, 3**k), Fraction(1, 3**k)])
    network = Network.from_arrays([*weights, [[1, 1]]], [*biases, [0]])
    box = Box.of(-2, 2, 1)
    check_agrees(partition(network, box), reference_partition(network, box, volumes=True))


EXTREME: dict[str, tuple[list[list[Fraction | int]], list[Fraction | int], Fraction | int]] = {
    # name: (weights, biases, half side of the box)
    "huge weights": (
        [[power(1100), 1], [1, power(1000)], [power(600), power(600)]], [1, power(1050), -1], 1
    ),
    "tiny box": ([[1, 1], [1, -1], [2, 1]], [0, 0, power(-1202)], power(-1200)),
    "tiny box in range": ([[1, 1], [1, -1], [2, 1]], [0, 0, power(-502)], power(-500)),
    "far box": ([[1, 1], [1, -1], [2, 1]], [1, 0, -1], power(300)),
    "tiny and huge": ([[power(-500), power(500)], [power(500), 1]], [power(-20), power(40)], 1),
    "below float range": (
        [[power(-1500), power(-1500)], [power(-1500), -power(-1501)]], [0, power(-1502)], 1
    ),
    # The weights are 0 in float64, their products with the coordinates are not negligible.
    "weights vanish in float": (
        [[power(-1080), 0], [0, power(-1080)], [power(-1080), power(-1080)]],
        [-power(-90), -power(-91), -power(-89)],
        power(1000),
    ),
    "box beyond float range": ([[1, 1], [1, -1], [2, 1]], [1, 0, -1], power(1100)),
    "box whose area overflows": ([[1, 1], [1, -1], [2, 1]], [1, 0, -1], power(900)),
}


@pytest.mark.parametrize("name", EXTREME)
def test_extreme_magnitudes(name: str) -> None:
    rows, biases, side = EXTREME[name]
    network, box = one_layer(rows, biases), Box.of(-side, side, 2)
    part = partition(network, box)
    check_agrees(part, reference_partition(network, box, volumes=True))
    check_promises(part, network, box)


@pytest.mark.parametrize("slopes", [(700, -700), (1500, -1500), (-1080, 0), (-1500, 1000)])
def test_extreme_slopes(slopes: tuple[int, int]) -> None:
    network = Network.from_arrays(
        [[[1, 1], [1, -1], [2, 1]], [[1, 1, 1], [1, -2, 1]], [[1, 1]]],
        [[0, 1, "1/8"], [power(-1081), -1], [0]],
        slope=[power(slopes[0]), -power(slopes[1])],
    )
    box = Box.of(-1, 1, 2)
    check_agrees(partition(network, box), reference_partition(network, box, volumes=True))


def hostile(name: str) -> tuple[Network, Box]:
    """Return a network whose numbers are of all sizes, its hyperplanes through its box."""
    random = Random(name)
    tiny, far = power(-130), Fraction(10**15)
    sizes, exponents, slope, middle, side = {
        "denormal and huge weights": ([2, 4, 3], (0, -1074, 1000), Fraction(-1), Fraction(0), 1),
        "steep slopes": ([2, 4, 3], (0,), power(120), Fraction(1, 3), 1),
        "a tiny box": ([2, 4, 3], (0,), Fraction(2), Fraction(0), tiny),
        "a tiny box, off the origin": ([2, 4, 3], (0, -30), Fraction(0), Fraction(1, 3), tiny),
        "a far box": ([2, 4, 3], (0, 30), Fraction(1, 3), far, 1),
        "a tiny and far box": ([1, 5, 3], (0,), Fraction(-1), far, tiny),
        "12 layers": ([1, *[2] * 12], (0, -60), Fraction(2), Fraction(1, 3), 1),
    }[name]
    lo = [middle - side * power(-100 * i) for i in range(sizes[0])]
    hi = [middle + side * power(-100 * i) * Fraction(4, 3) for i in range(sizes[0])]

    def number() -> Fraction:
        return Fraction(random.uniform(-1, 1)) * power(random.choice(exponents))

    weights = [
        [[number() for _ in range(m)] for _ in range(n)] for m, n in zip(sizes, sizes[1:])
    ]
    biases = [[number() * side for _ in range(n)] for n in sizes[1:]]
    for k, row in enumerate(weights[0]):
        point = [a + (b - a) * Fraction(random.randint(0, 9), 9) for a, b in zip(lo, hi)]
        biases[0][k] = -sum(w * t for w, t in zip(row, point))
    network = Network.from_arrays(
        [*weights, [[1] * sizes[-1]]], [*biases, [0]], slope=[slope] * (len(sizes) - 1)
    )
    return network, Box(tuple(lo), tuple(hi))


@pytest.mark.parametrize(
    "name",
    [
        "denormal and huge weights",
        "steep slopes",
        "a tiny box",
        "a tiny box, off the origin",
        "a far box",
        "a tiny and far box",
        "12 layers",
    ],
)
def test_hostile_networks(name: str) -> None:
    """Lopsided boxes too: the second axis is 2^-100 times as long as the first."""
    network, box = hostile(name)
    check_same_without_filter(network, box)
    part = partition(network, box)
    brute = brute_partition(network, box)
    patterns = patterns_of(part)
    assert set(patterns) == {tuple(region.pattern) for region in brute.regions}
    assert part.num_regions > 2
    pairs = {frozenset((patterns[i], patterns[j])) for i, j in part.edges.tolist()}
    assert pairs == {frozenset(map(tuple, pair)) for pair in brute.edges}


# The bounds themselves


NUMBERS = st.builds(
    lambda mantissa, exponent: mantissa * power(exponent),
    st.one_of(
        st.integers(-9, 9).map(Fraction),
        st.floats(-1, 1).map(Fraction),
        st.fractions(-3, 3, max_denominator=30),
    ),
    st.sampled_from((0, 0, 0, -60, 60, -500, 500, -1035, -1060, 900)),
)


@st.composite
def evaluations(draw: st.DrawFn) -> tuple[Network, list[float], list[Fraction]]:
    """Return a network and a point of floats, of all magnitudes, and errors of its coordinates."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    shapes = list(zip(sizes[1:], sizes[:-1]))
    weights = [[[draw(NUMBERS) for _ in range(m)] for _ in range(n)] for n, m in shapes]
    biases = [[draw(NUMBERS) for _ in range(n)] for n, _ in shapes]
    slopes = [draw(NUMBERS) for _ in shapes]
    network = Network.from_arrays([*weights, [[1] * sizes[-1]]], [*biases, [0]], slope=slopes)
    point = [draw(NUMBERS) for _ in range(sizes[0])]
    floats = [float(t) for t in point]
    assume(all(map(math.isfinite, floats)))
    errors = st.sampled_from((0, 0, power(-50), -power(-50), power(-9), -power(-70)))
    return network, floats, [Fraction(draw(errors)) for _ in point]


@given(evaluations())
@settings(max_examples=100, deadline=None)
def test_bounds_of_preactivations_hold(
    problem: tuple[Network, list[float], list[Fraction]],
) -> None:
    network, point, errors = problem
    # Any box that holds the points tells the filter how large numbers may become.
    exact_point = [Fraction(t) + error for t, error in zip(point, errors, strict=True)]
    box = Box.of([t - 1 for t in exact_point], [t + 1 for t in exact_point], len(point))
    floats = FloatNetwork(network, [Domain.of(box)])
    exponents = axis_exponents([Domain.of(box)])
    x = np.ldexp([[1.0, *point]], -exponents)
    ex = np.ldexp([[0.0, *map(abs, map(float, errors))]], -exponents)
    exact = network.preactivations(exact_point)
    for layer, width in enumerate(network.widths):
        z, ez = np.empty((1, width)), np.empty((1, width))
        floats.preactivations(x, ex, layer, slice(0, width), z, ez)
        for k in range(width):
            # What is not finite decides nothing; but only a value that is not a number may have a
            # bound that is none, since the greater of two bounds is taken later on.
            assert math.isnan(z[0, k]) or not math.isnan(ez[0, k])
            if math.isfinite(z[0, k]) and math.isfinite(ez[0, k]):
                unit = Fraction(2) ** int(floats.blocks[layer].exponent[k])
                error = abs(Fraction(float(z[0, k])) * unit - exact[layer][k])
                assert error <= Fraction(float(ez[0, k])) * unit


def test_bounds_do_not_depend_on_the_sizes_of_neurons() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.integers(-9, 10, (2, 6, 6)).tolist()
    sizes = [power(k) for k in (-90, -60, 0, 40, 80, 90)]
    plain = Network.from_arrays([first, second, [[1] * 6]], [[1] * 6, [2] * 6, [0]])
    uneven = Network.from_arrays(
        [
            [[size * t for t in row] for row, size in zip(first, sizes, strict=True)],
            [[t / size for t, size in zip(row, sizes, strict=True)] for row in second],
            [[1] * 6],
        ],
        [sizes, [2] * 6, [0]],
    )
    x = np.array([[1.0, 0.5, -0.25, 0.75, 1.0, -1.0, 0.125]])
    results = []
    for network in (plain, uneven):
        z, ez = np.empty((1, 6)), np.empty((1, 6))
        floats = FloatNetwork(network, [Domain.of(Box.of(-1, 1, 6))])
        floats.preactivations(x, np.zeros_like(x), 1, slice(0, 6), z, ez)
        results.append((z, ez))
    (z, ez), (z_uneven, ez_uneven) = results
    assert (z == z_uneven).all()
    # Powers of two change nothing.
    assert (ez == ez_uneven).all()


def brackets() -> Iterator[tuple[float, float, Fraction]]:
    """Yield floats >= 0 with an error bound, and positive numbers within the bound of them."""
    for value in (0.0, 1.0, 1.5 * 2**-53, 2.0**-60, 2.0**-900, 3.0):
        for ratio in (0.0, 2.0**-50, 0.3, 1 - 2.0**-52, 1.0, 1 + 2.0**-52, 1.7):
            bound = value * ratio if value else 2.0**-60 * ratio
            for share in (power(-80) - 1, Fraction(-1, 2), Fraction(0), Fraction(1)):
                true = Fraction(value) + Fraction(bound) * share
                if true > 0:
                    yield value, bound, true


def test_bounds_of_crossings_hold() -> None:
    for (za, ea, true_a), (zb, eb, true_b) in product(brackets(), repeat=2):
        t, dt = kernels.crossing(za, zb, ea, eb)
        exact = true_a / (true_a + true_b)
        assert abs(exact - Fraction(t)) <= Fraction(dt), (za, zb, ea, eb)


@pytest.mark.parametrize("exponents", [(-600, -600, 500), (500, -600, -600), (-600, 500, -600)])
def test_volume_enclosures_of_extreme_boxes(exponents: tuple[int, ...]) -> None:
    box = Box.of((0, 0, 0), [power(e) for e in exponents], 3)
    part = partition(one_layer([[1, 0, 0]], [5]), box)
    (middle,), (radius,) = part.volumes()
    assert part.volume(0) == box.volume
    assert abs(Fraction(float(middle)) - box.volume) <= Fraction(float(radius))
