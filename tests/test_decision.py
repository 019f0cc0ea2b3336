"""The decision boundary: exact distances against brute force over all edges and hand-made cases."""

import random
from fractions import Fraction

import pytest

from exactbn.claims.tools.draws import draw_matrix, draw_network
from exactbn.errors import DimensionError
from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.regions.decision import decision_boundary, squared_distance_to_segment

BOX = Box.of(-40, 40, 2)


@pytest.mark.parametrize("seed", range(8))
def test_distances_are_the_least_over_all_edges(seed: int) -> None:
    rng = random.Random(seed)
    network = draw_network(rng, (2, 4, 3, 1))
    points = draw_matrix(rng, 12, 2)
    boundary = decision_boundary(network, BOX)
    vertex = boundary.partition.vertex
    for x, found in zip(points, boundary.squared_distances(points), strict=True):
        every = [squared_distance_to_segment(x, vertex(a), vertex(b)) for a, b in boundary.edges]
        room = min(40 - abs(t) for t in x)
        assert found == (min(every) if every and min(every) <= room**2 else None)


@pytest.mark.parametrize("seed", range(8))
def test_the_logit_vanishes_on_the_edges_and_keeps_its_sign_in_the_ball(seed: int) -> None:
    rng = random.Random(100 + seed)
    network = draw_network(rng, (2, 3, 3, 1))
    boundary = decision_boundary(network, BOX)
    for ends in boundary.edges:
        for v in ends:
            assert network.forward(boundary.partition.vertex(v)) == (0,)
    points = draw_matrix(rng, 6, 2)
    for x, squared in zip(points, boundary.squared_distances(points), strict=True):
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
    assert decision_boundary(always, BOX).squared_distances(points) == [None, None]
    line = Network.from_arrays([[[1, 0]], [[1]]], [[0], [-30]])  # x = 30
    assert decision_boundary(line, BOX).squared_distances(points) == [900, None]


def test_a_logit_that_is_zero_on_a_region_is_off_there() -> None:
    ramp = Network.from_arrays([[[1, 0]], [[1]]], [[0], [0]])  # relu(x): zero for x <= 0
    points = [(Fraction(-3), Fraction(0)), (Fraction(5), Fraction(1))]
    assert decision_boundary(ramp, BOX).squared_distances(points) == [9, 25]


def test_other_networks_are_refused() -> None:
    with pytest.raises(DimensionError, match="3-2-1"):
        decision_boundary(draw_network(random.Random(1), (3, 2, 1)), BOX)
