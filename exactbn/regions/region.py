"""A region as an object: everything that is asked of one region, exact, worked out when asked for.

A region is a full-dimensional convex polyhedron {x : A x <= b}, by both engines: what it is follows
from the half-spaces that it needs (:mod:`.sides`), and these from its pattern.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol, final

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import InputError
from exactbn.exact.enclosures import Enclosure, root_enclosure
from exactbn.exact.rational import Matrix, Vector, dot
from exactbn.exact.values import Value
from exactbn.model.network import Network
from exactbn.regions import measures
from exactbn.regions.evidence import Evidence
from exactbn.regions.measures import InscribedBall
from exactbn.regions.polyhedra import (
    Form,
    Polyhedron,
    centroid,
    polyhedron,
    simplex_volume,
    squared_flat_volume,
    to_point,
)
from exactbn.regions.sides import Side
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.regions.region_floats import RegionFloats


class HalfSpaces(NamedTuple):
    """The half-spaces A x <= b that a region needs, each row (a, b) in coprime integers."""

    A: Matrix
    b: Vector


class Regions(Protocol):
    """What a region asks of its partition; :class:`exactbn.Partition` has it."""

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
    def patterns(self) -> NDArray[np.unsignedinteger]:
        """Return the patterns, shape (regions, units)."""

    def witness(self, i: int) -> Vector:
        """Return a point strictly inside a region."""

    def neighbours(self, i: int) -> NDArray[np.int32]:
        """Return the regions that share a facet with a region."""

    def affine_map(self, i: int) -> tuple[Matrix, Vector]:
        """Return the affine map of a region."""


@final
@dataclass(frozen=True, eq=False, repr=False)
class Region(Value):
    """Region ``index`` of a partition: a full-dimensional convex polyhedron, exact.

    Every attribute is worked out when it is first asked for. All numbers are Fractions, but for
    those named as enclosures; :meth:`as_float` has the same as floats, correctly rounded. Numbers
    of units are the user's, as the columns of ``part.patterns``.
    """

    partition: Regions
    index: int

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Region):
            return NotImplemented
        return self.index == other.index and self.partition == other.partition

    def __hash__(self) -> int:
        return hash((self.index, self.partition))

    def __repr__(self) -> str:
        """Return one short line; the attributes have the numbers."""
        bounded = "bounded" if self.is_bounded else "unbounded"
        return (
            f"<Region {self.index} of {self.partition.num_regions}: {bounded}, "
            f"{counted(len(self.sides), 'facet')}>"
        )

    # -- what it is ----------------------------------------------------------------------------

    @property
    def dim(self) -> int:
        """Return d."""
        return self.partition.network.num_inputs

    @property
    def pattern(self) -> NDArray[np.unsignedinteger]:
        """Return the row of ``part.patterns``, shape (units,)."""
        pattern: NDArray[np.unsignedinteger] = self.partition.patterns[self.index]
        return pattern

    @cached_property
    def witness(self) -> Vector:
        """Return an exact point strictly inside, with few digits where that suffices."""
        return self.partition.witness(self.index)

    @cached_property
    def sides(self) -> tuple[Side, ...]:
        """Return the half-spaces that the region needs, with the units and domain behind each."""
        return self.partition.evidence.sides(self.index)

    @cached_property
    def halfspaces(self) -> HalfSpaces:
        """Return (A, b): the region is {x : A x <= b}, and every row of it is a facet's."""
        rows = [side.row for side in self.sides]
        matrix = tuple(tuple(Fraction(-t) for t in row[1:]) for row in rows)
        return HalfSpaces(matrix, tuple(Fraction(row[0]) for row in rows))

    @property
    def facets(self) -> "tuple[Facet, ...]":
        """Return the facets, in the order of the half-spaces."""
        return tuple(Facet(self, number) for number in range(len(self.sides)))

    def contains(self, x: Iterable[object]) -> bool:
        """Return whether the closed region holds a point of exact numbers."""
        point = self.partition.network.point(x)
        return all(dot(a, point) <= b for a, b in zip(*self.halfspaces, strict=True))

    # -- its faces -----------------------------------------------------------------------------

    @cached_property
    def is_bounded(self) -> bool:
        """Return whether the region is bounded."""
        evidence = self.partition.evidence
        if "is_unbounded" in evidence.unproven:  # of all regions, which takes long
            return None not in (*self.bounding_box[0], *self.bounding_box[1])
        return not evidence.is_unbounded[self.index]

    @cached_property
    def polyhedron(self) -> Polyhedron:
        """Return the half-spaces, vertices, rays and lines in homogeneous integers."""
        return polyhedron((side.row for side in self.sides), self.dim)

    @property
    def vertices(self) -> tuple[Vector, ...]:
        """Return the vertices, in ascending order.

        Of a region that holds whole lines, and so has no vertices: those of its part orthogonal to
        them, of which the region is the sum with its :attr:`lines`.
        """
        return tuple(map(to_point, self.polyhedron.points))

    @property
    def rays(self) -> tuple[Vector, ...]:
        """Return the extreme directions at infinity, in coprime integers; none where bounded.

        The region is the convex hull of its vertices, plus non-negative multiples of its rays, plus
        multiples of its lines.
        """
        return tuple(map(to_point, self.polyhedron.rays))

    @property
    def lines(self) -> tuple[Vector, ...]:
        """Return a basis of the directions of whole lines in the region; mostly there are none."""
        return tuple(map(to_point, self.polyhedron.lines))

    @cached_property
    def bounding_box(self) -> tuple[tuple[Fraction | None, ...], tuple[Fraction | None, ...]]:
        """Return (lo, hi), the least and greatest value of each coordinate, None for no bound."""
        return measures.bounding_box(self._rows, self.witness)

    @cached_property
    def volume(self) -> Fraction:
        """Return the exact volume.

        Raises
        ------
        InputError
            If the region is unbounded.
        """
        return sum(map(simplex_volume, self._simplices("volume")), Fraction(0))

    @cached_property
    def centroid(self) -> Vector:
        """Return the exact centroid.

        Raises
        ------
        InputError
            If the region is unbounded.
        """
        return centroid(self._simplices("centroid"))

    def inscribed_ball(self, norm: object = "inf") -> InscribedBall:
        """Return a greatest ball inside of the region: center and radius, exact for "inf" and 1.

        For the norm 2 its radius lies between ``radius``, for which the ball is inside, and
        ``most``; see :class:`exactbn.regions.measures.InscribedBall`.

        Raises
        ------
        InputError
            If the norm is not "inf", 1 or 2, or the region holds balls of every radius.
        """
        ball = measures.inscribed_ball(self._rows, self.witness, measures.checked_norm(norm))
        if ball is None:
            raise InputError(
                f"region {self.index} holds balls of every radius, expected one with a greatest"
            )
        return ball

    # -- the network on it ---------------------------------------------------------------------

    @cached_property
    def affine_map(self) -> tuple[Matrix, Vector]:
        """Return (A, b), exact: the network maps x in the region to A x + b."""
        return self.partition.affine_map(self.index)

    def lipschitz(self, norm: object = "inf") -> Fraction:
        """Return the exact Lipschitz constant of the affine map, from a norm to the same norm.

        "inf" is the greatest absolute value of a coordinate, 1 their sum. For the norm 2 the
        constant is irrational as a rule: :meth:`lipschitz_enclosure`.
        """
        own = measures.checked_norm(norm)
        if own == 2:
            raise InputError(
                "the Lipschitz constant of the norm 2 is irrational as a rule; expected 'inf' or "
                "1, and lipschitz_enclosure() has that of the norm 2"
            )
        return measures.operator_norm(self.affine_map[0], own)

    def lipschitz_enclosure(self) -> Enclosure:
        """Return the Euclidean Lipschitz constant as a float, and a proven bound of its error."""
        return measures.spectral_norm(self.affine_map[0])

    # -- its neighbours ------------------------------------------------------------------------

    @cached_property
    def neighbours(self) -> NDArray[np.int32]:
        """Return the regions that share a facet with this one, ascending."""
        return self.partition.neighbours(self.index)

    def facet(self, j: int) -> "Facet":
        """Return the facet that the region shares with its neighbour j.

        Raises
        ------
        InputError
            If they share no facet.
        """
        for number, other in enumerate(self.beyond):
            if other == j:
                return Facet(self, number)
        raise InputError(
            f"regions {self.index} and {j} share no facet, expected one of the neighbours "
            f"{', '.join(map(str, self.neighbours.tolist())) or '(there are none)'}"
        )

    @cached_property
    def beyond(self) -> tuple[int | None, ...]:
        """Return the region beyond each facet, None where the domain ends.

        (And where a budget left it out, of a partition that is incomplete.)

        There is just one, and the facet is a facet of both. For let two regions lie beyond parts of
        one facet, and take the first unit whose label differs between the two: its preactivation,
        of a maximum the lead of one entry over another, is one affine function on both, vanishes
        on the facet, and has on the far side of its hyperplane one sign. So they do not differ.
        The facet's row is the one whose negative is a row of the neighbour: on two hyperplanes
        they would have no more than d - 2 dimensions in common.
        """
        own = {side.row: number for number, side in enumerate(self.sides)}
        found: list[int | None] = [None] * len(own)
        for j in self.neighbours.tolist():
            for side in self.partition.evidence.sides(j):
                number = own.get(tuple(-t for t in side.row))
                if number is not None:
                    found[number] = j
        return tuple(found)

    def as_float(self) -> "RegionFloats":
        """Return the same numbers as floats, each the float64 nearest to the exact one."""
        from exactbn.regions.region_floats import RegionFloats

        return RegionFloats(self)

    @property
    def _rows(self) -> list[Form]:
        return [side.row for side in self.sides]

    def _simplices(self, what: str) -> list[tuple[Form, ...]]:
        if not self.is_bounded:
            raise InputError(f"region {self.index} is unbounded, so it has no {what}")
        return self.polyhedron.simplices(self.dim)


