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
from exactbn.domain import Box
from exactbn.errors import DimensionError, InputError, InternalError, LimitError
from exactbn.location import Location
from exactbn.network import Network
from exactbn.patterns import unpack
from exactbn.rational import Matrix, Vector

if TYPE_CHECKING:
    import networkx
    import scipy.sparse

# Binary digits after the point that a witness is tried with, the shortest first.
_WITNESS_BITS = (4, 8, 12, 16, 24, 36, 52, 80)


@dataclass(frozen=True)
class Partition:
    """The activation regions of ``network`` in the closed box ``box``, exact.

    A region is the closure of {x in box : the on/off pattern at x is the given one} where that
    has interior points; regions are numbered from 0 in the order of their making. A neuron is on
    where its preactivation is > 0. The output layer makes no regions.

    Obtained from :func:`partition`; ``neurons_done`` is less than the number of hidden neurons
    when a budget ended the run, and the regions are then those of the first neurons only.
    """

    network: Network
    box: Box
    lattice: FaceLattice
    neurons_done: int
    sign_counts: SignStatistics
    engine: str = "complex"

    @property
    def sigma_policy(self) -> str:
        """Return how sigma entered the network (decision 0001)."""
        return self.network.sigma_policy

    @property
    def num_regions(self) -> int:
        """Return the number of full-dimensional activation regions."""
        return self.lattice.num_regions

    @property
    def num_adjacencies(self) -> int:
        """Return the number of pairs of regions whose closures share a facet."""
        return len(self.edges)

    @property
    def f_vector(self) -> tuple[int, ...]:
        """Return the numbers of vertices, edges, ..., regions, the box's own faces included."""
        return self.lattice.f_vector

    @property
    def edges(self) -> NDArray[np.int32]:
        """Return the adjacent pairs (i, j), i < j, shape (num_adjacencies, 2)."""
        return self.lattice.edges

    @property
    def statistics(self) -> dict[str, int]:
        """Return how many signs were asked for, and how many needed exact arithmetic."""
        return {"signs": self.sign_counts.signs, "exact_signs": self.sign_counts.exact_signs}

    @cached_property
    def is_complete(self) -> bool:
        """Return whether the regions are established to fill the box and to be all there are.

        True when all hidden neurons were processed, no two regions have the same pattern, and
        the enclosures of the volumes hold the volume of the box. (The engine itself stops where
        Euler's relation fails or a facet lies in three regions.)
        """
        if self.neurons_done < self.network.num_hidden:
            return False
        if len(self._location.index) < self.num_regions:
            return False
        middle, radius = (values.tolist() for values in self.volumes())
        if not all(map(isfinite, radius)):
            exact = sum(map(self.volume, range(self.num_regions)), Fraction(0))
            return exact == self.box.volume
        total, slack = sum(map(Fraction, middle)), sum(map(Fraction, radius))
        return abs(total - self.box.volume) <= slack

    @cached_property
    def patterns(self) -> NDArray[np.uint8]:
        """Return the patterns, shape (regions, neurons done): 1 where on, 0 where off."""
        return unpack(self.lattice.words, self.network.widths)[:, : self.neurons_done]

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
        """Return the region that holds ``x``, or None outside the box or on a boundary.

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
        """Return (middle, radius): the volume of region i is within radius[i] of middle[i]."""
        return self._volumes

    def volume(self, i: int) -> Fraction:
        """Return the exact volume of region i."""
        volumes = (
            geometry.simplex_volume(self._exact(simplex))
            for simplex in self._simplices(self._checked(i))
        )
        return sum(volumes, Fraction(0))

    def vertex(self, v: int) -> Vector:
        """Return the exact coordinates of vertex v of the complex."""
        point = self._exact([v])[0]
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

    @classmethod
    def open(cls, directory: str | Path) -> "Partition":
        """Read a partition that :meth:`save` wrote."""
        from exactbn.storage import load

        return load(Path(directory))

    # -- exact machinery, made when first used --------------------------------------------------

    @cached_property
    def _vertices(self) -> ExactVertices:
        return ExactVertices(self.network, [self.box])

    @cached_property
    def _middles(self) -> NDArray[np.float64]:
        return geometry.interior_points(self.lattice)

    @cached_property
    def _volumes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return geometry.volume_enclosures(self.lattice)

    @cached_property
    def _apexes(self) -> NDArray[np.int32]:
        return geometry.least_vertices(self.lattice)

    def _simplices(self, i: int) -> NDArray[np.int64]:
        return geometry.simplices(self.lattice, i, self._apexes)

    @cached_property
    def _adjacency(self) -> "scipy.sparse.csr_array":
        from exactbn.graph import adjacency_matrix

        return adjacency_matrix(self.edges, self.num_regions)

    @cached_property
    def _location(self) -> Location:
        return Location(self.network, self.box, self.lattice.words, self.neurons_done)

    def _centroid(self, i: int) -> Vector:
        """Return the exact centroid of one simplex of region i."""
        simplex = [self.vertex(v) for v in self._simplices(i)[0]]
        return tuple(sum(axis, Fraction(0)) / len(simplex) for axis in zip(*simplex, strict=True))

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
    filter_factor: float = 1,
) -> Partition:
    """Return the exact partition of ``box`` into the activation regions of ``network``.

    Parameters
    ----------
    network : Network
        d inputs; its hidden layers make the regions.
    box : (lo, hi) or Box
        Exact scalars (the same for every axis) or sequences of length d.
    engine : "complex"
        The face lattice of the box, split neuron by neuron.
    max_regions, max_seconds : optional
        Budgets, looked at between two neurons.
    progress : callable, optional
        Called with (neurons done, all neurons, remark).
    filter_factor : float
        For tests of the engine: multiplies the error bounds of the float filter; with infinity
        every sign is computed in integers. The result does not depend on it.

    Raises
    ------
    InputError
        If the box is missing, empty, flat or of another dimension, or the engine unknown.
    LimitError
        When a budget is spent; ``partial`` is the partition by the neurons done so far.

    Examples
    --------
    >>> net = Network.from_arrays([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]], [[0, 0, 0], [0]])
    >>> part = partition(net, (-1, 1))
    >>> part.num_regions, part.num_adjacencies, part.f_vector
    (6, 6, (9, 14, 6))
    """
    if engine != "complex":
        raise InputError(f"engine {engine!r} is not known, expected 'complex'")
    if box is None:
        raise InputError(
            "the complex engine needs a box, got all of R^d; give box=(lo, hi), on the command "
            "line --box LO HI"
        )
    if not isinstance(box, Box):
        box = _box_of(box, network.num_inputs)
    budget = Budget(max_regions, max_seconds)
    boxes = _checked_boxes(network, [box])
    outcome = subdivide(network, boxes, budget=budget, progress=progress, factor=filter_factor)
    result = _partition_of(network, box, outcome)
    if outcome.neurons_done < network.num_hidden:
        raise LimitError(
            f"the budget is spent after {outcome.neurons_done} of {network.num_hidden} neurons: "
            f"{result.num_regions} regions so far, the partition is incomplete",
            result,
        )
    return result


def count_regions(
    network: Network, boxes: Sequence[Box], *, progress: Progress | None = None
) -> NDArray[np.int64]:
    """Return the exact number of regions that meet the interior of each box.

    All boxes are cut in one run of the engine, so hundreds of small boxes cost little more than
    one large one.
    """
    if not boxes:
        return np.zeros(0, dtype=np.int64)
    outcome = subdivide(network, _checked_boxes(network, boxes), progress=progress)
    return np.bincount(outcome.lattice.component, minlength=len(boxes)).astype(np.int64)


def _rounded(point: Sequence[float], bits: int) -> Vector:
    """Return a float point rounded to ``bits`` binary digits after the point."""
    return tuple(Fraction(round(Fraction(t) * 2**bits), 2**bits) for t in point)


def _partition_of(network: Network, box: Box, outcome: Outcome) -> Partition:
    """Return the result of the engine as a partition that keeps its exact vertices."""
    result = Partition(network, box, outcome.lattice, outcome.neurons_done, outcome.statistics)
    result.__dict__["_vertices"] = outcome.vertices
    return result


def _box_of(bounds: tuple[object, object], d: int) -> Box:
    """Return the box of a pair (lo, hi)."""
    try:
        lo, hi = bounds
    except (TypeError, ValueError):
        raise InputError("the box is not a pair (lo, hi) of bounds") from None
    return Box.of(lo, hi, d)


def _checked_boxes(network: Network, boxes: Sequence[Box]) -> Sequence[Box]:
    """Return the boxes after a look at their dimensions."""
    for box in boxes:
        if box.dim != network.num_inputs:
            raise DimensionError(
                f"the box has dimension {box.dim} and the network {network.num_inputs} inputs, "
                "expected the same"
            )
    return boxes
