"""Counts and shapes of the whole: how regions are distributed, and their graph."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Protocol, final

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import scipy.sparse.linalg
from numpy.typing import NDArray

from exactbn.engines.compiled import kernel
from exactbn.errors import InputError, InternalError
from exactbn.exact.stages import Max
from exactbn.exact.values import Value
from exactbn.model.arrays import read_only
from exactbn.model.network import Network
from exactbn.regions.evidence import Evidence
from exactbn.regions.face_counts import FaceCounts, face_counts
from exactbn.regions.measures import checked_norm, inscribed_ball
from exactbn.regions.region import Region
from exactbn.wording import counted

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

# Regions up to which all eigenvalues are computed at once.
_DENSE = 1500


class Regions(Protocol):
    """What is asked of a partition; :class:`exactbn.Partition` has it."""

    @property
    def network(self) -> Network:
        """Return the network."""

    @property
    def evidence(self) -> Evidence:
        """Return what the engine found."""

    @property
    def num_regions(self) -> int:
        """Return the number of regions."""

    @property
    def num_adjacencies(self) -> int:
        """Return the number of adjacent pairs."""

    @property
    def is_complete(self) -> bool:
        """Return whether these are all regions."""

    @property
    def is_unbounded(self) -> NDArray[np.bool_]:
        """Return which regions are unbounded."""

    @property
    def has_faces(self) -> bool:
        """Return whether there are volumes."""

    def volumes(self) -> tuple[Floats, Floats]:
        """Return enclosures of the volumes."""

    def adjacency(self) -> scipy.sparse.csr_array:
        """Return the symmetric 0/1 adjacency matrix."""

    def __iter__(self) -> Iterator[Region]:
        """Return the regions."""


@final
@dataclass(frozen=True, eq=False, repr=False)
class Shapes(Value):
    """The shapes of all regions, and their graph; each worked out when it is first asked for.

    Arrays have shape (regions,). Counts are exact; volumes and inradii are enclosures, middle and
    proven radius; eigenvalues are floats as scipy computes them, with nothing proven.
    """

    partition: Regions

    def __repr__(self) -> str:
        """Return a few short lines."""
        part, degree = self.partition, self.degree
        mean = float(self.mean_degree)
        lines = [
            f"<Shapes of {counted(part.num_regions, 'region')}, {self.num_bounded} of them bounded",
            f" degree {degree.min()} to {degree.max()}, mean {mean:.6g} "
            f"({'at most' if mean <= 2 * self.dim else 'over'} 2 d = {2 * self.dim})",
        ]
        if part.has_faces:
            sizes = np.sort(part.volumes()[0][~part.is_unbounded])
            if len(sizes):
                least, median, most = sizes[0], sizes[len(sizes) // 2], sizes[-1]
                lines.append(f" volume {least:.3g} to {most:.3g}, median {median:.3g}")
        return ",\n".join(lines) + ">"

    @property
    def dim(self) -> int:
        """Return d."""
        return self.partition.network.num_inputs

    # -- counts --------------------------------------------------------------------------------

    @property
    def num_bounded(self) -> int:
        """Return the number of bounded regions."""
        return self.partition.num_regions - self.num_unbounded

    @property
    def num_unbounded(self) -> int:
        """Return the number of unbounded regions."""
        return int(np.count_nonzero(self.partition.is_unbounded))

    @cached_property
    def face_counts(self) -> FaceCounts:
        """Return the numbers of faces of the complex of regions, in every domain.

        Not counted are walls that are not the network's, see :mod:`.face_counts`; in a box without
        maxima they are those of ``part.f_vector``.

        Raises
        ------
        InputError
            If the engine makes no faces.
        """
        faces = self.partition.evidence.faces
        if faces is None:
            raise InputError(
                f"engine {self.partition.evidence.engine!r} makes no faces; use engine='complex', "
                "which does"
            )
        return face_counts(faces, self.partition.evidence.neurons_done)

    # -- distributions -------------------------------------------------------------------------

    @cached_property
    def facets(self) -> Numbers:
        """Return the number of facets of each region, those in the sides of the domain too."""
        return read_only(np.array([len(region.sides) for region in self.partition]))

    @cached_property
    def degree(self) -> Numbers:
        """Return the number of neighbours of each region."""
        return read_only(np.diff(self.partition.adjacency().indptr).astype(np.int64))

    @property
    def volumes(self) -> tuple[Floats, Floats]:
        """Return (middle, radius) of the volumes, infinite where unbounded."""
        return self.partition.volumes()

    def inradii(self, norm: object = "inf") -> tuple[Floats, Floats]:
        """Return (middle, radius) of the radii of greatest inscribed balls of a norm.

        An exact linear program a region, milliseconds each. Infinite where there is no greatest.
        """
        own = checked_norm(norm)
        middle = np.full(self.partition.num_regions, np.inf)
        radius = np.zeros(len(middle))
        for i, region in enumerate(self.partition):
            ball = inscribed_ball([side.row for side in region.sides], region.witness, own)
            if ball is not None:
                middle[i], radius[i] = ball.enclosure()
        return read_only(middle), read_only(radius)

    # -- the graph -----------------------------------------------------------------------------

    @property
    def mean_degree(self) -> Fraction:
        """Return the mean number of neighbours, exactly."""
        return Fraction(2 * self.partition.num_adjacencies, self.partition.num_regions)

    @cached_property
    def degree_bound(self) -> Fraction | None:
        """Return the bound 2 d (R - 1) / R of the mean degree where it is proven, else None.

        It holds for one hidden layer, and for at most two inputs, of units of two pieces
        (docs/mean_degree.md); Gaines and Bi (2026, arXiv 2606.07728) have 2 d. Deeper networks of
        three inputs may have more.

        Raises
        ------
        InternalError
            If a complete partition breaks a proven bound.
        """
        network, count = self.partition.network, self.partition.num_regions
        has_maxima = any(isinstance(unit, Max) for unit in network.units)
        if has_maxima or (self.dim > 2 and len(network.widths) > 1):
            return None
        bound = Fraction(2 * self.dim * (count - 1), count)
        if self.partition.is_complete and self.mean_degree > bound:
            raise InternalError(
                f"the mean degree {self.mean_degree} is over the proven bound {bound}; please "
                "report this network"
            )
        return bound

    @cached_property
    def num_components(self) -> int:
        """Return the number of connected components of the graph: one where it is complete."""
        graph = self.partition.adjacency()
        return int(scipy.sparse.csgraph.connected_components(graph, directed=False)[0])

    @cached_property
    def diameter(self) -> int:
        """Return the greatest distance between two regions that are connected, in steps.

        By a search from every region: time in proportion to regions times adjacencies.
        """
        return int(self.eccentricities.max())

    @cached_property
    def eccentricities(self) -> Numbers:
        """Return the greatest distance from each region to another one, in steps."""
        graph, count = self.partition.adjacency(), self.partition.num_regions
        found = np.zeros(count, dtype=np.int64)
        indptr, indices = (np.array(part, dtype=np.int64) for part in (graph.indptr, graph.indices))
        _search(indptr, indices, np.empty_like(found), np.empty_like(found), found)
        return read_only(found)

    def laplacian_spectrum(self, k: int = 6) -> tuple[Floats, Floats]:
        """Return the k least and the k greatest eigenvalues of the Laplacian D - A, ascending.

        Floats of scipy. The least one is 0, once for each component.
        """
        count = self.partition.num_regions
        if not 1 <= k <= count:
            raise InputError(f"k is {k!r}, expected an integer from 1 to {count}")
        graph = self.partition.adjacency().astype(np.float64)
        degrees = scipy.sparse.diags_array(self.degree.astype(np.float64))
        laplacian = scipy.sparse.csc_array(degrees - graph)
        if count <= _DENSE or 2 * k >= count:
            values = np.linalg.eigvalsh(laplacian.toarray())
            return values[:k], values[-k:]
        greatest = scipy.sparse.linalg.eigsh(laplacian, k, which="LA", return_eigenvectors=False)
        # About a point below 0, where it has no eigenvalue.
        least = scipy.sparse.linalg.eigsh(
            laplacian, k, sigma=-1, which="LM", return_eigenvectors=False
        )
        return np.sort(least), np.sort(greatest)


@kernel
def _search(indptr, indices, queue, steps, found):  # type: ignore[no-untyped-def]
    """Write the greatest number of steps from each node to one that is connected with it."""
    for start in range(len(found)):
        steps[:] = -1
        steps[start] = 0
        queue[0] = start
        begin, end = 0, 1
        while begin < end:
            at = queue[begin]
            begin += 1
            for k in range(indptr[at], indptr[at + 1]):
                other = indices[k]
                if steps[other] < 0:
                    steps[other] = steps[at] + 1
                    queue[end] = other
                    end += 1
        found[start] = steps[queue[end - 1]]
