"""The partition of a box into the activation regions of a network."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from flint import fmpz
from numpy.typing import NDArray

from exactbn import geometry
from exactbn.complex.engine import Budget, Outcome, Progress, SignStatistics, subdivide
from exactbn.complex.lattice import FaceLattice
from exactbn.complex.signs import ExactVertices
from exactbn.domain import Box, Domain, Space
from exactbn.errors import DimensionError, InputError, InternalError, LimitError
from exactbn.location import Location
from exactbn.network import Network
from exactbn.patterns import unpack
from exactbn.proofs.complex_proof import write_complex
from exactbn.proofs.writing import check_target
from exactbn.rational import Matrix, Vector
from exactbn.regions import (
    Regions,
    boundary_is_at_infinity,
    boundary_is_on_box,
    regions_in_box,
    regions_in_space,
)

if TYPE_CHECKING:
    import networkx
    import scipy.sparse

# Binary digits after the point that a witness is tried with, the shortest first.
_WITNESS_BITS = (4, 8, 12, 16, 24, 36, 52, 80)

# Axes up to which the volumes are looked at before a partition is called complete.
_MOST_AXES = 7


@dataclass(frozen=True)
class Partition:
    """The activation regions of ``network`` in ``domain``, a closed box or all of R^d, exact.

    A region is the closure of {x in the domain : the on/off pattern at x is the given one} where
    that has interior points; regions are numbered from 0 in the order of their making. A neuron is
    on where its preactivation is > 0. The output layer makes no regions.

    Obtained from :func:`partition`; ``neurons_done`` is less than the number of hidden neurons
    when a budget ended the run, and the regions are then those of the first neurons only.
    """

    network: Network
    domain: Domain
    lattice: FaceLattice
    neurons_done: int
    sign_counts: SignStatistics
    engine: str = "complex"

    def __repr__(self) -> str:
        """Return one short line; the attributes have the numbers."""
        kind = "the box" if isinstance(self.domain, Box) else "all of"
        stopped = "" if self.neurons_done == self.network.num_hidden else ", incomplete"
        return (
            f"<Partition of {kind} {self.domain} by a {self.network.architecture} network: "
            f"{self.num_regions} regions, {self.num_adjacencies} adjacencies{stopped}>"
        )

    @property
    def box(self) -> Box:
        """Return the domain where it is a box.

        Raises
        ------
        InputError
            If the domain is all of R^d.
        """
        if not isinstance(self.domain, Box):
            raise InputError(f"the partition is of all of {self.domain}, expected one of a box")
        return self.domain

    @property
    def sigma_policy(self) -> str:
        """Return how sigma entered the network (decision 0001)."""
        return self.network.sigma_policy

    @property
    def num_regions(self) -> int:
        """Return the number of full-dimensional activation regions."""
        return len(self._regions.cell)

    @property
    def num_adjacencies(self) -> int:
        """Return the number of pairs of regions whose closures share a facet."""
        return len(self.edges)

    @property
    def f_vector(self) -> tuple[int, ...] | None:
        """Return the numbers of vertices, edges, ..., regions, the box's own faces included.

        None for all of R^d, whose complex is cut by walls that are not the network's.
        """
        return self.lattice.f_vector if isinstance(self.domain, Box) else None

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

        True when all hidden neurons were processed, no two regions have the same pattern, and
        nothing is left over: in a box of up to seven dimensions the enclosures of the volumes
        hold the volume of the box; beyond, where a region has too many simplices, every facet
        with one region only lies in the boundary of the box; of all of R^d, at infinity. (The
        engine itself stops where Euler's relation fails or a facet lies in three d-faces.)
        """
        if self.neurons_done < self.network.num_hidden:
            return False
        if not isinstance(self.domain, Box):
            return boundary_is_at_infinity(self.lattice)
        if len(self._location.index) < self.num_regions:
            return False
        if self.domain.dim > _MOST_AXES:
            return boundary_is_on_box(self.lattice)
        middle, radius = (values.tolist() for values in self.volumes())
        if not all(map(isfinite, radius)):
            exact = sum(map(self.volume, range(self.num_regions)), Fraction(0))
            return exact == self.domain.volume
        total, slack = sum(map(Fraction, middle)), sum(map(Fraction, radius))
        return abs(total - self.domain.volume) <= slack

    @cached_property
    def patterns(self) -> NDArray[np.uint8]:
        """Return the patterns, shape (regions, neurons done): 1 where on, 0 where off."""
        return unpack(self._regions.words, self.network.widths)[:, : self.neurons_done]

    def witness(self, i: int) -> Vector:
        """Return an exact point strictly inside region i, with few digits where that suffices."""
        return self.witnesses([i])[0]

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

    def region_of(self, x: Iterable[object]) -> int | None:
        """Return the region that holds ``x``, or None outside the domain or on a boundary.

        A point lies in the closure of a region if and only if the region's pattern agrees with
        the signs at the point wherever these are not zero.
        """
        return self._location.region_of(self.network.point(x))

    def neighbours(self, i: int) -> NDArray[np.int32]:
        """Return the regions that share a facet with region i, ascending."""
        adjacency = self.adjacency()
        i = self._checked(i)
        return np.sort(adjacency.indices[adjacency.indptr[i] : adjacency.indptr[i + 1]])

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
        """Return a float point near the middle of each region, for drawing."""
        return self._middles

    def affine_map(self, i: int) -> tuple[Matrix, Vector]:
        """Return (A, b), exact: the network maps x in region i to A x + b."""
        i = self._require_complete(i)
        return self._location.affine_map(i)

    def polygons(self) -> list[NDArray[np.float64]]:
        """Return the regions of a plane partition as float polygons in order, for drawing."""
        if self.box.dim != 2:
            raise DimensionError(f"polygons need d = 2, got d = {self.box.dim}")
        return geometry.polygons(self.lattice)

    def graph(self) -> "networkx.Graph":
        """Return the region adjacency graph, see :func:`exactbn.graph.region_graph`."""
        from exactbn.graph import region_graph

        return region_graph(self)

    def adjacency(self) -> "scipy.sparse.csr_array":
        """Return the symmetric 0/1 adjacency matrix of the regions."""
        return self._adjacency

    def save(self, directory: str | Path) -> None:
        """Write the partition to a new directory, see :func:`exactbn.storage.save`."""
        from exactbn.storage import save

        save(self, Path(directory))

    def write_certificate(self, path: str | Path, *, force: bool = False) -> None:
        """Write a proof that exactbn/checker.py checks, compressed where the name ends in .gz.

        Raises
        ------
        InputError
            If the partition is incomplete, the file exists without ``force``, or is not writable.
        """
        if self.neurons_done < self.network.num_hidden:
            raise InputError("the partition is incomplete, so there is nothing to prove")
        counts = self.num_regions, self.num_adjacencies
        write_complex(Path(path), self.network, self.domain, self.lattice, counts, force=force)

    @classmethod
    def open(cls, directory: str | Path) -> "Partition":
        """Read a partition that :meth:`save` wrote."""
        from exactbn.storage import load

        return load(Path(directory))

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
        if isinstance(self.domain, Box):
            return middle, radius
        unbounded = self.is_unbounded
        middle, radius = self._regions.sums(middle), self._regions.sums(radius)
        # A region has no more parts than there are d-faces, and each addition rounds once.
        radius = radius + middle * len(self._regions.of_cell) * geometry.UNIT
        return np.where(unbounded, np.inf, middle), np.where(unbounded, 0, radius)

    @cached_property
    def _apexes(self) -> NDArray[np.int32]:
        return geometry.least_vertices(self.lattice)

    def _simplices(self, cell: int) -> NDArray[np.int64]:
        return geometry.simplices(self.lattice, cell, self._apexes)

    @cached_property
    def _adjacency(self) -> "scipy.sparse.csr_array":
        from exactbn.graph import adjacency_matrix

        return adjacency_matrix(self.edges, self.num_regions)

    @cached_property
    def _regions(self) -> Regions:
        return regions_in_box(self.lattice) if isinstance(self.domain, Box) else (
            regions_in_space(self.lattice)
        )

    @cached_property
    def _location(self) -> Location:
        return Location(self.network, self.domain, self._regions.words, self.neurons_done)

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

    def _all(self, regions: Iterable[int] | None) -> Iterable[int]:
        return range(self.num_regions) if regions is None else regions

    def _checked(self, i: int) -> int:
        """Return a region number after a look at its range."""
        if not 0 <= i < self.num_regions:
            raise InputError(f"region {i}, expected 0 to {self.num_regions - 1}")
        return int(i)

    def _require_complete(self, i: int) -> int:
        if self.neurons_done < self.network.num_hidden:
            raise InputError(
                f"the partition is incomplete: {self.neurons_done} of {self.network.num_hidden} "
                "neurons are done, so its regions have no affine map; raise the budget"
            )
        return self._checked(i)

    def _exact(self, vertices: Iterable[int]) -> list[tuple[fmpz, ...]]:
        return self._vertices.coordinates(vertices, self.lattice.parents)