@final
@dataclass(frozen=True, eq=False, repr=False)
class Facet(Value):
    """Facet ``number`` of a region: a convex polyhedron of dimension d - 1, exact."""

    region: Region
    number: int

    def __repr__(self) -> str:
        """Return one short line."""
        if self.neighbour is not None:
            to = f"region {self.neighbour}"
        else:
            to = "the end of the domain" if self.domain else "what a budget left out"
        return f"<Facet {self.number} of region {self.region.index}, to {to}>"

    @property
    def side(self) -> Side:
        """Return the half-space that it bounds."""
        return self.region.sides[self.number]

    @property
    def row(self) -> Form:
        """Return (c, g) in coprime integers: the region is where c + g x >= 0, the facet where 0.

        So it is (b, -a) for the row a x <= b of the half-spaces.
        """
        return self.side.row

    @property
    def units(self) -> tuple[int, ...]:
        """Return the units whose hyperplane it is on, as the region sees them."""
        return self.side.units

    @property
    def domain(self) -> tuple[str, ...]:
        """Return the sides of the domain that it is on; none between two regions."""
        return self.side.domain

    @property
    def neighbour(self) -> int | None:
        """Return the region beyond; None where the domain ends, see :attr:`domain`.

        None too where a budget left that region out.
        """
        return self.region.beyond[self.number]

    @property
    def flips(self) -> tuple[int, ...]:
        """Return the units whose label differs in the region beyond; none where that is None.

        Others than :attr:`units`: one that vanishes on the whole region may flip too, and one that
        is positive on both sides, as |x| is at 0, does not.
        """
        if self.neighbour is None:
            return ()
        other = self.region.partition.patterns[self.neighbour]
        return tuple(np.flatnonzero(self.region.pattern != other).tolist())

    @cached_property
    def polyhedron(self) -> Polyhedron:
        """Return its rows, vertices, rays and lines in homogeneous integers."""
        rows = [side.row for k, side in enumerate(self.region.sides) if k != self.number]
        return polyhedron(rows, self.region.dim, flat=[self.row])

    @property
    def vertices(self) -> tuple[Vector, ...]:
        """Return the vertices, as those of a region."""
        return tuple(map(to_point, self.polyhedron.points))

    @property
    def rays(self) -> tuple[Vector, ...]:
        """Return the extreme directions at infinity, as those of a region."""
        return tuple(map(to_point, self.polyhedron.rays))

    @property
    def lines(self) -> tuple[Vector, ...]:
        """Return a basis of the directions of whole lines in it."""
        return tuple(map(to_point, self.polyhedron.lines))

    @property
    def is_bounded(self) -> bool:
        """Return whether it is bounded."""
        return self.polyhedron.is_bounded

    @cached_property
    def squared_volume(self) -> Fraction:
        """Return the square of the (d - 1)-dimensional volume, which is rational.

        1 where d = 1: a facet is a point.

        Raises
        ------
        InputError
            If it is unbounded.
        """
        if not self.is_bounded:
            raise InputError("the facet is unbounded, so it has no volume")
        return squared_flat_volume(self.polyhedron.simplices(self.region.dim - 1), self.row[1:])

    @property
    def volume(self) -> Enclosure:
        """Return the (d - 1)-dimensional volume as a float, and a proven bound of its error."""
        return root_enclosure(self.squared_volume)
