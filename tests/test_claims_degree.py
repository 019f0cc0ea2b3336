"""The mean degree of region graphs: where it is bounded, and the surfaces that break the bound."""

import random
from fractions import Fraction
from math import prod

import numpy as np
import pytest

from exactbn.claims.families import degree
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.stored import stored
from exactbn.claims.tools import grids
from exactbn.claims.tools.search import shrink
from exactbn.errors import HypothesisError
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition

F = Fraction
WAVE = ((0, 1, -3), (1, 1, 2), (2, -1, -2))
LEVELS = (F(66, 5), F(27, 2), F(68, 5), F(69, 5))


def numbers(network: Network, box: tuple[int, int] | None = None) -> tuple[int, int]:
    """Return regions and adjacencies."""
    cells = partition(network, box)
    return cells.num_regions, cells.num_adjacencies


def test_the_counterexample_in_space_and_in_a_cube() -> None:
    network = stored("F30").network
    assert network == degree.waves(LEVELS, WAVE)
    assert network is not None and network.num_hidden == degree.SMALLEST
    assert numbers(network) == numbers(network, (-1, 3)) == (320, 976)
    assert 976 > 3 * 320
    # The other engine knows nothing of faces.
    second = partition(network, engine="lp")
    assert (second.num_regions, second.num_adjacencies) == (320, 976)


def test_the_counterexample_of_waves_from_zero() -> None:
    """relu(x) - 2 relu(x - 1) + 2 relu(x - 2) - 2 relu(x - 3), in a cube."""
    jumps = ((0, 1, 1), (1, 1, -2), (2, 1, 2), (3, 1, -2))
    network = degree.waves((F(-5, 4), F(-7, 5), F(-8, 5), F(-7, 4)), jumps)
    assert network.num_hidden == 16
    assert numbers(network, (0, 4)) == (320, 976)


def test_three_levels_are_not_enough() -> None:
    assert numbers(degree.waves(LEVELS[:3], WAVE)) == (256, 768)
    instance = Instance(degree.waves(LEVELS[:3], WAVE))
    assert degree.excess(instance) == 0 and degree.above_mean_degree(instance) is None
    assert degree.above_in_class(instance) is None


def test_the_stored_one_is_a_local_minimum() -> None:
    instance = stored("F30")
    tried = []

    def violation(smaller: Instance) -> str | None:
        tried.append(smaller)
        return None  # every step is judged by the numbers below, once

    assert shrink(violation, instance, deadline=float("inf")) == instance
    networks = {smaller.network for smaller in tried if smaller.network is not None}
    fewer = [n for n in networks if n.num_hidden < degree.SMALLEST and n.num_inputs == 3]
    assert len(fewer) > 10
    assert all(degree.excess(Instance(network)) <= 0 for network in fewer)


def test_a_plane_through_a_vertex_has_another_number_than_its_characteristic() -> None:
    """x + y + z = 0 after the coordinate planes: 6 pieces, 6 cut facets, and no cut edge."""
    rows = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]

    def brought(bias: int) -> tuple[int, int]:
        before, after = (
            numbers(Network.from_arrays([rows[:n], [[1] * n]], [[0, 0, 0, bias][:n], [0]]))
            for n in (3, 4)
        )
        pieces = after[0] - before[0]
        return pieces, after[1] - before[1] - pieces

    assert brought(0) == (6, 6)
    # Off the vertex it cuts three half-axes: chi = 3 - 9 + 7 = 1.
    assert brought(1) == (7, 9)


def test_more_inputs_by_products() -> None:
    """Regions multiply, and neighbours of a product are neighbours in one factor."""
    first = Network.from_arrays([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]], [[0, 0, 1], [0]])
    both = Network.from_arrays(
        [[[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 1]], [[1] * 5]],
        [[0, 0, 1, 0, 1], [0]],
    )
    regions, edges = numbers(first)
    assert numbers(both) == (3 * regions, 3 * edges + 2 * regions)


@pytest.mark.parametrize("box", [None, (-1, 1), (0, 3)])
def test_one_layer_attains_the_bound_only_with_few_units(box: tuple[int, int] | None) -> None:
    # Parallel planes: a path, E = R - 1. A central line bundle in the plane: E = R.
    planes = Network.from_arrays([[[1, 0, 0]] * 3, [[1] * 3]], [[0, 1, "1/2"], [0]])
    regions, edges = numbers(planes, box)
    assert edges == regions - 1
    one = Network.from_arrays([[[2]], [[1]]], [[-1], [0]])
    assert degree.above_simple_bound(Instance(one)) is None
    assert numbers(one) == (2, 1)


def test_deep_networks_of_three_inputs_are_no_instances_of_the_simple_bound() -> None:
    with pytest.raises(HypothesisError, match="2 hidden layers of 3 inputs"):
        degree.above_simple_bound(stored("F30"))
    with pytest.raises(HypothesisError, match="has no network"):
        degree.excess(Instance())
    with pytest.raises(HypothesisError, match="no number 'high'"):
        degree.excess(Instance(degree.waves(LEVELS, WAVE), (), {"low": F(0)}))


