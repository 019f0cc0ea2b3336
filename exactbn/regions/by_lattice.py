"""Partitions of the complex engine: regions with all their faces, vertices and volumes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import ClassVar

import numpy as np
from flint import fmpz
from numpy.typing import NDArray

from exactbn.engines.complex.engine import Outcome, SignStatistics
from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.signs import ExactVertices
from exactbn.engines.proofs.complex_proof import write_complex
from exactbn.errors import DimensionError, InputError, InternalError
from exactbn.exact.rational import Vector, nearest_floats
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.regions import geometry
from exactbn.regions.merging import (
    Regions,
    regions_in_box,
    regions_in_space,
)
from exactbn.regions.partition import Partition
from exactbn.regions.structure import first_fault

# Binary digits after the point that a witness is tried with, the shortest first.
_WITNESS_BITS = (4, 8, 12, 16, 24, 36, 52, 80)


@dataclass(frozen=True, repr=False)
class LatticePartition(Partition):
    """A partition with the face lattice of the complex that subdivides the domain.

    ``neurons_done`` is less than the number of hidden neurons when a budget ended the run, and the
    regions are then those of the first neurons only.
    """

    domain: Domain
    faces: FaceLattice
    sign_counts: SignStatistics

    engine: ClassVar[str] = "complex"
    has_faces: ClassVar[bool] = True

    @classmethod
    def of(cls, network: Network, domain: Domain, outcome: Outcome) -> "LatticePartition":
        """Return the result of the engine as a partition that keeps its exact vertices."""
        result = cls(network, domain, outcome.neurons_done, outcome.lattice, outcome.statistics)
        result.__dict__["_vertices"] = outcome.vertices
        return result

    @property
    def lattice(self) -> FaceLattice:
        """Return the faces of the complex that subdivides the domain."""
        return self.faces

    @property
    def words(self) -> NDArray[np.uint64]:
        """Return the patterns as bits, shape (regions, words)."""
        return self._regions.words

    @property
    def f_vector(self) -> tuple[int, ...] | None:
        """Return the numbers of vertices, edges, ..., regions, the box's own faces included.

        None for all of R^d, whose complex is cut by walls that are not the network's.
        """
        return self.lattice.f_vector if self.domain.box is not None else None

    @property
    def edges(self) -> NDArray[np.int32]:
        """Return the adjacent pairs (i, j), i < j, shape (num_adjacencies, 2)."""
        return self._regions.edges

    @property
    def statistics(self) -> dict[str, int]:
        """Return how many signs were asked for, and how many needed exact arithmetic."""
        return {"signs": self.sign_counts.signs, "exact_signs": self.sign_counts.exact_signs}

    @cached_property
    def is_complete(self) -> bool:
        """Return whether the regions are established to fill the domain and to be all there are.

        True when all hidden neurons were processed and the faces prove it: see
        :func:`exactbn.regions.structure.first_fault`.
        """
        is_done = self.neurons_done == self.network.num_hidden
        return is_done and first_fault(self.network, self.domain, self.lattice) is None

    def witnesses(self, regions: Iterable[int] | None = None) -> list[Vector]:
        """Return an exact point strictly inside each region (all of them by default).

        Candidates are rounded float points, shortest first, and last the exact centroid of a
        simplex of the region; each is checked in integers before it is believed.
        """
        wanted = [self._checked(i) for i in self._all(regions)]
        found: dict[int, Vector] = {}
        rest = list(dict.fromkeys(wanted))
        for bits in _WITNESS_BITS:
            middles = zip(rest, self._middles[rest].tolist(), strict=True)
            candidates = {i: _rounded(x, bits) for i, x in middles if all(map(isfinite, x))}
            found |= self._location.confirmed(candidates)
            rest = [i for i in rest if i not in found]
            if not rest:
                break
        found |= self._location.confirmed({i: self._centroid(i) for i in rest})
        if len(found) < len(set(wanted)):
            lacking = next(i for i in wanted if i not in found)
            raise InternalError(f"region {lacking} has no witness; please report this network")
        return [found[i] for i in wanted]

    def volumes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (middle, radius): the volume of region i is within radius[i] of middle[i].

        Unbounded regions have the volume infinity.
        """
        return self._volumes

    @property
    def is_unbounded(self) -> NDArray[np.bool_]:
        """Return which regions are unbounded, shape (regions,); none in a box."""
        return self._regions.is_unbounded

    def volume(self, i: int) -> Fraction:
        """Return the exact volume of region i.

        Raises
        ------
        InputError
            If the region is unbounded.
        """
        if self.is_unbounded[self._checked(i)]:
            raise InputError(f"region {i} is unbounded, expected a bounded one")
        cells = np.flatnonzero(self._regions.of_cell == i)
        volumes = (
            geometry.simplex_volume(self._exact(simplex))
            for cell in cells
            for simplex in self._simplices(int(cell))
        )
        return sum(volumes, Fraction(0))

    def vertex(self, v: int) -> Vector:
        """Return the exact coordinates of vertex v of the complex.

        Raises
        ------
        InputError
            If the vertex is a direction at infinity.
        """
        point = self._exact([v])[0]
        if point[0] == 0:
            raise InputError(f"vertex {v} is a direction at infinity, expected a point")
        return tuple(Fraction(int(t), int(point[0])) for t in point[1:])

    def interior_points(self) -> NDArray[np.float64]:
        """Return a float point near the middle of each region, for drawing.

        Where the mean of its vertices leaves the range of floats it is a witness, rounded; a
        coordinate of that which is beyond the range itself is not a number.
        """
        points = self._middles.copy()
        for i in np.flatnonzero(~np.isfinite(points).all(axis=1)):
            points[i] = nearest_floats(self.witness(int(i)))
        return np.where(np.isfinite(points), points, np.nan)

    def polygons(self) -> list[NDArray[np.float64]]:
        """Return the regions of a plane partition as float polygons in order, for drawing."""
        if self.box.dim != 2:
            raise DimensionError(f"polygons need d = 2, got d = {self.box.dim}")
        return geometry.polygons(self.lattice)

    def _write_proof(self, path: Path, *, force: bool) -> None:
        counts = self.num_regions, self.num_adjacencies
        write_complex(path, self.network, self.domain, self.lattice, counts, force=force)

    # -- exact machinery, made when first used --------------------------------------------------

    @cached_property
    def _vertices(self) -> ExactVertices:
        return ExactVertices(self.network, [self.domain])

    @cached_property
    def _middles(self) -> NDArray[np.float64]:
        return geometry.interior_points(self.lattice)[self._regions.cell]

    @cached_property
    def _volumes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        middle, radius = geometry.volume_enclosures(self.lattice)
        if self.domain.box is not None:
            return middle, radius
        unbounded = self.is_unbounded
        middle, radius = self._regions.sums(middle), self._regions.sums(radius)
        # A region has no more parts than there are d-faces, and each addition rounds once.
        radius = radius + middle * len(self._regions.of_cell) * geometry.UNIT_ROUNDOFF
        return np.where(unbounded, np.inf, middle), np.where(unbounded, 0, radius)

    @cached_property
    def _apexes(self) -> NDArray[np.int32]:
        return geometry.least_vertices(self.lattice)

    def _simplices(self, cell: int) -> NDArray[np.int64]:
        return geometry.simplices(self.lattice, cell, self._apexes)

    @cached_property
    def _regions(self) -> Regions:
        return regions_in_box(self.lattice) if self.domain.box is not None else (
            regions_in_space(self.lattice)
        )

    def _centroid(self, i: int) -> Vector:
        """Return an exact point inside one simplex of region i: its centroid in a box."""
        simplex = self._exact(self._simplices(int(self._regions.cell[i]))[0])
        # Directions are added to the centroid of the points.
        ends = [point for point in simplex if point[0] != 0]
        total = [Fraction(0)] * self.domain.dim
        for point in simplex:
            length = int(point[0]) * len(ends) or 1
            total = [t + Fraction(int(s), length) for t, s in zip(total, point[1:], strict=True)]
        return tuple(total)

    def _exact(self, vertices: Iterable[int]) -> list[tuple[fmpz, ...]]:
        return self._vertices.coordinates(vertices, self.lattice.parents)


def _rounded(point: Sequence[float], bits: int) -> Vector:
    """Return a float point rounded to ``bits`` binary digits after the point."""
    return tuple(Fraction(round(Fraction(t) * 2**bits), 2**bits) for t in point)
