"""A partition: the activation regions of a network in a domain, whatever engine found them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.run import Budget
from exactbn.errors import DimensionError, InputError, StructureError
from exactbn.exact.rational import Matrix, Vector, to_matrix
from exactbn.exact.values import Value
from exactbn.model.arrays import are_equal, as_floats, read_only
from exactbn.model.asking import as_index
from exactbn.model.domain import Box, Domain
from exactbn.model.labels import labels_of
from exactbn.model.network import Network
from exactbn.model.patterns import unpack
from exactbn.output import as_path
from exactbn.regions.evidence import Evidence
from exactbn.regions.faces import Faces
from exactbn.regions.location import Location
from exactbn.regions.questions import Questions
from exactbn.regions.shown import Shown
from exactbn.wording import counted

if TYPE_CHECKING:
    import networkx
    import scipy.sparse

    from exactbn.engines.complex.lattice import FaceLattice
    from exactbn.regions.boundary.by_search import SearchedBoundary
    from exactbn.regions.boundary.complex import Boundary
    from exactbn.regions.topology.homology import Homology


@final
@dataclass(frozen=True, eq=False, repr=False)
class Partition(Questions, Shown, Value):
    """The activation regions of ``network`` in ``domain``, exact.

    The domain is a closed box or all of R^d, cut by rows A x <= b or not. A region is the closure
    of {x in the domain : the on/off pattern at x is the given one} where that has interior points;
    regions are numbered from 0 in the order of their making. A neuron is on where its
    preactivation is > 0. The output layer makes no regions.

    Obtained from :func:`exactbn.partition`; ``evidence`` is what the engine found. The complex
    engine has faces and volumes too, the LP engine regions and adjacencies in any dimension.

    Two partitions are equal if network, domain and regions are, in their order, which is another
    one by another engine. Arrays that are
    handed out cannot be written to.
    """

    network: Network
    domain: Domain
    evidence: Evidence

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Partition):
            return NotImplemented
        return (
            (self.network, self.domain, self.neurons_done, self.stopped)
            == (other.network, other.domain, other.neurons_done, other.stopped)
            and are_equal(self.words, other.words)
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash((self.network, self.domain, self.num_regions))

    def __repr__(self) -> str:
        """Return one short line; the attributes have the numbers."""
        place = self.domain
        kind = "all of" if place.is_space else "the box" if place.is_box else "the polytope"
        stopped = "" if self.stopped is None else ", incomplete"
        where = shorten(str(place), 80)
        return (
            f"<Partition of {kind} {where} by a {self.network.architecture} network: "
            f"{counted(self.num_regions, 'region')}{stopped}>"
        )

    # -- what it is of -------------------------------------------------------------------------

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
        kind = f"all of {self.domain}" if self.domain.is_space else "a polytope"
        raise InputError(f"the partition is of {kind}, expected one of a box")

    @property
    def sigma_policy(self) -> str:
        """Return how sigma entered the network (decision 0001)."""
        return self.network.sigma_policy

    @property
    def engine(self) -> str:
        """Return the engine's name."""
        return self.evidence.engine

    @property
    def neurons_done(self) -> int:
        """Return how many hidden neurons the patterns know: all, where no budget ended the run."""
        return self.evidence.neurons_done

    @property
    def stopped(self) -> str | None:
        """Return why the partition is incomplete where a budget ended the run, else None."""
        return self.evidence.stopped

    @property
    def is_complete(self) -> bool:
        """Return whether the regions are established to fill the domain and to be all there are.

        By the complex engine they are where its faces prove it (docs/completeness.md); by the LP
        engine where its search, which proves every step, has come to its end.
        """
        return self.evidence.is_complete

    @property
    def unproven(self) -> tuple[str, ...]:
        """Return which of ``edges`` and ``is_unbounded`` would be proven when asked for.

        That takes as long as it takes; :meth:`proven` does it within a budget. There is nothing of
        that kind in a partition of the complex engine.
        """
        return self.evidence.unproven

    def proven(self, *, max_seconds: float | None = None) -> "Partition":
        """Return the same partition with adjacencies and unbounded regions proven.

        What ``max_seconds`` do not suffice for is left in :attr:`unproven`.
        """
        budget = Budget.asked(max_seconds=max_seconds)
        return Partition(self.network, self.domain, self.evidence.proven(budget))

    @property
    def statistics(self) -> dict[str, int]:
        """Return how much the engine did in floats, and how much needed exact arithmetic."""
        return self.evidence.statistics

    def check(self) -> None:
        """Check the structure: no exception where it holds.

        Of the complex engine: the faces fit together, tile the domain and have the patterns of
        exact signs, and the float coordinates are as near to the exact ones as they say. Of the LP
        engine: patterns differ, witnesses lie inside, adjacencies come out again. Of an incomplete
        partition the same, by the neurons that are done.

        Raises
        ------
        StructureError
            Which names the first thing that does not hold.
        """
        fault = self.evidence.fault()
        if fault is not None:
            raise StructureError(f"the partition of {self.domain} does not hold: {fault}")

    # -- the regions ---------------------------------------------------------------------------

    @property
    def num_regions(self) -> int:
        """Return the number of full-dimensional activation regions."""
        return len(self.words)

    @property
    def num_adjacencies(self) -> int:
        """Return the number of pairs of regions whose closures share a facet."""
        return len(self.edges)

    @property
    def words(self) -> NDArray[np.uint64]:
        """Return the patterns as bits, shape (regions, words), see :mod:`.patterns`."""
        return self.evidence.words

    @cached_property
    def patterns(self) -> NDArray[np.unsignedinteger]:
        """Return the patterns, shape (regions, neurons done): 1 where on, 0 where off.

        Of a network with clips or maxima a column is a unit of the user: the piece of a clip, 0,
        1 or 2, and the index of the argument of a maximum, the lowest where arguments tie.
        """
        patterns = unpack(self.words, self.network.widths)
        if self.network.units:
            return read_only(labels_of(self.network.units, patterns))
        return read_only(patterns[:, : self.neurons_done])

    @property
    def edges(self) -> NDArray[np.int32]:
        """Return the adjacent pairs (i, j), i < j, shape (num_adjacencies, 2)."""
        return self.evidence.edges

    @property
    def is_unbounded(self) -> NDArray[np.bool_]:
        """Return which regions are unbounded, shape (regions,); none in a box."""
        return self.evidence.is_unbounded

    def witness(self, i: int) -> Vector:
        """Return an exact point strictly inside region i, with few digits where that suffices."""
        return self.witnesses([i])[0]

    def witnesses(self, regions: Iterable[int] | None = None) -> list[Vector]:
        """Return an exact point strictly inside each region (all of them by default)."""
        wanted = range(self.num_regions) if regions is None else map(self._checked, regions)
        return self.evidence.witnesses(wanted)

    def interior_points(self) -> NDArray[np.float64]:
        """Return a float point inside each region, for drawing; shape (regions, d)."""
        return self.evidence.interior_points()

    def region_of(self, x: Iterable[object]) -> int | None:
        """Return the region that holds ``x``, or None outside the domain or on a boundary.

        A point lies in the closure of a region if and only if the region's pattern agrees with
        the signs at the point wherever these are not zero.
        """
        return self._location.region_of(self.network.point(x))

    def regions_of(self, points: Iterable[Iterable[object]]) -> NDArray[np.int64]:
        """Return the region of every point, -1 outside the domain or on a boundary: integers.

        ``points`` has shape (m, d), the result (m,); entry i is what :meth:`region_of` says of
        point i. Exact: floats are the dyadic rationals that they are. Arrays of floats or integers
        are fastest: nearly all points are decided by floats with proven bounds of their errors.
        """
        floats = as_floats(points)
        if floats is not None and floats.shape[1:] == (self.network.num_inputs,):
            return self._location.regions_of_floats(floats)
        rows = to_matrix(points, "the points")
        if rows and len(rows[0]) != self.network.num_inputs:
            raise DimensionError(
                f"the points have {counted(len(rows[0]), 'coordinate')}, expected "
                f"{self.network.num_inputs} as the network has inputs"
            )
        return self._location.regions_of(rows)

    def affine_map(self, i: int) -> tuple[Matrix, Vector]:
        """Return (A, b), exact: the network maps x in region i to A x + b."""
        self._check_done("affine maps")
        return self._location.affine_map(self._checked(i))

    # -- boundaries ----------------------------------------------------------------------------

    def decision_boundary(
        self,
        classes: Sequence[int] | None = None,
        *,
        side: str = "positive",
        engine: str = "auto",
        workers: int = 1,
    ) -> "Boundary | SearchedBoundary":
        """Return where in the domain the class of the network changes, exact.

        The class is the least index of a greatest output, of one output f whether f > 0. See
        :func:`exactbn.regions.boundary.asked.decision_boundary`: an engine cuts the domain anew, by
        what decides as well. By the LP engine distances are all that is known.
        """
        from exactbn.regions.boundary.asked import decision_boundary

        return decision_boundary(
            self.network, self.domain, classes=classes, side=side, engine=engine, workers=workers
        )

    def bent_hyperplane(self, unit: int, *, workers: int = 1) -> "Boundary":
        """Return the zeros of a hidden neuron's preactivation in the domain, exact.

        See :func:`exactbn.regions.boundary.asked.bent_hyperplane`.
        """
        from exactbn.regions.boundary.asked import bent_hyperplane

        return bent_hyperplane(self.network, unit, self.domain, workers=workers)

    # -- the graph -----------------------------------------------------------------------------

    def neighbours(self, i: int) -> NDArray[np.int32]:
        """Return the regions that share a facet with region i, ascending."""
        adjacency = self.adjacency()
        i = self._checked(i)
        found = adjacency.indices[adjacency.indptr[i] : adjacency.indptr[i + 1]]
        return read_only(np.sort(found))

    def adjacency(self) -> "scipy.sparse.csr_array":
        """Return the symmetric 0/1 adjacency matrix of the regions."""
        return self._adjacency

    def graph(self) -> "networkx.Graph":
        """Return the region adjacency graph, of up to 10^6 regions.

        See :func:`exactbn.regions.graph.region_graph`; :meth:`adjacency` has any size.
        """
        from exactbn.regions.graph import region_graph

        return region_graph(self)

    # -- the faces -----------------------------------------------------------------------------

    @property
    def has_faces(self) -> bool:
        """Return whether there are vertices, faces and volumes."""
        return self.evidence.faces is not None

    @property
    def f_vector(self) -> tuple[int, ...] | None:
        """Return the numbers of vertices, edges, ..., regions; None where there are no faces.

        The domain's own faces are included. None too where the complex is cut by more than the
        regions: without a box by walls that are not the network's, and where a region consists of
        several cells since entries of a maximum that lose are compared.
        """
        return None if self.evidence.faces is None else self.evidence.faces.f_vector

    @property
    def lattice(self) -> "FaceLattice":
        """Return the faces of the complex that subdivides the domain."""
        return self._faces("faces").lattice

    def volumes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (middle, radius): the volume of region i is within radius[i] of middle[i].

        Unbounded regions have the volume infinity.
        """
        return self._faces("volumes").volumes

    def volume(self, i: int) -> Fraction:
        """Return the exact volume of region i, which must be bounded."""
        return self._faces("volumes").volume(self._checked(i))

    def vertex(self, v: int) -> Vector:
        """Return the exact coordinates of vertex v of the complex."""
        return self._faces("vertices").vertex(v)

    def polygons(self) -> list[NDArray[np.float64]]:
        """Return the regions of a plane partition as float polygons in order, for drawing."""
        return self._faces("polygons").polygons()

    def homology(self, regions: Iterable[int], at_infinity: str = "open") -> "Homology":
        """Return the homology of the union of some closed regions, exact.

        Betti numbers and torsion. ``regions`` are their numbers; those that share a label, say.
        ``at_infinity`` is of effect where regions are unbounded, see
        :mod:`exactbn.regions.topology.sets`.
        """
        from exactbn.regions.topology.sets import homology, union_of_regions

        wanted = [self._checked(i) for i in regions]
        faces = self._faces("faces")
        return homology(faces.lattice, union_of_regions(faces, wanted), at_infinity)

    # -- files ---------------------------------------------------------------------------------

    def save(self, directory: str | Path, *, max_seconds: float | None = None) -> None:
        """Write the partition to a new directory, see :func:`exactbn.regions.storage.save`.

        What is :attr:`unproven` is proven first. If ``max_seconds`` do not suffice it is left out.
        """
        from exactbn.regions.storage import save

        budget = Budget.asked(max_seconds=max_seconds)
        save(self.network, self.domain, self.evidence, as_path(directory), budget)

    @classmethod
    def open(cls, directory: str | Path, *, check: bool = False) -> "Partition":
        """Read a partition that :meth:`save` wrote, without computing it again.

        A folder that was damaged is refused: every file is compared with its hash, faces and
        witnesses when they are first asked for. With ``check`` all is read and the structure is
        verified at once, as by :meth:`check`.

        Raises
        ------
        InputError
            If a file is missing, damaged, or not what a partition is made of.
        StructureError
            With ``check``, if the structure does not hold.
        """
        from exactbn.regions.storage import load

        partition = cls(*load(as_path(directory)))
        if check:
            partition.check()
        return partition

    def write_certificate(
        self, path: str | Path, *, force: bool = False, max_seconds: float | None = None
    ) -> None:
        """Write a proof that exactbn/checker.py checks, compressed where the name ends in .gz.

        Raises
        ------
        InputError
            If the partition is incomplete, the file exists without ``force``, or is not writable.
        LimitError
            When ``max_seconds`` are spent; then there is no file.
        """
        if self.stopped is not None:
            raise InputError("the partition is incomplete, so there is nothing to prove")
        budget = Budget.asked(max_seconds=max_seconds)
        self.evidence.write_proof(as_path(path), force=force, budget=budget)

    # -- what is derived when first asked for --------------------------------------------------

    @cached_property
    def _adjacency(self) -> "scipy.sparse.csr_array":
        from exactbn.regions.graph import adjacency_matrix

        return adjacency_matrix(self.edges, self.num_regions)

    @cached_property
    def _location(self) -> Location:
        return Location(self.network, self.domain, self.words, self.neurons_done)

    def _faces(self, what: str) -> Faces:
        if self.evidence.faces is None:
            raise InputError(
                f"engine {self.engine!r} makes no {what}; use engine='complex', which does"
            )
        return self.evidence.faces

    def _checked(self, i: object) -> int:
        """Return a region number after a look at its type and range."""
        return as_index(i, self.num_regions, "region")
