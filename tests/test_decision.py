"""The decision boundary in a box of the plane: exact distances against all pieces, made by hand."""

import random
from fractions import Fraction

import numpy as np
import pytest

from exactbn.claims.tools.draws import draw_matrix, draw_network
from exactbn.exact.rational import nearest_floats
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Layer, Network
from exactbn.regions.boundary import complex as boundary_complex
from exactbn.regions.boundary.asked import decision_boundary
from exactbn.regions.boundary.lower_bounds import SLACK, LowerBounds
from tests.boundary_brute import squared_distance_to_segment

BOX = Box.of(-40, 40, 2)


@pytest.mark.parametrize("seed", range(8))
def test_distances_are_the_least_over_all_edges(seed: int) -> None:
    rng = random.Random(seed)
    network = draw_network(rng, (2, 4, 3, 1))
    points = draw_matrix(rng, 12, 2)
    boundary = decision_boundary(network, BOX)
    pieces = [boundary.vertices(i) for i in range(boundary.num_pieces)]
    for x, found in zip(points, boundary.settled_squared_distances(points), strict=True):
        every = [squared_distance_to_segment(x, *ends) for ends in pieces]
        room = min(40 - abs(t) for t in x)
        assert found == (min(every) if every and min(every) <= room**2 else None)


@pytest.mark.parametrize("seed", range(8))
def test_the_logit_vanishes_on_the_edges_and_keeps_its_sign_in_the_ball(seed: int) -> None:
    rng = random.Random(100 + seed)
    network = draw_network(rng, (2, 3, 3, 1))
    boundary = decision_boundary(network, BOX)
    for i in range(boundary.num_pieces):
        for v in boundary.vertices(i):
            assert network.forward(v) == (0,)
    points = draw_matrix(rng, 6, 2)
    for x, squared in zip(points, boundary.settled_squared_distances(points), strict=True):
        if squared is None:
            continue
        inside = network.forward(x)[0] > 0
        for _ in range(20):
            step = tuple(Fraction(rng.randint(-50, 50), 7) for _ in range(2))
            if sum(t * t for t in step) < squared:
                y = tuple(a + b for a, b in zip(x, step, strict=True))
                assert (network.forward(y)[0] > 0) is inside


def test_ends_and_middle_of_a_segment() -> None:
    a, b = (Fraction(0), Fraction(0)), (Fraction(4), Fraction(0))
    for x, expected in [((2, 3), 9), ((-3, 4), 25), ((7, 4), 25), ((0, 0), 0), ((4, -1), 1)]:
        assert squared_distance_to_segment(tuple(map(Fraction, x)), a, b) == expected
    assert squared_distance_to_segment((Fraction(3), Fraction(4)), a, a) == 25


def test_no_boundary_and_one_beyond_the_box() -> None:
    always = Network.from_arrays([[[1, 0]], [[1]]], [[0], [1]])  # relu(x) + 1 > 0
    points = [(Fraction(0), Fraction(0)), (Fraction(39), Fraction(0))]
    assert decision_boundary(always, BOX).settled_squared_distances(points) == [None, None]
    line = Network.from_arrays([[[1, 0]], [[1]]], [[0], [-30]])  # x = 30
    assert decision_boundary(line, BOX).settled_squared_distances(points) == [900, None]


def test_a_logit_that_is_zero_on_a_region_is_off_there() -> None:
    ramp = Network.from_arrays([[[1, 0]], [[1]]], [[0], [0]])  # relu(x): zero for x <= 0
    points = [(Fraction(-3), Fraction(0)), (Fraction(5), Fraction(1))]
    assert decision_boundary(ramp, BOX).settled_squared_distances(points) == [9, 25]


def every_distance(boundary, x):
    """Return the least exact squared distance over all edges and points, or None."""
    segments = [boundary.vertices(i) for i in range(boundary.num_pieces)]
    segments += [2 * point for point in boundary.isolated()]
    every = [squared_distance_to_segment(x, *ends) for ends in segments]
    box = boundary.partition.box
    room = min(min(t - lo, hi - t) for t, lo, hi in zip(x, box.lo, box.hi))
    return min(every) if every and room >= 0 and min(every) <= room**2 else None


