"""The result of every engine: the activation regions of a network in a domain."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import InputError
from exactbn.exact.rational import Matrix, Vector
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.model.patterns import unpack
from exactbn.regions.location import Location

if TYPE_CHECKING:
    import networkx
    import scipy.sparse

    from exactbn.engines.complex.lattice import FaceLattice


@dataclass(frozen=True)
class Partition:
    """The activation regions of ``network`` in ``domain``, exact.

    The domain is a closed box, a polytope in a box, or all of R^d. A region is the closure of
    {x in the domain : the on/off pattern at x is the given one} where that has interior points;
    regions are numbered from 0 in the order of their making. A neuron is on where its
    preactivation is > 0. The output layer makes no regions.

    Obtained from :func:`exactbn.partition`, as one of two kinds: of the complex engine, which has
    faces and volumes too, or of the LP engine, which has regions and adjacencies in any dimension.
    """

    network: Network
    domain: Domain
    neurons_done: int

    #: The engine's name.
    engine: ClassVar[str]
    #: Whether there are vertices, faces and volumes.
    has_faces: ClassVar[bool] = False

    def __repr__(self) -> str:
        """Return one short line; the attributes have the numbers."""
        place = self.domain
        kind = "all of" if place.is_space else "the box" if place.is_box else "the polytope"
        stopped = "" if self._is_done else ", incomplete"
        return (
            f"<Partition of {kind} {self.domain} by a "
            f"{self.network.architecture} network: "
            f"{self.num_regions} regions, {self.num_adjacencies} adjacencies{stopped}>"
        )

    @property
    def box(self) -> Box:
        """Return the domain where it is a box.

        Raises
        ------
        InputError
            If the domain is all of R^d, or a polytope.
        """
        if self.domain.is_box and self.domain.box is not None:
            return self.domain.box
        kind = f"all of {self.domain}," if self.domain.is_space else "a polytope,"
        raise InputError(f"the partition is of {kind} expected one of a box")

    @property
    def sigma_policy(self) -> str:
        """Return how sigma entered the network (decision 0001)."""
        return self.network.sigma_policy

    @property
    def num_regions(self) -> int:
        """Return the number of full-dimensional activation regions."""
        return len(self.words)

    @property
    def num_adjacencies(self) -> int:
        """Return the number of pairs of regions whose closures share a facet."""
        return len(self.edges)

    @property
    def f_vector(self) -> tuple[int, ...] | None:
        """Return the numbers of vertices, edges, ..., regions; None where there are no faces."""
        return None

    @cached_property
    def patterns(self) -> NDArray[np.uint8]:
        """Return the patterns, shape (regions, neurons done): 1 where on, 0 where off."""
        return unpack(self.words, self.network.widths)[:, : self.neurons_done]

    def witness(self, i: int) -> Vector:
        """Return an exact point strictly inside region i, with few digits where that suffices."""
        return self.witnesses([i])[0]

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

    def affine_map(self, i: int) -> tuple[Matrix, Vector]:
        """Return (A, b), exact: the network maps x in region i to A x + b."""
        i = self._require_complete(i)
        return self._location.affine_map(i)

    def graph(self) -> "networkx.Graph":
        """Return the region adjacency graph, see :func:`exactbn.regions.graph.region_graph`."""
        from exactbn.regions.graph import region_graph

        return region_graph(self)

    def adjacency(self) -> "scipy.sparse.csr_array":
        """Return the symmetric 0/1 adjacency matrix of the regions."""
        return self._adjacency

    def save(self, directory: str | Path) -> None:
        """Write the partition to a new directory, see :func:`exactbn.regions.storage.save`."""
        from exactbn.regions.storage import save

        save(self, Path(directory))

    def write_certificate(self, path: str | Path, *, force: bool = False) -> None:
        """Write a proof that exactbn/checker.py checks, compressed where the name ends in .gz.

        Raises
        ------
        InputError
            If the partition is incomplete, the file exists without ``force``, or is not writable.
        """
        if not self._is_done:
            raise InputError("the partition is incomplete, so there is nothing to prove")
        self._write_proof(Path(path), force=force)

    @classmethod
    def open(cls, directory: str | Path) -> "Partition":
        """Read a partition that :meth:`save` wrote."""
        from exactbn.regions.storage import load

        partition: Partition = load(Path(directory))
        return partition

    # -- what an engine must give --------------------------------------------------------------

    @property
    def words(self) -> NDArray[np.uint64]:
        """Return the patterns as bits, (regions, words), see :mod:`exactbn.model.patterns`."""
        raise NotImplementedError

    @property
    def edges(self) -> NDArray[np.int32]:
        """Return the adjacent pairs (i, j), i < j, shape (num_adjacencies, 2)."""
        raise NotImplementedError

    @property
    def is_unbounded(self) -> NDArray[np.bool_]:
        """Return which regions are unbounded, shape (regions,); none in a box."""
        raise NotImplementedError

    @property
    def is_complete(self) -> bool:
        """Return whether the regions are established to fill the domain and to be all there are."""
        raise NotImplementedError

    @property
    def statistics(self) -> dict[str, int]:
        """Return how much the engine did in floats, and how much needed exact arithmetic."""
        raise NotImplementedError

    def witnesses(self, regions: Iterable[int] | None = None) -> list[Vector]:
        """Return an exact point strictly inside each region (all of them by default)."""
        raise NotImplementedError

    def interior_points(self) -> NDArray[np.float64]:
        """Return a float point inside each region, for drawing."""
        raise NotImplementedError

    def _write_proof(self, path: Path, *, force: bool) -> None:
        """Write the certificate of a complete partition."""
        raise NotImplementedError

    # -- what only some engines give -----------------------------------------------------------

    @property
    def lattice(self) -> "FaceLattice":
        """Return the faces of the complex that subdivides the domain."""
        raise self._no_faces("faces")

    def volumes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (middle, radius): the volume of region i is within radius[i] of middle[i]."""
        raise self._no_faces("volumes")

    def volume(self, i: int) -> Fraction:
        """Return the exact volume of region i."""
        raise self._no_faces("volumes")

    def vertex(self, v: int) -> Vector:
        """Return the exact coordinates of vertex v of the complex."""
        raise self._no_faces("vertices")

    def polygons(self) -> list[NDArray[np.float64]]:
        """Return the regions of a plane partition as float polygons in order, for drawing."""
        raise self._no_faces("polygons")

    # -- shared machinery ----------------------------------------------------------------------

    @property
    def _is_done(self) -> bool:
        """Return whether no budget ended the run."""
        return self.neurons_done == self.network.num_hidden

    @cached_property
    def _adjacency(self) -> "scipy.sparse.csr_array":
        from exactbn.regions.graph import adjacency_matrix

        return adjacency_matrix(self.edges, self.num_regions)

    @cached_property
    def _location(self) -> Location:
        return Location(self.network, self.domain, self.words, self.neurons_done)

    def _no_faces(self, what: str) -> InputError:
        return InputError(
            f"engine {self.engine!r} makes no {what}; use engine='complex', which does"
        )

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
