"""The region adjacency graph: regions are nodes, shared facets are edges.

As a sparse matrix and as tables it has any size that a partition has. As an object of networkx, or
as GraphML, a region costs kilobytes: these are made of up to :data:`MAX_GRAPH_REGIONS` regions.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse
from numpy.typing import NDArray

from exactbn.engines.run import Progress
from exactbn.errors import InputError
from exactbn.exact.rational import Vector, to_text
from exactbn.model.arrays import read_only
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.output import as_path, create_file

#: Regions up to which there is a graph of networkx, and GraphML.
MAX_GRAPH_REGIONS = 10**6

# Rows of a table that are written, and regions whose witnesses are found, between two reports.
_BATCH = 1000

_GRAPHML = {
    "xmlns": "http://graphml.graphdrawing.org/xmlns",
    "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xsi:schemaLocation": "http://graphml.graphdrawing.org/xmlns "
    "http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd",
}
# The kinds of remarks in its words, and the columns that say which node, which edge.
_KINDS = {bool: "boolean", int: "long", str: "string"}
_ENDS = {"node": {"id": "region"}, "edge": {"source": "source", "target": "target"}}


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

    def witnesses(self, regions: Iterable[int] | None = None) -> list[Vector]:
        """Return an exact point inside each region, or each of some."""


def adjacency_matrix(edges: NDArray[np.int32], num_regions: int) -> scipy.sparse.csr_array:
    """Return the symmetric 0/1 matrix of the pairs ``edges``, shape (regions, regions)."""
    i, j = edges[:, 0], edges[:, 1]
    ones = np.ones(2 * len(edges), dtype=np.int8)
    rows, columns = np.concatenate((i, j)), np.concatenate((j, i))
    matrix = scipy.sparse.csr_array((ones, (rows, columns)), shape=(num_regions, num_regions))
    for array in (matrix.data, matrix.indices, matrix.indptr):
        read_only(array)
    return matrix


def check_graph_size(num_regions: int, what: str) -> None:
    """Raise InputError if ``what``, networkx or GraphML, is not offered for so many regions."""
    if num_regions > MAX_GRAPH_REGIONS:
        raise InputError(
            f"{what} is offered up to {MAX_GRAPH_REGIONS} regions, as each takes kilobytes there, "
            f"and the partition has {num_regions}; take the sparse matrix (part.adjacency() in "
            "Python, --formats csr) or the tables (--formats tables)"
        )


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

    Raises
    ------
    InputError
        If there are more than :data:`MAX_GRAPH_REGIONS` regions.
    """
    check_graph_size(partition.num_regions, "a graph of networkx")
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
        columns |= _witness_columns(partition, range(partition.num_regions))
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


def write_graphml(
    partition: Regions, path: str | Path, *, progress: Progress | None = None
) -> None:
    """Write the region adjacency graph as GraphML. It is never read back: XML is no door.

    Nodes, edges and attributes are those of :func:`region_graph`. They are written one by one, so
    that the memory is that of the tables: networkx would build the whole document first.

    Raises
    ------
    InputError
        If there are more than :data:`MAX_GRAPH_REGIONS` regions, or the file cannot be written.
    """
    target = as_path(path)
    check_graph_size(partition.num_regions, "GraphML")
    nodes, edges = node_table(partition), edge_table(partition)
    with create_file(target, force=True) as stream:
        xml = XMLGenerator(stream, "utf-8", short_empty_elements=True)
        xml.startDocument()
        xml.startElement("graphml", AttributesImpl(_GRAPHML))
        remarks = _remarks(partition)
        kinds = {name: _KINDS[type(value)] for name, value in remarks.items()}
        keys = _declare(xml, "graph", kinds)
        of_node = _declare(xml, "node", _kinds(nodes, "node"))
        of_edge = _declare(xml, "edge", _kinds(edges, "edge"))
        xml.startElement("graph", AttributesImpl({"edgedefault": "undirected"}))
        _write_data(xml, keys, remarks)
        xml.characters("\n")
        done, total = 0, nodes.num_rows + edges.num_rows
        for tag, table, data in (("node", nodes, of_node), ("edge", edges, of_edge)):
            for rows in _batches(table):
                for row in rows:
                    ends = {end: str(row.pop(name)) for end, name in _ENDS[tag].items()}
                    xml.startElement(tag, AttributesImpl(ends))
                    _write_data(xml, data, row)
                    xml.endElement(tag)
                    xml.characters("\n")
                done += len(rows)
                if progress is not None:
                    progress(done, total, target.name)
        xml.endElement("graph")
        xml.endElement("graphml")
        xml.endDocument()


