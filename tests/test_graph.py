"""The region graph in all its forms: networkx, scipy, GraphML, Parquet, polygons."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import networkx as nx
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from exactbn.errors import DimensionError, LimitError
from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.regions.graph import write_graphml, write_tables
from exactbn.regions.partitioning import Partition, partition
from tests.agreement import patterns_of
from tests.examples import ABS, NETWORK_A, one_layer
from tests.strategies import problems
from tests.workload import load_workload

NAMES = ["bnc_2x8x8x1", "bnf_3x6x6x1", "deg_dead_neuron", "deg_all_parallel", "deg_central3"]


@pytest.fixture(params=NAMES)
def part(request: pytest.FixtureRequest) -> Partition:
    return partition(load_workload(request.param), (-1, 1))


def texts(part: Partition) -> list[str]:
    """Return the patterns as texts of 0 and 1."""
    return ["".join(map(str, name)) for name in patterns_of(part)]


def undirected(pairs: object) -> set[frozenset[int]]:
    """Return pairs of numbers without their order."""
    return {frozenset(map(int, pair)) for pair in pairs}  # type: ignore[attr-defined]


def test_graph(part: Partition) -> None:
    graph = part.graph()
    assert isinstance(graph, nx.Graph) and not graph.is_directed() and not graph.is_multigraph()
    assert list(graph.nodes) == list(range(part.num_regions))
    assert graph.number_of_edges() == part.num_adjacencies
    assert undirected(graph.edges) == undirected(part.edges)
    assert nx.is_connected(graph)
    assert graph.graph["regions"] == part.num_regions and graph.graph["complete"] is True
    names = texts(part)
    for i, attributes in graph.nodes(data=True):
        assert attributes["pattern"] == names[i]
        assert attributes["active"] == names[i].count("1")
    for i, j, attributes in graph.edges(data=True):
        differing = [k for k, (s, t) in enumerate(zip(names[i], names[j])) if s != t]
        assert attributes["neuron"] == differing[0] and attributes["flips"] == len(differing)


def test_attributes_are_flat_and_of_one_type(part: Partition) -> None:
    graph = part.graph()
    for items in ([a for _, a in graph.nodes(data=True)], [a for *_, a in graph.edges(data=True)]):
        for key in items[0]:
            (kind,) = {type(item[key]) for item in items}
            assert kind in (str, int, float, bool)
    assert {type(value) for value in graph.graph.values()} <= {str, int, float, bool}


def test_adjacency_matrix(part: Partition) -> None:
    matrix = part.adjacency()
    assert matrix.shape == (part.num_regions, part.num_regions)
    dense = matrix.toarray()
    assert (dense == dense.T).all() and not dense.diagonal().any()
    assert set(np.unique(dense)) <= {0, 1} and dense.sum() == 2 * part.num_adjacencies
    assert undirected(zip(*np.nonzero(dense))) == undirected(part.edges)


def test_graphml(part: Partition, tmp_path: Path) -> None:
    write_graphml(part, tmp_path / "graph.graphml")
    graph, again = part.graph(), nx.read_graphml(tmp_path / "graph.graphml", node_type=int)
    assert dict(again.nodes(data=True)) == dict(graph.nodes(data=True))
    assert {frozenset(e[:2]): e[2] for e in again.edges(data=True)} == {
        frozenset(e[:2]): e[2] for e in graph.edges(data=True)
    }
    assert again.graph["network"] == part.network.sha256


def test_tables(part: Partition, tmp_path: Path) -> None:
    write_tables(part, tmp_path)
    nodes = pq.read_table(tmp_path / "nodes.parquet").to_pydict()
    edges = pq.read_table(tmp_path / "edges.parquet").to_pydict()
    assert nodes["region"] == list(range(part.num_regions))
    assert nodes["pattern"] == texts(part)
    for i, text in enumerate(nodes["witness"]):
        assert part.region_of(text.split()) == i
    for middle, radius, i in zip(nodes["volume"], nodes["volume_radius"], nodes["region"]):
        assert abs(Fraction(middle) - part.volume(i)) <= Fraction(radius)
    assert all(s < t for s, t in zip(edges["source"], edges["target"]))
    assert undirected(zip(edges["source"], edges["target"])) == undirected(part.edges)
    graph = part.graph()
    for s, t, neuron, flips in zip(*(edges[k] for k in ("source", "target", "neuron", "flips"))):
        assert graph.edges[s, t] == {"neuron": neuron, "flips": flips}


def test_a_partition_of_one_region(tmp_path: Path) -> None:
    part = partition(one_layer([[1, 1]], [5]), (-1, 1))
    assert part.graph().number_of_nodes() == 1 and part.adjacency().nnz == 0
    assert part.edges.shape == (0, 2)
    write_graphml(part, tmp_path / "one.graphml")
    write_tables(part, tmp_path)
    assert pq.read_table(tmp_path / "edges.parquet").num_rows == 0


def test_an_incomplete_partition_says_so() -> None:
    with pytest.raises(LimitError) as caught:
        partition(NETWORK_A, (-20, 20), max_regions=5)
    part = caught.value.partial
    assert isinstance(part, Partition)
    graph = part.graph()
    assert graph.graph["complete"] is False
    assert graph.number_of_nodes() == part.num_regions


def test_adjacency_is_a_shared_facet_and_no_hamming_distance() -> None:
    # |x| - 1: the outermost intervals differ in one bit and are not adjacent.
    part = partition(ABS, (-2, 2))
    ends = [part.region_of(("-3/2",)), part.region_of(("3/2",))]
    names = texts(part)
    assert {names[i] for i in ends if i is not None} == {"01", "11"}
    assert not part.graph().has_edge(*ends)
    # Coincident neurons flip together: adjacent at Hamming distance 3.
    part = partition(one_layer([[1, 2], [2, 4], [-1, -2]], [1, 2, -1]), (-1, 1))
    assert set(texts(part)) == {"110", "001"} and part.graph().edges[0, 1]["flips"] == 3


def shoelace(points: NDArray[np.float64]) -> float:
    """Return the signed area of a float polygon."""
    x, y = points[:, 0], points[:, 1]
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2


def turns(points: NDArray[np.float64]) -> Iterator[float]:
    """Yield the cross products of consecutive sides."""
    sides = np.roll(points, -1, axis=0) - points
    for (a, b), (c, d) in zip(sides, np.roll(sides, -1, axis=0)):
        yield float(a * d - b * c)


def test_polygons_have_the_volumes_of_their_regions() -> None:
    part = partition(load_workload("bnc_2x8x8x1"), (-1, 1))
    polygons = part.polygons()
    assert len(polygons) == part.num_regions
    for i, points in enumerate(polygons):
        assert points.shape[1] == 2 and len(points) >= 3
        assert abs(shoelace(points)) == pytest.approx(float(part.volume(i)), abs=1e-12)
        senses = {turn > 0 for turn in turns(points) if abs(turn) > 1e-12}
        assert len(senses) <= 1, "the vertices are not in convex order"


@given(problems(dims=(2,), most_neurons={2: 8}))
@settings(max_examples=20, deadline=None)
def test_polygons_of_random_networks(problem: tuple[Network, Box]) -> None:
    part = partition(*problem)
    scale = float(part.box.volume)
    for i, points in enumerate(part.polygons()):
        assert abs(shoelace(points)) == pytest.approx(float(part.volume(i)), abs=1e-9 * scale)


def test_polygons_need_the_plane() -> None:
    with pytest.raises(DimensionError, match="regions with d = 2, the domain is .-1, 1..3"):
        partition(one_layer([[1, 1, 1]], [0]), (-1, 1)).polygons()


@pytest.mark.parametrize("engine", ["complex", "lp"])
def test_coordinates_beyond_the_range_of_floats_are_absent(engine: str, tmp_path: Path) -> None:
    """The band |x| < 1 of a box of 10^400 has its first coordinate, and no region has more."""
    network = one_layer([[1, 0], [-1, 0], [0, 1]], [1, 1, -(10**399)])
    part = partition(network, (-(10**400), 10**400), engine=engine)
    points = part.interior_points()
    assert not np.isinf(points).any() or engine == "lp"
    graph = part.graph()
    for i, point in enumerate(part.witnesses()):
        for axis, t in enumerate(point):
            name = f"x{axis}"
            if abs(t) < 2**1000:
                assert abs(graph.nodes[i][name] - t) <= abs(t) * Fraction(1, 2**53)
            elif abs(t) > 2**1024:
                assert name not in graph.nodes[i]
    band = part.region_of((0, 0))
    assert band is not None and abs(graph.nodes[band]["x0"]) < 1
    write_graphml(part, tmp_path / "graph.graphml")
    again = nx.read_graphml(tmp_path / "graph.graphml")
    assert [sorted(data) for _, data in again.nodes(data=True)] == [
        sorted(data) for _, data in graph.nodes(data=True)
    ]
    write_tables(part, tmp_path)
    column = pq.read_table(tmp_path / "nodes.parquet").column("x0").to_pylist()
    assert column == [graph.nodes[i].get("x0") for i in range(part.num_regions)]