@pytest.mark.parametrize("scale", [Fraction(10) ** -e for e in (0, 40, 153, 156, 160, 200, 400)]
                         + [Fraction(10) ** 200])
def test_no_size_of_a_box_is_special(scale):
    rng = random.Random(3)
    network = draw_network(rng, (2, 5, 1))
    shrunk = Network.from_arrays(
        [layer.weight for layer in network.layers],
        [[b * scale for b in layer.bias] for layer in network.layers],
    )
    boundary = decision_boundary(shrunk, Box.of(-9 * scale, 9 * scale, 2))
    points = [[t * scale for t in x] for x in draw_matrix(rng, 12, 2)]
    found = boundary.settled_squared_distances([tuple(x) for x in points])
    assert found == [every_distance(boundary, x) for x in points]
    assert any(t is not None for t in found)


def test_far_and_lopsided_boxes():
    far = 10**30
    network = Network.from_arrays(
        [[[1, 1], [1, -1], [3, 1]], [[1, -2, 1]]], [[-far, -far, 1 - 3 * far], [-1]]
    )
    for low in (-3, Fraction(-1, far)):
        box = Box((far - 2, low), (far + 5, 3))
        boundary = decision_boundary(network, box)
        points = [(far + Fraction(i, 7), Fraction(j, 5)) for i in range(4) for j in range(6)]
        found = boundary.settled_squared_distances(points)
        assert found == [every_distance(boundary, x) for x in points]
        assert boundary.num_pieces


def test_a_logit_that_is_on_at_both_sides_of_its_zeros():
    size = Network.from_arrays([[[1, 0], [-1, 0]], [[1, 1]]], [[0, 0], [0]])  # |x|
    boundary = decision_boundary(size, BOX)
    assert boundary.num_pieces == 1 and boundary.num_isolated == 0
    points = [tuple(map(Fraction, x)) for x in ((-3, 0), (2.5, 1), (0, 7))]
    assert boundary.settled_squared_distances(points) == [9, Fraction(25, 4), 0]
    less = Network.from_arrays([[[1, 0], [-1, 0]], [[-1, -1]]], [[0, 0], [0]])  # -|x| is never > 0
    assert decision_boundary(less, BOX).settled_squared_distances(points) == [None] * 3


def test_an_isolated_zero_is_a_point_of_the_boundary():
    rows = [[1, 0], [-1, 0], [0, 1], [0, -1]]
    norm = Network.from_arrays([rows, [[1] * 4]], [[0] * 4, [0]])  # |x| + |y|
    boundary = decision_boundary(norm, BOX)
    assert boundary.num_pieces == 0 and boundary.num_isolated == 1
    points = [(Fraction(3), Fraction(4)), (Fraction(0), Fraction(0))]
    assert boundary.settled_squared_distances(points) == [25, 0]
    # relu(x) + relu(y): zero on a quarter, its boundary two half-lines that meet in the origin.
    quarter = Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [0]])
    boundary = decision_boundary(quarter, BOX)
    assert boundary.num_pieces == 2 and boundary.num_isolated == 0
    assert boundary.settled_squared_distances([(Fraction(-3), Fraction(-1))]) == [1]
    assert boundary.float_segments().shape == (2, 2, 2)


def test_zeros_in_the_wall_of_the_box_count():
    line = Network.from_arrays([[[1, 0]], [[1]]], [[0], [0]])  # relu(x)
    boundary = decision_boundary(line, Box((0, -1), (2, 1)))
    assert boundary.settled_squared_distances([(Fraction(1, 2), Fraction(0))]) == [Fraction(1, 4)]


def test_points_outside_the_box_have_no_distance():
    line = Network.from_arrays([[[1, 0]], [[1]]], [[0], [-1]])
    outside = [tuple(map(Fraction, x)) for x in ((41, 0), (1, -41), (1, 0))]
    assert decision_boundary(line, BOX).settled_squared_distances(outside) == [None, None, 0]


#: Bounds of coordinates that say nothing.
OPEN = -np.inf, np.inf