def _declare(xml: XMLGenerator, of: str, kinds: Mapping[str, str]) -> dict[str, str]:
    """Declare attributes of a graph, of its nodes or of its edges; return their keys by name."""
    keys = {name: f"{of}-{name}" for name in kinds}
    for name, kind in kinds.items():
        told = {"id": keys[name], "for": of, "attr.name": name, "attr.type": kind}
        xml.startElement("key", AttributesImpl(told))
        xml.endElement("key")
        xml.characters("\n")
    return keys


def _kinds(table: pa.Table, tag: str) -> dict[str, str]:
    """Return the kind, in the words of GraphML, of every column that is an attribute."""
    names = {pa.bool_(): "boolean", pa.int64(): "long", pa.float64(): "double"}
    fields = [field for field in table.schema if field.name not in _ENDS[tag].values()]
    return {field.name: names.get(field.type, "string") for field in fields}


def _batches(table: pa.Table) -> Iterator[list[dict[str, object]]]:
    """Yield the rows of a table in order, some at a time."""
    for batch in table.to_batches(max_chunksize=_BATCH):
        yield batch.to_pylist()


def _write_data(xml: XMLGenerator, keys: Mapping[str, str], values: Mapping[str, object]) -> None:
    """Write those attributes that have a value."""
    for name, value in values.items():
        if value is not None:
            xml.startElement("data", AttributesImpl({"key": keys[name]}))
            xml.characters(str(value).lower() if isinstance(value, bool) else str(value))
            xml.endElement("data")


def write_adjacency(
    partition: Regions, path: str | Path, *, progress: Progress | None = None
) -> None:
    """Write the symmetric 0/1 matrix of the adjacencies as ``scipy.sparse.load_npz`` reads it."""
    target, total = as_path(path), partition.num_regions
    if progress is not None:
        progress(0, total, target.name)
    matrix = adjacency_matrix(partition.edges, total)
    with create_file(target, force=True) as stream:
        scipy.sparse.save_npz(stream, matrix)


def write_tables(partition: Regions, directory: str | Path, *, witnesses: bool = True) -> None:
    """Write ``nodes.parquet`` and ``edges.parquet``."""
    folder = as_path(directory)
    nodes, edges = node_table(partition, witnesses=witnesses), edge_table(partition)
    for table, name in ((nodes, "nodes.parquet"), (edges, "edges.parquet")):
        with create_file(folder / name, force=True) as stream:
            pq.write_table(table, stream)


def write_witnesses(
    partition: Regions, path: str | Path, *, progress: Progress | None = None
) -> None:
    """Write an exact point strictly inside each region, as text, to a Parquet table.

    Its columns are ``region`` and ``witness``, d numbers p/q with spaces between them.
    """
    target = as_path(path)
    schema = _annotated(pa.table(_witness_columns(partition, range(0))), partition).schema
    total = partition.num_regions
    with create_file(target, force=True) as stream, pq.ParquetWriter(stream, schema) as writer:
        for start in range(0, total, _BATCH):
            regions = range(start, min(start + _BATCH, total))
            writer.write_table(pa.table(_witness_columns(partition, regions), schema=schema))
            if progress is not None:
                progress(regions.stop, total, target.name)


def _witness_columns(partition: Regions, regions: range) -> dict[str, pa.Array]:
    """Return the columns of a table of witnesses."""
    texts = [" ".join(map(to_text, point)) for point in partition.witnesses(regions)]
    return {"region": pa.array(regions, pa.int64()), "witness": pa.array(texts, pa.string())}


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
