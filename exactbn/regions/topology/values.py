"""The exact values of a function of the outputs at the vertices of a partition, and their order.

f is affine on every region, so on every face it lies between its least and its greatest value at
the vertices. Without a box some vertices are directions u: along x + t u from a point x of a face
that has this vertex f is f(x) + t s, s the slope, and goes to -oo, stays, or goes to +oo.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from exactbn.errors import InputError
from exactbn.exact.rational import Vector
from exactbn.exact.values import Value
from exactbn.model.arrays import read_only
from exactbn.regions.faces import Faces
from exactbn.regions.levels import functional

if TYPE_CHECKING:
    from exactbn.engines.complex.lattice import FaceLattice
    from exactbn.regions.partition import Partition

Ranks = NDArray[np.int64]

# Vertices that are evaluated together.
_CHUNK = 1024


@final
@dataclass(frozen=True, eq=False)
class VertexValues(Value):
    """The values of f at the vertices of a complex, exact and in order.

    ``levels`` are the different values at vertices that are points, ascending. ``ranks``, shape
    (V,), says which of them a vertex has. A direction at infinity has -1 where the slope of f along
    it is below 0, len(levels) where it is above, and one more where f does not change.
    """

    lattice: "FaceLattice"
    levels: tuple[Fraction, ...]
    ranks: Ranks

    @cached_property
    def least(self) -> Ranks:
        """Return the rank of the infimum of f on each face, shape (faces,).

        Of no meaning for faces at infinity.
        """
        return read_only(_over_faces(self.lattice, self.ranks, np.minimum))

    @cached_property
    def greatest(self) -> Ranks:
        """Return the rank of the greatest value of f on each face of a bounded domain."""
        return read_only(_over_faces(self.lattice, self.ranks, np.maximum))


def vertex_values(part: "Partition", output: object = None) -> VertexValues:
    """Return the exact values of a function of the outputs at the vertices of a partition.

    ``output`` as for :func:`exactbn.regions.levels.level_partition`.

    Raises
    ------
    InputError, DimensionError
        If the partition is incomplete or has no faces, or f is no function of the outputs.
    """
    row = functional(part.network, output)
    if part.stopped is not None:
        raise InputError(f"the partition is incomplete, {part.stopped}, so f is not affine on it")
    lattice = part.lattice
    faces = Faces(part.network, part.domain, lattice)
    ends = lattice.is_at_infinity
    numbers: list[Fraction] = []
    for chunk in _chunks(np.flatnonzero(~ends)):
        numbers += _values(faces, row, chunk)
    levels = sorted(set(numbers))
    place = {value: i for i, value in enumerate(levels)}
    ranks = np.empty(len(ends), dtype=np.int64)
    ranks[~ends] = [place[value] for value in numbers]
    slopes = [s for chunk in _chunks(np.flatnonzero(ends)) for s in _slopes(faces, row, chunk)]
    of_slope = {-1: -1, 0: len(levels) + 1, 1: len(levels)}
    ranks[ends] = [of_slope[(s > 0) - (s < 0)] for s in slopes]
    return VertexValues(lattice, tuple(levels), read_only(ranks))


def _chunks(vertices: NDArray[np.int64]) -> Iterator[list[int]]:
    """Yield the vertices in batches."""
    for begin in range(0, len(vertices), _CHUNK):
        yield vertices[begin : begin + _CHUNK].tolist()


def _values(faces: Faces, row: Vector, vertices: list[int]) -> list[Fraction]:
    """Return f at some points."""
    network = faces.network
    last = len(network.blocks) - 1
    outputs = network.integers.values(_columns(faces, vertices), last)
    wanted = [(k, a) for k, a in enumerate(row) if a]
    return [sum((a * of_x[k] for k, a in wanted), Fraction(0)) for of_x in outputs]


def _slopes(faces: Faces, row: Vector, vertices: list[int]) -> list[Fraction]:
    """Return positive multiples of the slopes of f along some directions."""
    network = faces.network
    last = len(network.blocks) - 1
    numerators, _ = network.integers.evaluate(_columns(faces, vertices), last)[-1]
    factors = [a / scale for a, scale in zip(row, network.integers.blocks[last].scales)]
    return [
        sum((a * int(numerators[k, i]) for k, a in enumerate(factors) if a), Fraction(0))
        for i in range(len(vertices))
    ]


def _columns(faces: Faces, vertices: list[int]) -> fmpz_mat:
    """Return homogeneous points as the columns of a matrix."""
    return fmpz_mat([list(row) for row in zip(*faces.points(vertices), strict=True)])


def _over_faces(lattice: "FaceLattice", of_vertex: Ranks, best: np.ufunc) -> Ranks:
    """Return the least or the greatest number of the vertices of each face."""
    found = np.empty(int(lattice.starts[-1]), dtype=np.int64)
    found[: lattice.starts[1]] = of_vertex
    for k in range(1, lattice.dim + 1):
        first, last = lattice.starts[k], lattice.starts[k + 1]
        lists = lattice.indptr[first : last + 1]
        if first < last:
            own = found[lattice.indices[lists[0] : lists[-1]]]
            found[first:last] = best.reduceat(own, lists[:-1] - lists[0])
    return found
