"""The oracles agree with each other and with the recorded counts, before any engine is asked."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings

from exactbn.model.domain import Box
from exactbn.model.network import Network
from tests.oracles import (
    central_count,
    generic_count,
    pattern_volume,
    polygon_partition,
    preactivation_maps,
    search_partition,
)
from tests.reference import reference_partition
from tests.strategies import problems
from tests.workload import TRUTH, load_workload

SMALL = [name for name in TRUTH if TRUTH[name]["box1"]["regions"] <= 460]


@pytest.mark.parametrize("name", SMALL)
def test_reference_gives_the_recorded_counts(name: str) -> None:
    network = load_workload(name)
    box = Box.of(-1, 1, network.num_inputs)
    answer = reference_partition(network, box)
    assert len(answer.regions) == TRUTH[name]["box1"]["regions"]
    assert len(answer.edges) == TRUTH[name]["box1"]["adjacencies"]


@pytest.mark.parametrize("name", [name for name in SMALL if "2x" in name or name == "deg_int2d_0"])
def test_polygons_agree_with_reference_on_workload(name: str) -> None:
    network = load_workload(name)
    box = Box.of(-1, 1, network.num_inputs)
    assert polygon_partition(network, box) == reference_partition(network, box, volumes=True)


@given(problems(dims=(1, 2)))
@settings(max_examples=60)
def test_polygons_agree_with_reference(problem: tuple[Network, Box]) -> None:
    assert polygon_partition(*problem) == reference_partition(*problem, volumes=True)


@given(problems(most_neurons={1: 6, 2: 5, 3: 4, 4: 3}))
@settings(max_examples=12)
def test_search_agrees_with_reference(problem: tuple[Network, Box]) -> None:
    pytest.importorskip("z3", reason="the search oracle needs z3")
    found = search_partition(*problem)
    answer = reference_partition(*problem)
    assert found.regions == answer.regions
    assert found.edges == answer.edges


@given(problems(dims=(2, 3), most_neurons={2: 6, 3: 4}))
@settings(max_examples=15)
def test_volumes_from_half_spaces_agree_with_reference(problem: tuple[Network, Box]) -> None:
    volumes = reference_partition(*problem, volumes=True).volumes
    assert volumes is not None
    assert {p: pattern_volume(*problem, p) for p in volumes} == volumes
    assert sum(volumes.values()) == problem[1].volume


@pytest.mark.parametrize(("d", "n"), list(product(range(1, 5), range(1, 7))))
def test_reference_counts_generic_and_central_arrangements(d: int, n: int) -> None:
    # Points (t, t^2, ..., t^d) of the moment curve: any d of the vectors, and any d + 1 of the
    # rows with bias, are independent.
    normals = [[Fraction(t) ** i for i in range(1, d + 1)] for t in range(1, n + 1)]
    # Inside a box of side 2^40 lie all vertices, whose coordinates are ratios of small minors.
    box = Box.of(-(2**40), 2**40, d)
    ones = [[1] * n]
    generic = Network.from_arrays([normals, ones], [[Fraction(1)] * n, [0]])
    central = Network.from_arrays([normals, ones], [[0] * n, [0]])
    assert len(reference_partition(generic, box).regions) == generic_count(n, d)
    assert len(reference_partition(central, box).regions) == central_count(n, d)


def test_closed_formulas_at_known_values() -> None:
    # Ten lines: 1 + 10 + 45; ten lines through a point: 20. Twelve hyperplanes in R^5.
    assert generic_count(10, 2) == 56 and central_count(10, 2) == 20
    assert generic_count(12, 5) == 1586 and central_count(12, 5) == 1124


def test_preactivation_maps_by_hand() -> None:
    # x -> |x| made of two ReLUs, then |x| - 1: on the left (pattern 0, 1) it is -x - 1.
    network = Network.from_arrays([[[1], [-1]], [[1, 1]], [[1]]], [[0, 0], [-1], [0]])
    maps = preactivation_maps(network, (0, 1, 0))
    one, zero = Fraction(1), Fraction(0)
    assert maps == [((one,), zero), ((-one,), zero), ((-one,), -one)]