def partition(
    network: Network,
    box: Box | tuple[object, object] | None = None,
    *,
    engine: str = "complex",
    max_regions: int | None = None,
    max_seconds: float | None = None,
    progress: Progress | None = None,
    certificate: str | Path | None = None,
    filter_factor: float = 1,
) -> Partition:
    """Return the exact partition of a box, or of all of R^d, into regions of ``network``.

    Parameters
    ----------
    network : Network
        d inputs; its hidden layers make the regions.
    box : (lo, hi), Box or None
        Exact scalars (the same for every axis) or sequences of length d; None is all of R^d.
    engine : "complex"
        The face lattice of the domain, split neuron by neuron.
    max_regions, max_seconds : optional
        Budgets, looked at between two neurons.
    progress : callable, optional
        Called with (neurons done, all neurons, remark).
    certificate : path, optional
        Where to write a proof (:meth:`Partition.write_certificate`), never over an old file.
    filter_factor : float
        For tests of the engine: multiplies the error bounds of the float filter; with infinity
        every sign is computed in integers. The result does not depend on it.

    Raises
    ------
    InputError
        If the box is empty, flat or of another dimension, or the engine unknown.
    LimitError
        When a budget is spent; ``partial`` is the partition by the neurons done so far.

    Examples
    --------
    >>> net = Network.from_arrays([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]], [[0, 0, 0], [0]])
    >>> part = partition(net, (-1, 1))
    >>> part.num_regions, part.num_adjacencies, part.f_vector
    (6, 6, (9, 14, 6))
    >>> everywhere = partition(net)
    >>> everywhere.num_regions, everywhere.num_adjacencies, everywhere.is_unbounded.all()
    (6, 6, np.True_)
    """
    if engine != "complex":
        raise InputError(f"engine {engine!r} is not known, expected 'complex'")
    domain = _domain_of(box, network)
    if certificate is not None:
        check_target(Path(certificate))
    budget = Budget(max_regions, max_seconds)
    outcome = subdivide(network, [domain], budget=budget, progress=progress, factor=filter_factor)
    result = _partition_of(network, domain, outcome)
    if outcome.neurons_done < network.num_hidden:
        raise LimitError(
            f"the budget is spent after {outcome.neurons_done} of {network.num_hidden} neurons: "
            f"{result.num_regions} regions so far, the partition is incomplete",
            result,
        )
    if certificate is not None:
        result.write_certificate(certificate)
    return result


def _rounded(point: Sequence[float], bits: int) -> Vector:
    """Return a float point rounded to ``bits`` binary digits after the point."""
    return tuple(Fraction(round(Fraction(t) * 2**bits), 2**bits) for t in point)


def _partition_of(network: Network, domain: Domain, outcome: Outcome) -> Partition:
    """Return the result of the engine as a partition that keeps its exact vertices."""
    result = Partition(network, domain, outcome.lattice, outcome.neurons_done, outcome.statistics)
    result.__dict__["_vertices"] = outcome.vertices
    return result


def _domain_of(box: Box | tuple[object, object] | None, network: Network) -> Domain:
    """Return the domain that the argument of :func:`partition` names."""
    if box is None:
        return Space(network.num_inputs)
    if not isinstance(box, Box):
        try:
            lo, hi = box
        except (TypeError, ValueError):
            raise InputError("the box is not a pair (lo, hi) of bounds") from None
        return Box.of(lo, hi, network.num_inputs)
    return box
