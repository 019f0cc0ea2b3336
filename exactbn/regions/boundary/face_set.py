"""A closed set of faces of a complex, as a complex of its own: faces, pieces, components.

Without a box, and with maxima, an engine's complex is cut by more than the network and its domain:
by the walls of the fan that fills R^d, and by comparisons of entries that lose. The set is not, so
faces are joined. On the relative interior of a face of the set itself every neuron that counts has
one sign, and so has every row of the domain; two faces of the engine's complex on which all of
these signs are the same are parts of one such face, since the points of those signs are convex, and
its dimension is the greatest of theirs. (A comparison counts on a face that is below a d-face on
which it decides who wins. On such a d-face P the winner is affine and what loses is a maximum, so
the difference is concave and >= 0: where it is 0 in the relative interior of a face of P, it is 0
on all of it.)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import final

import numpy as np
from flint import fmpz
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.start import corner_points
from exactbn.engines.pattern_table import distinct_rows
from exactbn.exact.values import Value
from exactbn.model.arrays import read_only
from exactbn.model.domain import Domain
from exactbn.regions.boundary.classes import VertexSigns
from exactbn.regions.contests import looked_at
from exactbn.regions.levels import face_dimensions
from exactbn.regions.merging import are_regions
from exactbn.regions.partition import Partition

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Words = NDArray[np.uint64]


@final
@dataclass(frozen=True, eq=False)
class FaceSet(Value):
    """A closed set of faces of ``partition.lattice``, given by ``mask``, shape (faces,).

    With a face all its faces are in it but for those at infinity. ``signs`` are those of all
    neurons at all vertices. What is counted are the faces of the set itself, which are joined from
    those of the lattice where walls or comparisons cut these.
    """

    partition: Partition
    signs: VertexSigns
    mask: Mask

    @cached_property
    def members(self) -> Ints:
        """Return the faces of the lattice in the set, ascending."""
        return read_only(np.flatnonzero(self.mask))

    @cached_property
    def dims(self) -> Ints:
        """Return the dimension of each face of the set itself, shape (F,)."""
        own = face_dimensions(self.partition.lattice)[self.members].astype(np.int64)
        dims = np.zeros(self._count, dtype=np.int64)
        np.maximum.at(dims, self.face_of, own)
        return read_only(dims)

    @property
    def f_vector(self) -> tuple[int, ...]:
        """Return the numbers of faces of dimension 0, 1, ... up to d - 1, or d where there are."""
        size = max(self.partition.lattice.dim, int(self.dims.max(initial=-1)) + 1)
        return tuple(np.bincount(self.dims, minlength=size).tolist())

    @property
    def face_of(self) -> Ints:
        """Return for each member, in order, which face of the set it is part of."""
        return self._joined[0]

    @cached_property
    def maximal(self) -> Ints:
        """Return the faces of the set that are in no other one, ascending by dimension, shape (M,).

        Their union is the set.
        """
        covers = np.ones(self._count, dtype=np.bool_)
        number = np.full(len(self.mask), -1, dtype=np.int64)
        number[self.members] = self.face_of
        lattice = self.partition.lattice
        facets, owners = facets_of(lattice, self.members)
        below, above = number[facets], self.face_of[owners]
        covers[below[(below >= 0) & (below != above)]] = False
        found = np.flatnonzero(covers)
        return read_only(found[np.argsort(self.dims[found], kind="stable")])

    @cached_property
    def generators(self) -> tuple[Ints, Ints]:
        """Return the vertices, points and directions, of which each maximal face is the hull.

        As (indptr, vertices): those of ``maximal[i]`` are vertices[indptr[i]:indptr[i + 1]].
        """
        place = np.full(self._count, -1, dtype=np.int64)
        place[self.maximal] = np.arange(len(self.maximal))
        own_dim = face_dimensions(self.partition.lattice)[self.members]
        chosen = (place[self.face_of] >= 0) & (own_dim == self.dims[self.face_of])
        owners, vertices = vertices_of(self.partition.lattice, self.members[chosen])
        pairs = np.unique(np.stack((place[self.face_of[chosen]][owners], vertices)), axis=1)
        indptr = np.searchsorted(pairs[0], np.arange(len(self.maximal) + 1))
        return read_only(indptr.astype(np.int64)), read_only(pairs[1])

    @cached_property
    def component_of(self) -> Ints:
        """Return for each maximal face the component that it is in, numbered from 0.

        Two faces meet if and only if they share a vertex that is a point: the complex starts from
        cones that are pointed, and what two faces share is a face.
        """
        indptr, vertices = self.generators
        faces = np.repeat(np.arange(len(self.maximal)), np.diff(indptr))
        known = ~self.partition.lattice.is_at_infinity[vertices]
        points, number = np.unique(vertices[known], return_inverse=True)
        count = len(self.maximal) + len(points)
        pairs = (np.ones(len(number)), (faces[known], len(self.maximal) + number))
        _, found = connected_components(coo_array(pairs, shape=(count, count)), directed=False)
        _, labels = np.unique(found[: len(self.maximal)], return_inverse=True)
        return read_only(labels.astype(np.int64))

    @property
    def _count(self) -> int:
        return self._joined[1]

    @cached_property
    def _joined(self) -> tuple[Ints, int]:
        """Return which face of the set each member is part of, and how many there are."""
        part, members = self.partition, self.members
        if are_regions(part.domain, part.network) or not len(members):
            return read_only(np.arange(len(members))), len(members)
        lattice, network = part.lattice, part.network
        owners, vertices = vertices_of(lattice, members)
        first = np.searchsorted(owners, np.arange(len(members)))
        rows: list[Words] = [
            np.bitwise_or.reduceat(words[vertices], first, axis=0)
            for words in (self.signs.positive, self.signs.negative)
        ]
        if network.units:
            counts = looked_at(lattice.words, network.units, network.widths)
            below = or_below(lattice, counts)[members]
            rows = [words & below for words in rows] + [below]
        border = rows_at_vertices(part.domain, lattice)
        rows.append(np.bitwise_and.reduceat(border[vertices], first, axis=0))
        representatives, of_row = distinct_rows(np.concatenate(rows, axis=1))
        return read_only(of_row.astype(np.int64)), len(representatives)


def coordinates(part: Partition, vertices: Iterable[int]) -> list[tuple[fmpz, ...]]:
    """Return the exact homogeneous integer coordinates of vertices of a partition with faces."""
    faces = part.evidence.faces
    assert faces is not None
    return faces.points(vertices)


def facets_of(lattice: FaceLattice, faces: Ints) -> tuple[Ints, Ints]:
    """Return the facets of some faces, one list after the other, and the place of each one's face.

    Vertices have none.
    """
    sizes = lattice.indptr[faces + 1] - lattice.indptr[faces]
    offsets = np.repeat(lattice.indptr[faces] - np.cumsum(sizes) + sizes, sizes)
    facets = lattice.indices[offsets + np.arange(len(offsets))].astype(np.int64)
    return facets, np.repeat(np.arange(len(faces)), sizes)


def vertices_of(lattice: FaceLattice, faces: Ints) -> tuple[Ints, Ints]:
    """Return the pairs (place of a face, vertex of it), each once and ascending, as two arrays."""
    owners: Ints = np.arange(len(faces), dtype=np.int64)
    current: Ints = np.asarray(faces, dtype=np.int64)
    found = []
    while len(current):
        is_vertex = current < lattice.starts[1]
        found.append(np.stack((owners[is_vertex], current[is_vertex])))
        owners, current = owners[~is_vertex], current[~is_vertex]
        facets, places = facets_of(lattice, current)
        pairs = np.stack((owners[places], facets))
        owners, current = np.unique(pairs, axis=1).astype(np.int64) if pairs.size else pairs
    pairs = np.concatenate([np.empty((2, 0), dtype=np.int64), *found], axis=1)
    order = np.lexsort((pairs[1], pairs[0]))
    return pairs[0][order], pairs[1][order]


def or_below(lattice: FaceLattice, words: Words) -> Words:
    """Return of every face the bits of all d-faces that it is in, shape (faces, words)."""
    found = np.zeros((int(lattice.starts[-1]), words.shape[1]), dtype=np.uint64)
    found[lattice.starts[lattice.dim] :] = words
    sizes = np.diff(lattice.indptr)
    for k in range(lattice.dim, 0, -1):
        first, last = lattice.starts[k], lattice.starts[k + 1]
        facets = lattice.indices[lattice.indptr[first] : lattice.indptr[last]]
        np.bitwise_or.at(found, facets, np.repeat(found[first:last], sizes[first:last], axis=0))
    return found


def rows_at_vertices(domain: Domain, lattice: FaceLattice) -> Words:
    """Return of every vertex the rows of the domain that are tight there, as bits; (V, words).

    The bounds of a box are rows too. A vertex that a neuron made is between two others, and a row
    is tight there if and only if it is at both.
    """
    rows = [(b, *(-t for t in a)) for a, b in zip(domain.matrix, domain.bounds, strict=True)]
    if domain.box is not None:
        for axis, ends in enumerate(zip(domain.box.lo, domain.box.hi, strict=True)):
            unit = [Fraction(int(k == axis)) for k in range(domain.dim)]
            rows += [(end, *(-t for t in unit)) for end in ends]
    scales = [lcm(*(int(t.denominator) for t in row)) for row in rows]
    whole = [[int(t * scale) for t in row] for row, scale in zip(rows, scales, strict=True)]
    tight = np.zeros((len(lattice.parents), -(-len(rows) // 64)), dtype=np.uint64)
    neurons = lattice.parents[:, 2]
    corners = int(np.count_nonzero(lattice.parents[:, 0] < 0))
    at = corner_points(domain)
    for v, corner in enumerate(neurons[:corners].tolist()):
        point = at(corner)
        for i, row in enumerate(whole):
            if sum(s * t for s, t in zip(row, point, strict=True)) == 0:
                tight[v, i // 64] |= np.uint64(1 << i % 64)
    # The vertices of one neuron lie between those of earlier ones.
    begin = corners
    while begin < len(neurons):
        end = begin + int(np.searchsorted(neurons[begin:], neurons[begin], side="right"))
        one, other = lattice.parents[begin:end, :2].T
        tight[begin:end] = tight[one] & tight[other]
        begin = end
    return tight
