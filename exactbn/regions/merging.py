"""From the d-faces of a complex to the regions of a partition.

In a box every d-face is a region. Of all of R^d the complex is a fan whose first walls are not the
network's: d-faces of equal pattern are parts of one region.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.lattice import FaceLattice

Ints = NDArray[np.int32]

_MIXER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Regions:
    """The regions of a complex, numbered in the order of their first d-face.

    ``words``, shape (R, words), are their patterns; ``edges``, shape (E, 2), the pairs i < j that
    share a facet; ``of_cell``, shape (d-faces,), the region of each d-face; ``cell``, shape (R,),
    the first d-face of each region; ``is_unbounded``, shape (R,).
    """

    words: NDArray[np.uint64]
    edges: Ints
    of_cell: NDArray[np.int64]
    cell: NDArray[np.int64]
    is_unbounded: NDArray[np.bool_]

    @property
    def is_merged(self) -> bool:
        """Return whether some region consists of several d-faces."""
        return len(self.cell) < len(self.of_cell)

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sums over the d-faces of each region."""
        return np.bincount(self.of_cell, values, len(self.cell)).astype(np.float64)


def regions_in_box(lattice: FaceLattice) -> Regions:
    """Return the d-faces themselves as regions."""
    cells = np.arange(lattice.num_regions)
    bounded = np.zeros(len(cells), dtype=bool)
    return Regions(lattice.words, lattice.edges, cells, cells, bounded)


def regions_in_space(lattice: FaceLattice) -> Regions:
    """Return the regions of a fan: d-faces of equal pattern, joined across the first walls."""
    first, of_cell = _distinct(lattice.words)
    pairs = np.sort(of_cell[lattice.edges], axis=1)
    keys = np.unique(pairs[pairs[:, 0] < pairs[:, 1]] @ [len(first), 1])
    edges = np.stack(np.divmod(keys, len(first)), axis=1).astype(np.int32)
    unbounded = np.zeros(len(first), dtype=bool)
    reaches_infinity = _with_vertex(lattice, lattice.is_at_infinity, lattice.dim)
    unbounded[of_cell[reaches_infinity]] = True
    return Regions(lattice.words[first], edges, of_cell, first, unbounded)


def _distinct(words: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row of each distinct pattern, ascending, and which one each row is."""
    # One number a row sorts much faster than a row; equal numbers are looked at again.
    factors = np.arange(words.shape[1], dtype=np.uint64) * _MIXER | np.uint64(1)
    keys = (words ^ (words >> np.uint64(29))) @ factors
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    if np.any(words[first[inverse]] != words):
        _, first, inverse = np.unique(words, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse.reshape(-1)]


def boundary_is_on_box(lattice: FaceLattice) -> bool:
    """Return whether every facet of one d-face only lies in a facet of the box.

    A coordinate that is constant on a facet of the box is interpolated between equal floats, so
    all its vertices have the very float that the corners have there.
    """
    d = lattice.dim
    inside = lattice.owners[:, 1] < 0
    corners = lattice.x[lattice.parents[:, 0] < 0, 1:]
    for axis in range(d):
        for side in (corners[:, axis].min(), corners[:, axis].max()):
            inside &= _with_vertex(lattice, lattice.x[:, 1 + axis] != side, d - 1)
    return not np.any(inside)


def boundary_is_at_infinity(lattice: FaceLattice) -> bool:
    """Return whether every facet of one d-face only has no vertex but directions at infinity."""
    outer = lattice.owners[:, 1] < 0
    return not np.any(_with_vertex(lattice, ~lattice.is_at_infinity, lattice.dim - 1)[outer])


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
