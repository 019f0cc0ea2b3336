"""The faces of a partition of the complex engine: exact vertices, volumes, polygons."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import inf, isfinite
from typing import final

import numpy as np
from flint import fmpz
from numpy.typing import NDArray

from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.signs import ExactVertices
from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Vector
from exactbn.exact.values import Value
from exactbn.model.arrays import read_only
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.regions import geometry
from exactbn.regions.merging import MergedCells, are_regions, merge_cells

Floats = NDArray[np.float64]

# Vertices whose exact coordinates are looked at together.
_CHUNK = 4096


@final
@dataclass(frozen=True, eq=False)
class Faces(Value):
    """All faces of the complex into which ``network`` cuts ``domain``; regions are its d-faces.

    In all of R^d, d-faces of one pattern are parts of one region, see :attr:`cells`. Where it is
    known already which (of a partition that was saved), ``known_cells`` says so.
    """

    network: Network
    domain: Domain
    lattice: FaceLattice
    known_cells: MergedCells | None = None

    @cached_property
    def cells(self) -> MergedCells:
        """Return which region each d-face belongs to."""
        known = self.known_cells
        return merge_cells(self.lattice, self.domain, self.network) if known is None else known

    @property
    def words(self) -> NDArray[np.uint64]:
        """Return the patterns of the regions as bits, shape (regions, words)."""
        if self.known_cells is None and are_regions(self.domain, self.network):
            return self.lattice.words  # without a look at what is adjacent
        return self.cells.words

    @property
    def f_vector(self) -> tuple[int, ...] | None:
        """Return the numbers of vertices, edges, ..., regions, the domain's own faces included.

        None where the complex is cut by more than the regions: by the walls of the fan that there
        is without a box, or by comparisons of a maximum that are of entries which lose.
        """
        if self.domain.box is None or self.cells.is_merged:
            return None
        return self.lattice.f_vector

    def vertex(self, v: int) -> Vector:
        """Return the exact coordinates of vertex v of the complex.

        Raises
        ------
        InputError
            If there is no such vertex, or it is a direction at infinity.
        """
        count = self.lattice.f_vector[0]
        if not 0 <= v < count:
            raise InputError(f"vertex {v}, expected 0 to {count - 1}")
        point = self.points([v])[0]
        if point[0] == 0:
            raise InputError(f"vertex {v} is a direction at infinity, expected a point")
        return tuple(Fraction(int(t), int(point[0])) for t in point[1:])

    def volume(self, region: int) -> Fraction:
        """Return the exact volume of a region.

        Raises
        ------
        InputError
            If the region is unbounded.
        """
        if self.cells.is_unbounded[region]:
            raise InputError(f"region {region} is unbounded, expected a bounded one")
        cells = np.flatnonzero(self.cells.of_cell == region)
        volumes = (
            geometry.simplex_volume(self.points(simplex))
            for cell in cells
            for simplex in self._simplices(int(cell))
        )
        return sum(volumes, Fraction(0))

    @cached_property
    def volumes(self) -> tuple[Floats, Floats]:
        """Return (middle, radius): the volume of region i is within radius[i] of middle[i].

        Unbounded regions have the volume infinity.
        """
        middle, radius = geometry.volume_enclosures(self.lattice)
        if self.cells.is_merged or self.domain.box is None:
            unbounded = self.cells.is_unbounded
            additions = self.cells.sums(np.ones(len(middle))) - 1
            middle, radius = self.cells.sums(middle), self.cells.sums(radius)
            # Each addition rounds once; those of the radii are made good for by twice as much.
            rounding = additions * geometry.UNIT_ROUNDOFF
            radius = (radius + middle * rounding) * (geometry.VOLUME_INFLATION + 2 * rounding)
            middle, radius = np.where(unbounded, np.inf, middle), np.where(unbounded, 0, radius)
        return read_only(middle), read_only(radius)

    @cached_property
    def middles(self) -> Floats:
        """Return a float point near the middle of each region, shape (regions, d)."""
        return read_only(geometry.interior_points(self.lattice)[self.cells.cell])

    def centroid(self, region: int) -> Vector:
        """Return an exact point inside one simplex of a region: its centroid in a box."""
        simplex = self.points(self._simplices(int(self.cells.cell[region]))[0])
        # Directions are added to the centroid of the points.
        ends = [point for point in simplex if point[0] != 0]
        total = [Fraction(0)] * self.domain.dim
        for point in simplex:
            length = int(point[0]) * len(ends) or 1
            total = [t + Fraction(int(s), length) for t, s in zip(total, point[1:], strict=True)]
        return tuple(total)

    def fault(self) -> str | None:
        """Return the first thing that does not hold of the stored coordinates and regions.

        The exact coordinates of every vertex lie within its error bounds of the float ones (those
        of a ray for some length of it), and the regions are those that the lattice makes.
        """
        for begin in range(0, len(self.lattice.x), _CHUNK):
            rows = range(begin, min(begin + _CHUNK, len(self.lattice.x)))
            for v, point in zip(rows, self.points(rows), strict=True):
                if not self._encloses(v, point):
                    return f"the coordinates of vertex {v} are farther off than their bounds"
        made, known = merge_cells(self.lattice, self.domain, self.network), self.cells
        pairs = ("words", "of_cell", "cell", "is_unbounded")
        if not all(np.array_equal(getattr(made, name), getattr(known, name)) for name in pairs):
            return "the regions are not those of the cells"
        if not np.array_equal(_sorted(made.edges), _sorted(known.edges)):
            return "the adjacencies are not those of the facets"
        return None

    def _encloses(self, v: int, point: tuple[fmpz, ...]) -> bool:
        """Return whether some positive multiple of a ray is within the bounds of vertex v."""
        least, most = Fraction(0), None if self.domain.box is None else Fraction(1, int(point[0]))
        if most is not None:
            least = most
        for t, x, e in zip(point, self.lattice.x[v].tolist(), self.lattice.ex[v].tolist()):
            if e == inf:
                continue  # nothing is said: the coordinate may be beyond floats
            if not (isfinite(x) and e >= 0):
                return False
            low, high = Fraction(x) - Fraction(e), Fraction(x) + Fraction(e)
            if t == 0:
                if not low <= 0 <= high:
                    return False
                continue
            ends = sorted((low / int(t), high / int(t)))
            least = max(least, ends[0])
            most = ends[1] if most is None else min(most, ends[1])
        return most is None or (least <= most and most > 0)

    def polygons(self) -> list[Floats]:
        """Return the regions of a bounded plane domain as float polygons in order, for drawing."""
        if self.domain.dim != 2 or self.cells.is_unbounded.any():
            raise DimensionError(
                f"polygons need bounded regions with d = 2, the domain is {self.domain}"
            )
        polygons = geometry.polygons(self.lattice)
        return geometry.joined_polygons(self.lattice, self.cells.of_cell, polygons)

    def points(self, vertices: Iterable[int]) -> list[tuple[fmpz, ...]]:
        """Return the exact homogeneous integer coordinates of vertices, see :mod:`.start`."""
        return self._vertices.coordinates(vertices, self.lattice.parents)

    def _simplices(self, cell: int) -> NDArray[np.int64]:
        return geometry.simplices(self.lattice, cell, self._apexes)

    @cached_property
    def _apexes(self) -> NDArray[np.int32]:
        return geometry.least_vertices(self.lattice)

    @cached_property
    def _vertices(self) -> ExactVertices:
        return ExactVertices(self.network, [self.domain])


def _sorted(edges: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return pairs in ascending order."""
    return edges[np.lexsort((edges[:, 1], edges[:, 0]))]
