"""From the cells that an engine has found to the regions of a partition.

A cell of the complex engine is a d-face, one of the LP engine what one pattern of all units of the
layers holds. In a box, cut by rows or not, every cell is a region where units are of two pieces.
Without a box the complex is a fan whose first walls are not the network's, and a maximum compares
entries that lose: cells of equal label are parts of one region.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.pattern_table import distinct_rows
from exactbn.model.arrays import read_only
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.regions.contests import deciding

Ints = NDArray[np.int32]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MergedCells:
    """The d-faces of a complex as regions, numbered in the order of their first d-face.

    ``words``, shape (R, words), are the patterns of their first d-faces; ``edges``, shape (E, 2),
    the pairs i < j that share a facet; ``of_cell``, shape (d-faces,), the region of each d-face;
    ``cell``, shape (R,), the first d-face of each region; ``is_unbounded``, shape (R,).
    """

    words: NDArray[np.uint64]
    edges: Ints
    of_cell: Numbers
    cell: Numbers
    is_unbounded: NDArray[np.bool_]

    @property
    def is_merged(self) -> bool:
        """Return whether some region consists of several d-faces."""
        return len(self.cell) < len(self.of_cell)

    def members(self, region: int) -> Numbers:
        """Return the d-faces of a region, ascending."""
        order, starts = self._order
        return order[starts[region] : starts[region + 1]]

    @cached_property
    def _order(self) -> tuple[Numbers, Numbers]:
        """Return the d-faces in the order of their regions, and where those of each begin."""
        counts = np.bincount(self.of_cell, minlength=len(self.cell))
        return np.argsort(self.of_cell, kind="stable"), np.append(0, np.cumsum(counts))

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sums over the d-faces of each region."""
        return np.bincount(self.of_cell, values, len(self.cell)).astype(np.float64)


def merge_cells(lattice: FaceLattice, domain: Domain, network: Network) -> MergedCells:
    """Return the regions of a complex that subdivides a domain."""
    labels = cell_labels(lattice, domain, network)
    return _cells_of_box(lattice) if labels is None else _joined(lattice, labels)


def cell_labels(
    lattice: FaceLattice, domain: Domain, network: Network
) -> NDArray[np.uint64] | None:
    """Return rows of words, equal where d-faces are parts of one region of a domain.

    None where every d-face is a region.
    """
    if are_regions(domain, network):
        return None
    return labels_of_words(network, lattice.words)


def are_regions(domain: Domain, network: Network) -> bool:
    """Return whether every d-face of a complex that subdivides the domain is a region."""
    return domain.box is not None and not network.units


def grouped(network: Network, words: NDArray[np.uint64]) -> tuple[Numbers, Numbers]:
    """Return the first cell of each region and the region of each cell, of cells that differ.

    ``words`` are the patterns of the cells; a region is where labels are equal.
    """
    if not network.units:
        cells = np.arange(len(words))
        return read_only(cells), read_only(cells)
    first, of_cell = distinct_rows(labels_of_words(network, words))
    return read_only(first), read_only(of_cell)


def labels_of_words(network: Network, words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return rows of words that are equal where the labels of patterns are."""
    return deciding(words, network.units, network.widths) if network.units else words


def joined_edges(edges: Ints | Numbers, of_cell: Numbers, count: int) -> Ints:
    """Return the pairs i < j of ``count`` regions that share a facet, from those of cells."""
    one, other = of_cell[edges[:, 0]], of_cell[edges[:, 1]]
    keys = np.minimum(one, other) * count + np.maximum(one, other)
    # Sorted by hand: np.unique makes a table of hashes first, which takes several times as long.
    keys = np.sort(keys[one != other])
    keys = keys[np.diff(keys, prepend=-1) > 0]
    return np.stack(np.divmod(keys, count), axis=1).astype(np.int32)


def _cells_of_box(lattice: FaceLattice) -> MergedCells:
    """Return the d-faces themselves as regions."""
    cells = read_only(np.arange(lattice.num_regions))
    bounded = read_only(np.zeros(len(cells), dtype=bool))
    return MergedCells(lattice.words, read_only(lattice.edges), cells, cells, bounded)


def _joined(lattice: FaceLattice, labels: NDArray[np.uint64]) -> MergedCells:
    """Return the regions that d-faces of equal labels are, each with the pattern of the first."""
    first, of_cell = distinct_rows(labels)
    edges = joined_edges(lattice.edges, of_cell, len(first))
    unbounded = np.zeros(len(first), dtype=bool)
    reaches_infinity = _with_vertex(lattice, lattice.is_at_infinity, lattice.dim)
    unbounded[of_cell[reaches_infinity]] = True
    for array in (edges, of_cell, first, unbounded):
        array.setflags(write=False)
    return MergedCells(read_only(lattice.words[first]), edges, of_cell, first, unbounded)


def _with_vertex(
    lattice: FaceLattice, chosen: NDArray[np.bool_], dim: int
) -> NDArray[np.bool_]:
    """Return which faces of dimension ``dim`` have a vertex among the chosen ones."""
    starts, indptr = lattice.starts, lattice.indptr
    flags = np.zeros(int(starts[-1]), dtype=bool)
    flags[: starts[1]] = chosen
    for k in range(1, dim + 1):
        begin, end = int(starts[k]), int(starts[k + 1])
        facets = lattice.indices[indptr[begin] : indptr[end]]
        flags[begin:end] = np.logical_or.reduceat(flags[facets], indptr[begin:end] - indptr[begin])
    return flags[starts[dim] : starts[dim + 1]]
