"""Exact distances to the boundary against a slow oracle that knows forward evaluation only."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactbn.exact.rational import dot
from exactbn.model.network import Network
from exactbn.regions.distances import measure_points

F = Fraction
TINY = F(1, 10**12)


def signs(network, x):
    return tuple((z > 0) - (z < 0) for layer in network.preactivations(x) for z in layer)


def gradients(network, x):
    """Return the value and the gradient of every neuron by exact differences at x."""
    flat = [z for layer in network.preactivations(x) for z in layer]
    moved = []
    for i in range(len(x)):
        y = tuple(t + TINY * (i == j) for j, t in enumerate(x))
        moved.append([z for layer in network.preactivations(y) for z in layer])
    return [(z, tuple((m[k] - z) / TINY for m in moved)) for k, z in enumerate(flat)]


def on_boundary(network, x):
    """Return whether signs differ in the corners and faces of a tiny box about x."""
    seen = {signs(network, tuple(t + TINY * s for t, s in zip(x, step, strict=True)))
            for step in product((-2, -1, 0, 1, 2), repeat=len(x))}
    return len(seen) > 1


def oracle(network, x):
    """Return the squared distance, and check it: no change nearer, a change at the foot."""
    if on_boundary(network, x):
        return F(0)
    rows = [(z * z / dot(g, g), z, g) for z, g in gradients(network, x) if any(g)]
    if not rows:
        return None
    squared, z, g = min(rows)
    foot = tuple(t - z * s / dot(g, g) for t, s in zip(x, g, strict=True))
    assert on_boundary(network, foot)
    inside = tuple(a + (b - a) * F(999, 1000) for a, b in zip(x, foot, strict=True))
    assert signs(network, inside) == signs(network, x)
    return squared


small = st.integers(-3, 3)


@st.composite
def networks(draw):
    d = draw(st.integers(1, 3))
    widths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    sizes = [d, *widths, 1]
    weights = [[[draw(small) for _ in range(m)] for _ in range(n)]
               for m, n in zip(sizes, sizes[1:])]
    biases = [[draw(small) for _ in range(n)] for n in sizes[1:]]
    slope = draw(st.sampled_from([0, "1/10", -1, 1, -2]))
    return Network.from_arrays(weights, biases, slope=slope)


@settings(max_examples=30, deadline=None)
@given(networks(), st.data())
def test_distance_is_that_of_the_oracle(network, data):
    coordinate = st.fractions(-3, 3, max_denominator=4)
    points = [tuple(data.draw(coordinate) for _ in range(network.num_inputs)) for _ in range(3)]
    measures = measure_points(network, points)
    expected = [oracle(network, x) for x in points]
    assert list(measures.squared_distances) == expected
    patterns = {signs(network, x) for x, t in zip(points, expected, strict=True) if t != 0}
    assert measures.regions_with_points == len(patterns)
    assert measures.on_boundary == expected.count(F(0))
    columns = list(zip(*(signs(network, x) for x in points), strict=True))
    assert measures.cut_units == tuple({-1, 1} <= set(column) for column in columns)
    assert measures.zero_units == tuple({0} == set(column) for column in columns)


def test_one_line():
    net = Network.from_arrays([[[3, 4]], [[1]]], [[-5], [0]])
    measures = measure_points(net, [(F(0), F(0)), (F(3), F(4)), (F(3, 5), F(4, 5))])
    assert measures.squared_distances == (F(1), F(16), F(0))
    assert measures.regions_with_points == 2
    assert measures.on_boundary == 1
    assert measures.cut_units == (True,)
    assert measures.layer1_sum == 17


def test_no_boundary_at_all():
    constant = Network.from_arrays([[[0, 0]], [[1]]], [[1], [0]])
    measures = measure_points(constant, [(F(1), F(2)), (F(0), F(0))])
    assert measures.squared_distances == (None, None)
    assert (measures.regions_with_points, measures.on_boundary) == (1, 0)
    assert measures.layer1_sum == 0
    linear = Network.from_arrays([[[1, 1]]], [[0]])
    assert measure_points(linear, [(F(1), F(2))]).squared_distances == (None,)


def test_dead_neuron_and_identically_zero_neuron_make_no_boundary():
    # The second layer is zero for x < 0 and has its only boundary where the first layer's is.
    net = Network.from_arrays([[[1]], [[-1]], [[1]]], [[0], [0], [0]])
    measures = measure_points(net, [(F(-2),), (F(3),), (F(0),)])
    assert measures.squared_distances == (F(4), F(9), F(0))
    assert measures.regions_with_points == 2


def test_a_fold_stops_at_its_crease():
    # z = relu(x) - 1 has its only zero at 1: seen from x = -1 the nearest boundary is 0.
    net = Network.from_arrays([[[1]], [[1]], [[1]]], [[0], [-1], [0]])
    assert measure_points(net, [(F(-1),)]).squared_distances == (F(1),)
    # With slope -1 (the absolute value) the zeros are -1 and 1.
    mirrored = Network.from_arrays([[[1]], [[1]], [[1]]], [[0], [-1], [0]], slope=-1)
    assert measure_points(mirrored, [(F(-3, 4),)]).squared_distances == (F(1, 16),)


def test_distances_do_not_feel_row_scaling_or_permutation():
    net = Network.from_arrays([[[1, 2], [3, -1]], [[1, -1], [2, 1]], [[1, 1]]],
                              [[1, 0], [-1, "1/3"], [0]])
    twin = Network.from_arrays([[["3/7", "-1/7"], [2, 4]], [[7, 1], [-70, 5]], [[1, 1]]],
                               [[0, 2], ["1/3", -10], [0]])
    points = [(F(i, 3), F(j, 7)) for i in range(-3, 4) for j in range(-3, 4)]
    assert measure_points(net, points).squared_distances == measure_points(
        twin, points).squared_distances


def test_no_points():
    net = Network.from_arrays([[[1]], [[1]]], [[0], [0]])
    measures = measure_points(net, [])
    assert measures.squared_distances == ()
    assert measures.cut_units == (False,)


def test_cells_far_below_float_resolution():
    tiny = F(1, 2**80)
    net = Network.from_arrays([[[1], [1]], [[1, 1]]], [[0, -tiny], [0]])
    assert measure_points(net, [(tiny / 4,)]).squared_distances == (tiny**2 / 16,)


@pytest.mark.parametrize("shift", [F(1, 10**6), F(-3)])
def test_the_mean_minimizes_the_layer_1_sum(shift):
    points = [(F(1), F(2)), (F(3), F(-1)), (F(-2), F(4)), (F(0), F(5))]
    mean = tuple(sum(c, F(0)) / 4 for c in zip(*points, strict=True))
    weights = [(F(1), F(2)), (F(-3), F(1))]
    best = [-dot(w, mean) for w in weights]
    moved = [best[0] + shift, best[1]]
    sums = [measure_points(Network.from_arrays([weights, [[1, 1]]], [b, [0]]), points).layer1_sum
            for b in (best, moved)]
    # L(mu + q) - L(mu) = N q^2 / |w|^2
    assert sums[1] - sums[0] == 4 * shift**2 / 5