def lower_bound(x, a, b):
    """Return the lower bound of the distance of exact points in the unit square, and the truth."""
    x, a, b = (tuple(map(Fraction, point)) for point in (x, a, b))
    floats = (np.array(nearest_floats(point)) for point in (x, a, b))
    x_, a_, b_ = floats
    ends = np.stack((a_, b_))[None]
    bounds = LowerBounds((Fraction(0),) * 2, Fraction(1), ends, *[np.full((1, 2), t) for t in OPEN],
                         np.array([False]), np.array([2]))  # fmt: skip
    return Fraction(float(bounds.of_point(x)[0])), squared_distance_to_segment(x, a, b)


def test_lower_bounds_hold_where_the_coordinates_are_rounded_most():
    """The exact points are nearer than their floats by nearly all that rounding allows."""
    tight = 0
    for k in range(12, 45):
        for shift in (Fraction(2**20 - 1, 2**74), Fraction(1, 3 * 2**54)):
            gap = Fraction(1, 2**k)
            x, a = (1 - shift,) * 2, (1 - gap + shift,) * 2
            bound, squared = lower_bound(x, a, a)
            assert bound**2 <= squared
            # Without what is taken off, it would not hold.
            tight += (bound + Fraction(SLACK) * 16) ** 2 > squared
            long_bound, squared = lower_bound(x, (1 - gap + shift, 0), (1 - gap + shift, 1))
            assert long_bound**2 <= squared
    assert tight > 20


def test_lower_bounds_are_lower_and_near():
    rng = random.Random(8)
    for _ in range(400):
        bits = rng.choice((3, 20, 60, 200))
        x, a, b = ([Fraction(rng.randrange(2**bits + 1), 2**bits) for _ in range(2)] for _ in "xab")
        if rng.random() < 0.3:
            b = [t + Fraction(rng.randrange(-9, 9), 2**bits) for t in a]
            b = [min(max(t, Fraction(0)), Fraction(1)) for t in b]
        bound, squared = lower_bound(x, a, b)
        assert 0 <= bound and bound**2 <= squared
        assert (bound + Fraction(1, 2**30)) ** 2 > squared


def test_the_search_ends_early_and_not_too_early():
    rng = random.Random(5)
    boundary = decision_boundary(draw_network(rng, (2, 12, 8, 1)), BOX)
    assert boundary.num_pieces > 20
    asked = []
    kept = boundary_complex.nearest_in_hull

    def counted(*arguments):
        asked.append(arguments)
        return kept(*arguments)

    points = draw_matrix(rng, 10, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boundary_complex, "nearest_in_hull", counted)
        found = boundary.settled_squared_distances(points)
    assert found == [every_distance(boundary, x) for x in points]
    assert len(asked) < len(points) * boundary.num_pieces / 4


def test_a_boundary_in_a_polytope() -> None:
    """The square |x| + |y| = 1 below the line y = 1/4: what the row cuts off does not count."""
    weights = [[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, 1, 1]]]
    net = Network.from_arrays(weights, [[0, 0, 0, 0], [-1]])
    domain = Domain.cut(Box.of(-4, 4, 2), ([[0, 4]], [1]))
    boundary = decision_boundary(net, domain)
    assert boundary.num_pieces == 4
    places = [(0, "-3/4"), ("3/4", 0), (0, 0), (0, "1/2")]
    points = [tuple(map(Fraction, place)) for place in places]
    near = Fraction(1, 32)
    assert boundary.settled_squared_distances(points) == [near, near, None, None]
    below = decision_boundary(net, Domain.cut(Domain.space(2), ([[0, 4]], [1])))
    assert below.settled_squared_distances(points) == [near, near, None, None]
    assert (below.num_pieces, below.f_vector) == (4, (5, 4))


def test_units_that_the_logit_does_not_read_take_no_part() -> None:
    """Logit x + y beside a unit relu(x), in one block: its zeros are a line, not a point of it."""
    beside = Layer([[1, 0]], [0], 0)
    net = Network((beside, Layer([[1, 1]], [0], 1, (0, 1))), num_inputs=2)
    boundary = decision_boundary(net, Box.of(-1, 1, 2))
    assert boundary.num_pieces == 2 and boundary.num_isolated == 0
    x = (Fraction(1, 2), Fraction(-1, 4))
    assert boundary.settled_squared_distances([x]) == [Fraction(1, 32)]
