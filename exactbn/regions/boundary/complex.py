"""A boundary in the input space as a complex, and exact distances to it.

Every distance is exact, and so is the decision which piece is the nearest one: floats only propose
an order in which to look, and lower bounds that are proven (:mod:`.lower_bounds`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Vector, nearest_floats, sqrt_rounded
from exactbn.exact.values import Value
from exactbn.model.arrays import read_only
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.regions import geometry
from exactbn.regions.boundary.approach import Distances
from exactbn.regions.boundary.bends import Bend, bends_of
from exactbn.regions.boundary.face_set import FaceSet, coordinates
from exactbn.regions.boundary.foot import Foot, Hull, nearest_in_hull, to_row
from exactbn.regions.boundary.lower_bounds import LowerBounds, enclosure
from exactbn.regions.boundary.measures import squared_volume
from exactbn.regions.partition import Partition
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.regions.topology.homology import Homology

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False, repr=False)
class Boundary(Distances, Value):
    """A closed set of faces of dimension d - 1 and less: a decision boundary, a bent hyperplane.

    ``what`` says in words which set it is, ``network`` of which network. ``partition`` is that of
    the domain by the hidden neurons and what decides, as its last neurons. ``faces`` are the faces
    of the set. ``flat_regions`` are the regions of ``partition`` on all of which what decides ties,
    or is zero: no boundary comes of that alone, and in a set of zeros they belong to it.

    *Pieces* are the faces of dimension d - 1 that are in no greater one: convex polyhedra, numbered
    from 0. *Isolated* faces are those of a lower dimension that are in no other face: a logit may
    vanish at one point only. The set is the union of pieces and isolated faces (and flat regions,
    of zeros), and so are distances to it.

    Obtained from :meth:`exactbn.Partition.decision_boundary`, or ``bent_hyperplane``.
    """

    what: str
    network: Network
    partition: Partition
    faces: FaceSet
    flat_regions: Ints

    def __repr__(self) -> str:
        """Return one short line; the attributes have the numbers."""
        return (
            f"<Boundary, {self.what} of a {self.network.architecture} network: "
            f"{counted(self.num_pieces, 'piece')}, {counted(self.num_components, 'component')}>"
        )

    # -- what it consists of -------------------------------------------------------------------

    @property
    def domain(self) -> Domain:
        """Return the domain that the boundary is in."""
        return self.partition.domain

    @property
    def is_complete(self) -> bool:
        """Return whether the complex is established to fill the domain, so that no face lacks."""
        return self.partition.is_complete

    @property
    def num_pieces(self) -> int:
        """Return the number of pieces, polyhedra of dimension d - 1."""
        return len(self._pieces)

    @property
    def num_isolated(self) -> int:
        """Return the number of faces of dimension less than d - 1 that are in no other face."""
        return int((self._maximal_dims < self.domain.dim - 1).sum())

    @property
    def num_components(self) -> int:
        """Return the number of connected components, isolated faces among them."""
        return int(self.faces.component_of.max(initial=-1)) + 1

    @property
    def component_of(self) -> Ints:
        """Return the component of each piece, shape (pieces,), numbered from 0."""
        return read_only(self.faces.component_of[self._pieces])

    @property
    def f_vector(self) -> tuple[int, ...]:
        """Return the numbers of vertices, edges, ... of the set, faces of the domain among them.

        Those of the set itself: walls by which an engine cuts R^d do not count. Length d, or d + 1
        where flat regions belong to it.
        """
        return self.faces.f_vector

    @cached_property
    def is_unbounded(self) -> NDArray[np.bool_]:
        """Return which pieces are unbounded, shape (pieces,)."""
        infinite = self.partition.lattice.is_at_infinity
        return read_only(
            np.array([infinite[self._generators(i)].any() for i in self._pieces], dtype=np.bool_)
        )

    @cached_property
    def betti(self) -> tuple[int, ...]:
        """Return the Betti numbers over Q, b_0 to b_(d-1): components, holes by dimension.

        Of the set as it is, unbounded where it is.
        """
        return self.homology().betti[: self.domain.dim]

    def homology(self, at_infinity: str = "open") -> "Homology":
        """Return the homology over Z, with torsion; of what becomes of infinity as the name says.

        See :func:`exactbn.regions.topology.sets.homology`.
        """
        from exactbn.regions.topology.sets import homology

        return homology(self.partition.lattice, self.faces.mask, at_infinity)

    def vertices(self, piece: int) -> list[Vector]:
        """Return the exact points of whose hull, with :meth:`rays`, a piece consists.

        Where the piece was cut by walls they are more than its vertices.
        """
        return [self._points[v] for v in self._of_piece(piece) if v in self._points]

    def rays(self, piece: int) -> list[Vector]:
        """Return the exact directions along which a piece is unbounded; none in a box."""
        return [self._rays[v] for v in self._of_piece(piece) if v in self._rays]

    def isolated(self) -> list[list[Vector]]:
        """Return the exact vertices of every isolated face; a single one is an isolated point."""
        few = np.flatnonzero(self._maximal_dims < self.domain.dim - 1)
        return [
            [self._points[v] for v in self._generators(i).tolist() if v in self._points]
            for i in few.tolist()
        ]

    def float_segments(self) -> Floats:
        """Return the ends of the pieces as floats, shape (pieces, 2, 2), for drawing.

        Raises
        ------
        DimensionError
            If the domain is no plane, or a piece is unbounded.
        """
        if self.domain.dim != 2 or self.is_unbounded.any():
            raise DimensionError(
                f"segments need bounded pieces with d = 2, the domain is {self.domain}"
            )
        ends = []
        for i in range(self.num_pieces):
            points = self.vertices(i)
            # Of points on a line the least and the greatest one are the ends.
            ends += [nearest_floats(min(points)), nearest_floats(max(points))]
        return np.array(ends, dtype=np.float64).reshape(-1, 2, 2)

    # -- how large it is, how it bends ----------------------------------------------------------

    def squared_volume(self, piece: int) -> Fraction:
        """Return the exact square of the length (d = 2), area (d = 3), ... of a bounded piece.

        Raises
        ------
        InputError
            If there is no such piece, or it is unbounded.
        """
        if self.is_unbounded[self._checked(piece)]:
            raise InputError(f"piece {piece} is unbounded, expected a bounded one")
        lattice, faces = self.partition.lattice, self.faces
        whole = faces.maximal[self._pieces[piece]]
        cells = faces.members[faces.face_of == whole]
        k = self.domain.dim - 1
        cells = cells[(cells >= lattice.starts[k]) & (cells < lattice.starts[k + 1])]
        simplices = [
            [self._points[v] for v in simplex.tolist()]
            for cell in cells.tolist()
            for simplex in geometry.face_simplices(lattice, cell, k, self._apexes)
        ]
        return squared_volume(simplices)

    def volume(self) -> tuple[float, float]:
        """Return (middle, radius): the length, area, ... of all pieces is within radius of middle.

        Of d = 1 it is the number of pieces. (inf, 0) where a piece is unbounded.
        """
        if self.is_unbounded.any():
            return np.inf, 0
        squares = [self.squared_volume(i) for i in range(self.num_pieces)]
        roots = [sqrt_rounded(t) for t in squares]
        wrong = [Fraction(0) if r * r == t else r / 2**53 for r, t in zip(roots, squares)]
        return enclosure(sum(roots, Fraction(0)), sum(wrong, Fraction(0)))

    @cached_property
    def bends(self) -> tuple[Bend, ...]:
        """Return where pieces meet at an angle, and the units that are zero there.

        See :class:`exactbn.regions.boundary.bends.Bend`.
        """
        return bends_of(self.faces, self._pieces, self.network.num_hidden)

    @property
    def bending_units(self) -> tuple[int, ...]:
        """Return the hidden neurons of the network at which the boundary bends, ascending."""
        return tuple(sorted({unit for bend in self.bends for unit in bend.units}))

    # -- proof ---------------------------------------------------------------------------------

    def proof(self, x: Iterable[object]) -> tuple[Foot, list[Vector], list[Vector]]:
        """Return the nearest point with what proves it, and the generators of the face it is in.

        The :class:`exactbn.regions.boundary.foot.Foot` has its weights, and with the points and
        rays of the face :func:`exactbn.regions.boundary.foot.is_nearest` checks it.

        Raises
        ------
        InputError
            If there is no boundary.
        """
        foot, face = self._foot(self.network.point(x))
        if foot is None:
            raise InputError(f"there is no {self.what} in {self.domain}, so nothing is nearest")
        own = self._generators(face).tolist()
        points = [self._points[v] for v in own if v in self._points]
        return foot, points, [self._rays[v] for v in own if v in self._rays]

    # -- inside --------------------------------------------------------------------------------

    def _nearest(self, x: Vector) -> tuple[Fraction, Vector] | None:
        foot, _ = self._foot(x)
        return None if foot is None else (foot.squared_distance, foot.point)

    def _foot(self, x: Vector) -> tuple[Foot | None, int]:
        """Return the nearest point, and the maximal face that it is in.

        The faces are looked at in the order of their bounds until the next one, and so all that
        follow, is farther than the least distance found.
        """
        if not len(self.faces.maximal):
            return None, -1
        bounds = self._bounds.of_point(x)
        row, side = to_row(x), self._bounds.side
        best: Foot | None = None
        face = -1
        for i in np.argsort(bounds, kind="stable").tolist():
            if best is not None:
                if (Fraction(float(bounds[i])) * side) ** 2 > best.squared_distance:
                    break
            foot = nearest_in_hull(row, self._hulls[i], self._bounds.seeming_support(i, x))
            if best is None or _key(foot) < _key(best):
                best, face = foot, i
        return best, face

    def _checked(self, piece: object) -> int:
        """Return the number of a piece after a look at its type and range."""
        if not isinstance(piece, (int, np.integer)) or not 0 <= piece < self.num_pieces:
            raise InputError(
                f"piece {piece!r}, expected an integer from 0 to {self.num_pieces - 1}"
            )
        return int(piece)

    def _of_piece(self, piece: int) -> list[int]:
        found: list[int] = self._generators(int(self._pieces[self._checked(piece)])).tolist()
        return found

    def _generators(self, i: int) -> Ints:
        """Return the vertices of a maximal face, by its place among these."""
        indptr, vertices = self.faces.generators
        return vertices[indptr[i] : indptr[i + 1]]

    @cached_property
    def _maximal_dims(self) -> Ints:
        return self.faces.dims[self.faces.maximal]

    @cached_property
    def _pieces(self) -> Ints:
        """Return the places of the pieces among the maximal faces."""
        return np.flatnonzero(self._maximal_dims == self.domain.dim - 1)

    @cached_property
    def _located(self) -> tuple[dict[int, Vector], dict[int, Vector]]:
        """Return the exact coordinates of all generators: points, and directions."""
        wanted = np.unique(self.faces.generators[1]).tolist()
        points: dict[int, Vector] = {}
        rays: dict[int, Vector] = {}
        for v, (length, *place) in zip(wanted, coordinates(self.partition, wanted), strict=True):
            below = int(length) or 1
            kind = points if length != 0 else rays
            kind[v] = tuple(Fraction(int(t), below) for t in place)
        return points, rays

    @property
    def _points(self) -> dict[int, Vector]:
        return self._located[0]

    @property
    def _rays(self) -> dict[int, Vector]:
        return self._located[1]

    @cached_property
    def _hulls(self) -> list[Hull]:
        """Return every maximal face as the hull of its points and rays."""
        points, rays = ({v: to_row(x) for v, x in kind.items()} for kind in self._located)
        return [
            Hull([points[v] for v in own if v in points], [rays[v] for v in own if v in rays])
            for own in (self._generators(i).tolist() for i in range(len(self.faces.maximal)))
        ]

    @cached_property
    def _bounds(self) -> LowerBounds:
        sets = [self._generators(i).tolist() for i in range(len(self.faces.maximal))]
        return LowerBounds.of(sets, self._points, self._rays)

    @cached_property
    def _apexes(self) -> NDArray[np.int32]:
        return geometry.least_vertices(self.partition.lattice)


def _key(foot: Foot) -> tuple[Fraction, Vector]:
    return foot.squared_distance, foot.point
