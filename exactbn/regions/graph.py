"""The region adjacency graph: regions are nodes, shared facets are edges."""

from pathlib import Path
from typing import Protocol

import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse
from numpy.typing import NDArray

from exactbn.exact.rational import Vector, to_text
from exactbn.model.arrays import read_only
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.output import as_path, create_file


class Regions(Protocol):
    """What the graph asks of a partition; :class:`exactbn.Partition` has it."""

    @property
    def network(self) -> Network:
        """Return the network."""

    @property
    def domain(self) -> Domain:
        """Return the domain."""

    @property
    def sigma_policy(self) -> str:
        """Return how sigma entered the network."""

    @property
    def num_regions(self) -> int:
        """Return the number of regions."""

    @property
    def patterns(self) -> NDArray[np.unsignedinteger]:
        """Return the patterns, shape (regions, neurons)."""

    @property
    def edges(self) -> NDArray[np.int32]:
        """Return the adjacent pairs, shape (E, 2)."""

    @property
    def is_unbounded(self) -> NDArray[np.bool_]:
        """Return which regions are unbounded."""

    @property
    def is_complete(self) -> bool:
        """Return whether these are all regions."""

    @property
    def has_faces(self) -> bool:
        """Return whether there are volumes."""

    def volumes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return enclosures of the volumes."""

    def interior_points(self) -> NDArray[np.float64]:
        """Return a float point inside each region."""

    def witnesses(self) -> list[Vector]:
        """Return an exact point inside each region."""


def adjacency_matrix(edges: NDArray[np.int32], num_regions: int) -> scipy.sparse.csr_array:
    """Return the symmetric 0/1 matrix of the pairs ``edges``, shape (regions, regions)."""
    i, j = edges[:, 0], edges[:, 1]
    ones = np.ones(2 * len(edges), dtype=np.int8)
    rows, columns = np.concatenate((i, j)), np.concatenate((j, i))
    matrix = scipy.sparse.csr_array((ones, (rows, columns)), shape=(num_regions, num_regions))
    for array in (matrix.data, matrix.indices, matrix.indptr):
        read_only(array)
    return matrix


def region_graph(partition: Regions) -> nx.Graph:
    """Return the region adjacency graph.

    A node is a region's number, an edge a shared facet of the complex (never a Hamming distance).
    All attributes are flat and of one type each, so that every file format takes them.

    Node attributes: ``pattern`` (text of 0 and 1), ``active`` (neurons on), ``unbounded``,
    ``volume`` and ``volume_radius`` (an enclosure; infinite where unbounded; absent where the
    engine makes no volumes), ``x0``, ``x1``, ... (a float point inside, for drawing; a coordinate
    beyond the range of floats is absent, and null in a table).
    Edge attributes: ``neuron`` (the first neuron that differs), ``flips`` (how many differ).
    Graph attributes: ``regions``, ``complete``, ``sigma_policy``, ``network`` (its SHA-256),
    ``domain``.
    """
    graph = nx.Graph(**_remarks(partition))
    nodes = node_table(partition).to_pydict()
    names = [name for name in nodes if name != "region"]
    for i, *values in zip(nodes["region"], *(nodes[name] for name in names), strict=True):
        known = {k: v for k, v in zip(names, values, strict=True) if v is not None}
        graph.add_node(i, **known)
    edges = edge_table(partition).to_pydict()
    for i, j, neuron, flips in zip(*edges.values(), strict=True):
        graph.add_edge(i, j, neuron=neuron, flips=flips)
    return graph


def node_table(partition: Regions, *, witnesses: bool = False) -> pa.Table:
    """Return the regions as a table, with exact witnesses as text if asked for."""
    points = partition.interior_points()
    patterns = partition.patterns
    columns: dict[str, object] = {
        "region": np.arange(partition.num_regions),
        "pattern": _texts(patterns),
        "active": (patterns > 0).sum(axis=1, dtype=np.int64),
        "unbounded": partition.is_unbounded,
        **_volumes(partition),
        **{f"x{axis}": pa.array(t, mask=~np.isfinite(t)) for axis, t in enumerate(points.T)},
    }
    if witnesses:
        columns["witness"] = [" ".join(map(to_text, point)) for point in partition.witnesses()]
    return _annotated(pa.table(columns), partition)


def _volumes(partition: Regions) -> dict[str, NDArray[np.float64]]:
    """Return the enclosures of the volumes, where the engine has volumes."""
    if not partition.has_faces:
        return {}
    return dict(zip(("volume", "volume_radius"), partition.volumes(), strict=True))


def edge_table(partition: Regions) -> pa.Table:
    """Return the adjacencies as a table: source < target, first neuron that differs, flips."""
    edges = partition.edges
    source, target = edges[:, 0], edges[:, 1]
    differing = partition.patterns[source] != partition.patterns[target]
    columns = {
        "source": source.astype(np.int64),
        "target": target.astype(np.int64),
        "neuron": differing.argmax(axis=1) if differing.size else np.zeros(0, dtype=np.int64),
        "flips": differing.sum(axis=1, dtype=np.int64),
    }
    return _annotated(pa.table(columns), partition)


def write_graphml(partition: Regions, path: str | Path) -> None:
    """Write the region adjacency graph as GraphML. It is never read back: XML is no door."""
    graph = region_graph(partition)
    with create_file(path, force=True) as stream:
        nx.write_graphml_xml(graph, stream)


def write_tables(partition: Regions, directory: str | Path, *, witnesses: bool = True) -> None:
    """Write ``nodes.parquet`` and ``edges.parquet``."""
    folder = as_path(directory)
    nodes, edges = node_table(partition, witnesses=witnesses), edge_table(partition)
    for table, name in ((nodes, "nodes.parquet"), (edges, "edges.parquet")):
        with create_file(folder / name, force=True) as stream:
            pq.write_table(table, stream)


def _texts(patterns: NDArray[np.unsignedinteger]) -> list[str]:
    """Return patterns as texts of digits, with commas where a label has more than one."""
    if patterns.size and patterns.max() > 9:
        return [",".join(map(str, row)) for row in patterns.tolist()]
    letters = (patterns + ord("0")).astype(np.uint8)
    return [row.tobytes().decode() for row in letters]


def _remarks(partition: Regions) -> dict[str, str | int | bool]:
    """Return what the graph is of."""
    return {
        "regions": partition.num_regions,
        "complete": partition.is_complete,
        "sigma_policy": partition.sigma_policy,
        "network": partition.network.sha256,
        "domain": str(partition.domain),
    }


def _annotated(table: pa.Table, partition: Regions) -> pa.Table:
    """Return the table with the graph's remarks as metadata."""
    return table.replace_schema_metadata({k: str(v) for k, v in _remarks(partition).items()})
