"""Counts and neighbours: networks with known numbers, and the finder from scratch."""

from dataclasses import replace
from fractions import Fraction

import pytest

from exactbn.claims.families import counting, neighbours
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.ledger import find_claim
from exactbn.claims.ledger.stored import stored
from exactbn.claims.ledger.survey import meets
from exactbn.claims.tools.search import search
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition
from tests.examples import ABS, DATA, NETWORK_A, NETWORK_B
from tests.test_claims_centering import exact, uncentred

POINTS = exact(*DATA)
LINE = exact((0,), (1,))


def test_cells_of_a_centred_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = Instance(NETWORK_A, POINTS)
    assert counting.arrangement_violation(instance) is None
    monkeypatch.setattr(counting, "center", uncentred)
    assert counting.arrangement_violation(instance) == "layer 1: a cell is bounded"
    # Parallel planes in general position otherwise: no bounded cell, but too many.
    parallel = Network.from_arrays([[[1, 0], [2, 0]], [[1, 1]]], [[0, 1], [0]])
    monkeypatch.setattr(counting, "count", lambda *_: 2)
    assert counting.arrangement_violation(Instance(parallel, POINTS)) == (
        "layer 1: 3 cells, expected 2"
    )


def test_fewer_regions_of_known_networks() -> None:
    assert counting.fewer_regions(Instance(NETWORK_A, POINTS)) == (
        "47 regions with the given biases, 44 centred"
    )
    assert counting.fewer_regions(Instance(NETWORK_B, POINTS)) == (
        "28 regions with the given biases, 26 centred"
    )
    weights = [layer.weight for layer in NETWORK_A.layers]
    zero = Network.from_arrays(weights, [[0] * 5, [0] * 4, [0]])
    assert counting.fewer_regions(Instance(zero, POINTS)) is None


def test_several_flips_at_one_facet() -> None:
    coincident = Network.from_arrays([[[1], [2]], [[1, 1]]], [[0, 1], [0]])
    assert neighbours.several_flips(Instance(coincident, LINE)) == (
        "neighbours 00 and 11 differ in 2 neurons"
    )
    single = Network.from_arrays([[[1]], [[1]]], [[0], [0]])
    assert neighbours.several_flips(Instance(single, LINE)) is None


def test_counterexamples_of_neighbours_are_plain_relu_without_duplicates() -> None:
    for name, violation in (("F11", neighbours.several_flips), ("F11-apart", neighbours.apart)):
        instance = stored(name)
        network, _ = instance.given()
        assert network.num_inputs == 2 and {layer.slope for layer in network.hidden} == {0}
        assert meets(neighbours.neighbours_violation, instance) and violation(instance)
    for rows in ([[1, 0], [-2, 0]], [[1, 0], [0, 0]], [[1], [2]]):
        other = Network.from_arrays([rows, [[1, 1]]], [[0, 0], [0]])
        data = tuple(tuple(x[: len(rows[0])]) for x in POINTS)
        assert not meets(neighbours.neighbours_violation, Instance(other, data))


def test_rates_of_neighbours_by_hand() -> None:
    # Three lines through one point: six regions, six facets, one flip at each; of the pairs that
    # differ in one neuron all are neighbours.
    star = Network.from_arrays([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]], [[0] * 3, [0]])
    assert neighbours._pairs(Instance(star, POINTS)) == (6, 0, 6, 0)
    coincident = Network.from_arrays([[[1], [2]], [[1, 1]]], [[0, 1], [0]])
    assert neighbours._pairs(Instance(coincident, LINE)) == (1, 1, 0, 0)


def test_regions_apart_that_differ_in_one_neuron() -> None:
    # |x| less its mean: negative around the mean 0, positive on both sides far from it.
    assert neighbours.apart(Instance(ABS, exact((-2,), (0,), (2,)))) is not None
    assert not meets(neighbours.apart, Instance(ABS, LINE))  # |x - 1/2| is constant on the data
    grid = Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [0]])
    assert neighbours.apart(Instance(grid, POINTS)) is None


def test_regions_of_one_affine_map() -> None:
    # relu(x - 1/2), then less its mean 1/4: zero for x < 3/4, so two of three regions are one.
    dead = Network.from_arrays([[[1]], [[1]], [[1]]], [[0], [0], [0]])
    assert counting.merged_regions(Instance(dead, LINE)) == (
        "regions 00 and 10 have the same affine map"
    )
    leaky = Network.from_arrays([[[1]], [[1]], [[1]]], [[0], [0], [0]], slope=-1)
    assert not meets(counting.merged_regions, Instance(leaky, LINE))
    fold = Network.from_arrays([[[1]], [[1]]], [[0], [0]])
    assert counting.merged_regions(Instance(fold, LINE)) is None
    idle = Network.from_arrays([[[1]], [[0]]], [[0], [0]])
    assert not meets(counting.merged_regions, Instance(idle, LINE))


def test_unit_that_vanishes_on_a_region() -> None:
    zero_bias = Network.from_arrays([[[1, 0], [0, 1]], [[1, -1]], [[1]]], [[0, 0], [0], [0]])
    assert counting.vanishing_unit(zero_bias) == "neuron 3 vanishes on region 000"
    assert counting.vanishing_unit(NETWORK_A) is None


def test_classical_arrangements_by_the_engine() -> None:
    assert all(counting._is_classical(name) for name in ("Shi 3", "Linial 4", "threshold 3"))


@pytest.mark.parametrize("seed", range(2))
def test_finder_finds_fewer_regions(seed: int) -> None:
    found = search(find_claim("F3"), seconds=20, seed=seed, enough=2)
    assert found is not None and found.instance.network is not None
    given = found.instance.network
    assert "centred" in found.reason and partition(given).num_regions <= 7


def test_finder_finds_both_directions_of_neighbours() -> None:
    claim = find_claim("F11")
    kinds = ((neighbours.several_flips, "neighbours"), (neighbours.apart, "share no"))
    for violation, word in kinds:
        easy = replace(claim, violation=violation, propose=counting._two_layers)
        found = search(easy, seconds=20, enough=1)
        assert found is not None and word in found.reason
        assert all(abs(t) < 10 for row in found.instance.data for t in row)


def test_numbers_of_a_small_example() -> None:
    """Three lines: seven regions in general position, six through one point."""
    rows = [[0, 1], [1, 0], [1, 1]]
    network = Network.from_arrays([rows, [[1, 1, 1]]], [[0, 0, 1], [0]])
    reason = counting.fewer_regions(Instance(network, exact((0, 0), (1, 1))))
    assert reason == "7 regions with the given biases, 6 centred"
    assert not meets(counting.fewer_regions, Instance(network, exact((0, 0))))  # sigma = 0
    assert Fraction(0) == network.layers[0].slope