def test_too_many_adjacencies_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cells:
        network = Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [0]])
        num_regions, num_adjacencies = 4, 7

    monkeypatch.setattr(degree, "cells_of", lambda _: Cells)
    assert degree.above_simple_bound(Instance()) == "4 regions and 7 adjacencies"
    assert degree.above_mean_degree(Instance()) is None
    Cells.num_adjacencies = 6
    assert degree.above_simple_bound(Instance()) is None


@pytest.mark.parametrize(
    ("grid", "count"), [((2, 2, 2), 20), ((3, 2, 2), 50), ((3, 3, 3), 980), ((0, 1, 2), 1)]
)
def test_down_sets_are_plane_partitions(grid: grids.Grid, count: int) -> None:
    """MacMahon's product: (i + j + k - 1) / (i + j + k - 2) over the boxes."""
    boxes = [i + j + k for i in range(grid[0]) for j in range(grid[1]) for k in range(grid[2])]
    assert prod((F(t + 2, t + 1) for t in boxes), start=F(1)) == count
    sets = grids.down_sets(grid)
    assert sets.shape == (count, *grid)
    assert len(np.unique(sets.reshape(count, -1), axis=0)) == count
    for axis in range(1, 4):
        assert np.all(np.diff(sets.astype(np.int8), axis=axis) <= 0)


def test_profiles_up_to_reflection() -> None:
    assert [len(grids.profiles(k)) for k in range(4)] == [1, 3, 4, 12]
    assert len(grids.profiles(2, has_flat_ends=True)) == 9
    tent = grids.Profile((1,), (0, 0), (1, 1))
    assert tent in grids.profiles(1)


def test_grids_that_counting_sides_leaves() -> None:
    assert grids.grids_left(11) == []
    assert sorted(grids.grids_left(12)) == [
        ((3, 2, 2), 5), ((3, 3, 2), 4), ((3, 3, 3), 3), ((4, 2, 2), 4), ((4, 3, 2), 3),
    ]  # fmt: skip
    # What attains 13 is left, of course.
    assert {((3, 3, 3), 4), ((4, 3, 3), 3), ((4, 4, 3), 2)} <= set(grids.grids_left(13))


@pytest.mark.parametrize(
    ("grid", "gain"), [((0, 0, 0), -2), ((1, 1, 1), 0), ((2, 2, 2), 0), ((3, 2, 2), 3),
                       ((3, 3, 2), 8)]
)  # fmt: skip
def test_greatest_gains(grid: grids.Grid, gain: int) -> None:
    assert grids.greatest_gain(grid).gain == gain <= max(grids.side_bound(grid), gain)
    assert grids.greatest_gain(grid, has_flat_ends=True).gain == gain


def gain_of(network: Network) -> int:
    """Return by how much the second layer lessens 3 R - E, counted by the engine."""
    first = Network.from_arrays(
        [network.layers[0].weight, [[0] * network.layers[0].num_neurons]],
        [network.layers[0].bias, [0]],
    )
    before, after = numbers(first), numbers(network)
    return (3 * before[0] - before[1]) - (3 * after[0] - after[1])


def test_gains_of_networks_are_those_of_their_surfaces() -> None:
    assert gain_of(degree.waves(LEVELS[:1], WAVE)) == 16 == grids.greatest_gain((3, 3, 3)).gain
    first = Network.from_arrays(
        [degree.waves(LEVELS, WAVE).layers[0].weight, [[0] * 9]],
        [degree.waves(LEVELS, WAVE).layers[0].bias, [0]],
    )
    regions, edges = numbers(first)
    assert 3 * regions - edges == grids.slack((3, 3, 3)) == 48
    rng = random.Random(8)
    most = grids.greatest_gain((2, 2, 2), has_flat_ends=True).gain
    for _ in range(25):
        jumps = tuple(
            (2 * k, rng.choice((-1, 1)), rng.choice((-3, -2, -1, 1, 2, 3))) for k in range(2)
        )
        level = F(2 * rng.randint(-20, 20) + 1, 2)
        assert gain_of(degree.waves((level,), jumps)) <= most


def test_class_of_the_exhaustion() -> None:
    few = degree.waves(LEVELS[:3], WAVE)
    assert degree._is_in_class(few)
    with pytest.raises(HypothesisError, match="13 hidden units, expected fewer than 13"):
        degree.above_in_class(stored("F30"))
    # Through a vertex of the grid: allowed where the wave is constant on no piece.
    value = few.layers[1].preactivation(
        few.layers[0].activation(few.layers[0].preactivation((F(0), F(1), F(1))))
    )[0]
    at_vertex = few.layers[1].bias[0] - value
    assert degree._is_in_class(degree.waves((at_vertex,), WAVE))
    flat = ((0, 1, -3), (1, 1, 2), (2, 1, -2))  # zero to the left of 0
    assert not degree._is_in_class(degree.waves((F(0),), flat))
    assert degree._is_in_class(degree.waves((F(1, 3),), flat))
    skew = Network.from_arrays([[[1, 1, 0]], [[1]], [[1]]], [[0], [1], [0]])
    assert not degree._is_in_class(skew)
    crossed = Network.from_arrays(
        [[[1, 0, 0], [0, 1, 0]], [[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [1, 1], [0]]
    )
    assert not degree._is_in_class(crossed)
