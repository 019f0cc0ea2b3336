"""The face lattice of a subdivision, frozen."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex import numbering
from exactbn.errors import InternalError
from exactbn.exact.values import Value
from exactbn.model.arrays import read_only

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FaceLattice(Value):
    """All faces of a polyhedral complex, each as the list of its facets.

    Faces are numbered by dimension: the k-faces are ``starts[k]`` to ``starts[k + 1]``, and the
    facets of face f are ``indices[indptr[f]:indptr[f + 1]]``. Vertex i has the parents
    ``parents[i]`` = (a, b, neuron): it is the zero of that hidden neuron between the vertices a
    and b; a corner has (-1, domain, corner). ``x`` and ``ex`` are its homogeneous float coordinates
    and proven bounds of their errors, shape (V, 1 + d); column 0 is 1 in a box, and 0 for a
    direction at infinity. ``words`` holds the activation patterns of the d-faces, 64 neurons of
    one layer a word, and ``component`` the domain of each.
    """

    starts: NDArray[np.int64]
    indptr: NDArray[np.int64]
    indices: Ints
    parents: Ints
    x: Floats
    ex: Floats
    words: NDArray[np.uint64]
    component: Ints

    def __post_init__(self) -> None:
        # Arrays that may be written to are another type for compiled loops: one type, one compile.
        for array in vars(self).values():
            read_only(array)

    @property
    def dim(self) -> int:
        """Return d."""
        return len(self.starts) - 2

    @property
    def f_vector(self) -> tuple[int, ...]:
        """Return the numbers of faces of dimension 0 to d."""
        return tuple(int(count) for count in np.diff(self.starts))

    @property
    def num_regions(self) -> int:
        """Return the number of d-faces."""
        return len(self.component)

    @property
    def euler_characteristic(self) -> int:
        """Return the alternating sum of the f-vector: 1 for every convex component."""
        return sum((-1) ** k * count for k, count in enumerate(self.f_vector))

    @cached_property
    def is_at_infinity(self) -> NDArray[np.bool_]:
        """Return which vertices are directions at infinity: their x_0 is exactly 0."""
        return read_only((self.x[:, 0] == 0) & (self.ex[:, 0] == 0))

    @cached_property
    def owners(self) -> Ints:
        """Return the one or two regions of every facet, shape (facets, 2), -1 for none."""
        d = self.dim
        owners = np.full((self.f_vector[d - 1], 2), -1, dtype=np.int32)
        regions = self.indptr[self.starts[d] :]
        if numbering.facet_owners(regions, self.indices, self.starts[d - 1], owners):
            raise InternalError("a facet lies in more than two regions; please report this network")
        return read_only(owners)

    @cached_property
    def edges(self) -> Ints:
        """Return the pairs (i, j), i < j, of regions that share a facet, one row a facet."""
        owners = self.owners
        return read_only(owners[owners[:, 1] >= 0])


def check_euler(lattice: FaceLattice, components: int) -> None:
    """Raise an error where Euler's relation does not hold of a lattice with so many components.

    Raises
    ------
    InternalError
        Which tells the numbers.
    """
    if lattice.euler_characteristic != components:
        raise InternalError(
            f"Euler's relation fails: the alternating sum of {lattice.f_vector} is "
            f"{lattice.euler_characteristic}, expected {components}; please report this"
        )


def components(lattice: FaceLattice, count: int) -> list[FaceLattice]:
    """Return the lattices of the ``count`` domains that one lattice is of, in its order."""
    d, starts = lattice.dim, lattice.starts
    sizes = np.diff(lattice.indptr)
    of_face = np.empty(int(starts[-1]), dtype=np.int32)
    of_face[starts[d] :] = lattice.component
    for k in range(d, 0, -1):
        first, last = lattice.indptr[starts[k]], lattice.indptr[starts[k + 1]]
        owners = np.repeat(of_face[starts[k] : starts[k + 1]], sizes[starts[k] : starts[k + 1]])
        of_face[lattice.indices[first:last]] = owners
    # A stable order keeps that by dimension, and so the vertices before all others.
    order = np.argsort(of_face, kind="stable")
    faces = np.concatenate(([0], np.cumsum(np.bincount(of_face, minlength=count))))
    number = np.empty(len(order), dtype=np.int32)
    number[order] = np.arange(len(order)) - faces[of_face[order]]
    dims = np.repeat(np.arange(d + 1), np.diff(starts))
    table = np.bincount(of_face * np.int64(d + 1) + dims, minlength=count * (d + 1))
    table = table.reshape(count, d + 1)
    ends = np.concatenate((np.zeros((count, 1), dtype=np.int64), np.cumsum(table, axis=1)), axis=1)
    entries = np.argsort(np.repeat(of_face, sizes), kind="stable")
    indices = number[lattice.indices[entries]]
    indptr = np.concatenate(([0], np.cumsum(sizes[order])))
    vertices = np.argsort(of_face[: starts[1]], kind="stable")
    parents = lattice.parents[vertices]
    made = parents[:, 0] >= 0
    parents[made, :2] = number[parents[made, :2]]
    parents[~made, 1] = 0
    x, ex = lattice.x[vertices], lattice.ex[vertices]
    words = lattice.words[np.argsort(lattice.component, kind="stable")]
    of_vertex, of_cell = (np.cumsum(column) for column in (table[:, 0], table[:, d]))
    result = []
    for i in range(count):
        lists = indptr[faces[i] : faces[i + 1] + 1]
        points = slice(of_vertex[i] - table[i, 0], of_vertex[i])
        result.append(
            FaceLattice(
                starts=ends[i],
                indptr=lists - lists[0],
                indices=indices[lists[0] : lists[-1]],
                parents=parents[points],
                x=x[points],
                ex=ex[points],
                words=words[of_cell[i] - table[i, d] : of_cell[i]],
                component=np.zeros(table[i, d], dtype=np.int32),
            )
        )
    return result
