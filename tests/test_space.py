"""Partitions of all of R^d: a fan of cones in homogeneous coordinates, cut by the same engine."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from exactbn.errors import InputError, LimitError
from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.regions.partitioning import Partition, partition
from tests.strategies import problems
from tests.workload import TRUTH, load_workload

# x = 0, y = 0 and x + y = 1: a triangle, and six regions around it.
TRIANGLE = Network.from_arrays([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]], [[0, 0, -1], [0]])


def pairs_of_patterns(part: Partition) -> set[frozenset[bytes]]:
    """Return the adjacencies as pairs of patterns."""
    rows = [row.tobytes() for row in part.patterns]
    return {frozenset((rows[i], rows[j])) for i, j in part.edges.tolist()}


@pytest.mark.parametrize("name", [n for n in TRUTH if TRUTH[n]["Rd"]["regions"] <= 20_000])
def test_workload_counts(name: str) -> None:
    part = partition(load_workload(name))
    truth = TRUTH[name]["Rd"]
    assert (part.num_regions, part.num_adjacencies) == (truth["regions"], truth["adjacencies"])
    assert part.is_complete and part.f_vector is None


@pytest.mark.parametrize("name", [n for n in TRUTH if TRUTH[n]["Rd"]["regions"] <= 500])
def test_without_filter(name: str) -> None:
    usual, exact = (partition(load_workload(name), filter_factor=f) for f in (1, math.inf))
    np.testing.assert_array_equal(usual.patterns, exact.patterns)
    np.testing.assert_array_equal(usual.edges, exact.edges)
    np.testing.assert_array_equal(usual.is_unbounded, exact.is_unbounded)


@pytest.mark.parametrize("d", range(1, 6))
@pytest.mark.parametrize("n", [1, 2, 4, 7])
def test_zaslavsky(d: int, n: int) -> None:
    # Points of the moment curve are in general position, so the hyperplanes are generic; with
    # zero biases they are central.
    rows = [[(k + 1) ** i for i in range(d)] for k in range(n)]
    for biases, regions, bounded in (
        ([(k + 1) ** d for k in range(n)], sum(math.comb(n, i) for i in range(d + 1)),
         math.comb(n - 1, d)),
        ([0] * n, 2 * sum(math.comb(n - 1, i) for i in range(d)), 0),
    ):
        part = partition(Network.from_arrays([rows, [[1] * n]], [biases, [0]]))
        assert part.num_regions == regions
        assert np.count_nonzero(~part.is_unbounded) == bounded


def test_triangle() -> None:
    part = partition(TRIANGLE)
    assert (part.num_regions, part.num_adjacencies) == (7, 9)
    (inner,) = np.flatnonzero(~part.is_unbounded)
    assert part.volume(int(inner)) == Fraction(1, 2)
    middle, radius = part.volumes()
    assert abs(middle[inner] - 0.5) <= radius[inner] < 1e-12
    assert np.all(np.isinf(np.delete(middle, inner)))
    for i in range(7):
        assert part.region_of(part.witness(i)) == i
        matrix, offset = part.affine_map(i)
        x = part.witness(i)
        image = [sum(a * t for a, t in zip(row, x)) + b for row, b in zip(matrix, offset)]
        assert tuple(image) == TRIANGLE.forward(x)
    assert part.region_of((0, 5)) is None
    assert part.region_of((10**40, 10**40)) is not None


def test_what_needs_a_bound_is_refused() -> None:
    part = partition(TRIANGLE)
    unbounded = int(np.flatnonzero(part.is_unbounded)[0])
    with pytest.raises(InputError, match=f"region {unbounded} is unbounded"):
        part.volume(unbounded)
    with pytest.raises(InputError, match=r"of all of R\^2, expected one of a box"):
        _ = part.box
    with pytest.raises(InputError, match="is a direction at infinity"):
        part.vertex(1)


def test_a_neuron_through_no_region() -> None:
    part = partition(Network.from_arrays([[[0, 0]], [[1]]], [[1], [0]]))
    assert (part.num_regions, part.num_adjacencies) == (1, 0)
    assert part.region_of(part.witness(0)) == 0


def test_budget() -> None:
    with pytest.raises(LimitError, match="incomplete") as caught:
        partition(TRIANGLE, max_regions=3)
    partial = caught.value.partial
    assert isinstance(partial, Partition) and not partial.is_complete


def test_save_and_open(tmp_path: Path) -> None:
    part = partition(TRIANGLE)
    part.save(tmp_path / "saved")
    again = Partition.open(tmp_path / "saved")
    assert again.domain == part.domain and again.is_complete
    np.testing.assert_array_equal(again.edges, part.edges)
    np.testing.assert_array_equal(again.is_unbounded, part.is_unbounded)
    assert again.witnesses() == part.witnesses()


@given(problems())
@settings(max_examples=60, deadline=None)
def test_agrees_with_a_box_around_all_vertices(problem: tuple[Network, Box]) -> None:
    network, _ = problem
    space = partition(network)
    d = network.num_inputs
    finite = np.flatnonzero(~space.lattice.is_at_infinity)
    # The vertices of the fan hold those of the partition.
    size = max(abs(t) for v in finite for t in space.vertex(int(v))) + 1
    box = partition(network, (-size, size))
    assert {row.tobytes() for row in space.patterns} == {row.tobytes() for row in box.patterns}
    assert pairs_of_patterns(space) == pairs_of_patterns(box)
    volumes = {row.tobytes(): box.volume(i) for i, row in enumerate(box.patterns)}
    larger = partition(network, (-2 * size, 2 * size))
    grown = {row.tobytes(): larger.volume(i) for i, row in enumerate(larger.patterns)}
    for i, row in enumerate(space.patterns):
        key = row.tobytes()
        assert space.is_unbounded[i] == (grown[key] > volumes[key])
        if not space.is_unbounded[i]:
            assert space.volume(i) == volumes[key]
    assert d == space.domain.dim and space.is_complete


@pytest.mark.parametrize("seed", range(4))
def test_a_budget_of_regions_counts_no_pieces_of_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shapes = [(4, 3), (3, 4), (1, 3)]
    network = Network.from_arrays(
        [rng.integers(-5, 6, shape) for shape in shapes],
        [rng.integers(-5, 6, shape[0]) for shape in shapes],
    )
    whole = partition(network)
    within = partition(network, max_regions=whole.num_regions, on_budget="return")
    assert within == whole and within.is_complete
    for most in range(1, whole.num_regions):
        less = partition(network, max_regions=most, on_budget="return")
        assert less.stopped is None or less.num_regions > most
