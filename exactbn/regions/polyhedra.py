"""Exact polyhedra of few dimensions: vertices, rays and lines, simplices, volumes, centroids.

A row (c, g) is >= 0 where c + g x >= 0, in coprime integers; a point x is a homogeneous ray (x_0,
x_0 x) in coprime integers, x_0 > 0, and a direction u the ray (0, u). So the polyhedron of rows is
a cone in d + 1 dimensions, which the double description method finds row by row (T. S. Motzkin, H.
Raiffa, G. L. Thompson, R. M. Thrall, in: Contributions to the theory of games II, 1953): two rays
of a cone span a 2-face of it if and only if no third one lies on all the rows on which both lie.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import factorial, gcd, lcm, prod

from flint import fmpq, fmpq_mat, fmpz_mat

from exactbn.errors import InputError, InternalError
from exactbn.exact.rational import Vector

#: Integers (constant, gradient), or a ray (x_0, x).
Form = tuple[int, ...]

#: Rays of one polyhedron beyond which it is not followed: every pair is compared with all others.
MOST_RAYS = 512


@dataclass(frozen=True)
class Polyhedron:
    """A polyhedron {x in R^d : all ``rows`` are >= 0}: points + rays + lines, in one form.

    ``lines`` are a basis of the directions in which it has no end on either side. Modulo these,
    that is in their orthogonal complement, ``points`` are the vertices and ``rays`` the extreme
    directions; where there are no lines, of the polyhedron itself. ``on`` says of each point and
    each ray, as bits, on which rows it lies.
    """

    rows: tuple[Form, ...]
    points: tuple[Form, ...]
    rays: tuple[Form, ...]
    lines: tuple[Form, ...]

    @property
    def is_bounded(self) -> bool:
        """Return whether there is neither a ray nor a line."""
        return not self.rays and not self.lines

    @property
    def generators(self) -> tuple[Form, ...]:
        """Return the points, then the rays, then the lines."""
        return (*self.points, *self.rays, *self.lines)

    @cached_property
    def on(self) -> dict[Form, int]:
        """Return on which rows each point and ray lies, as bits."""
        return {
            ray: sum(1 << k for k, row in enumerate(self.rows) if value(row, ray) == 0)
            for ray in (*self.points, *self.rays)
        }

    def is_within(self, row: Form) -> bool:
        """Return whether a row is >= 0 on the whole polyhedron."""
        return all(value(row, ray) >= 0 for ray in (*self.points, *self.rays)) and not any(
            value(row, line) for line in self.lines
        )

    def simplices(self, dim: int) -> list[tuple[Form, ...]]:
        """Return simplices that fill the polyhedron, which is bounded and of dimension ``dim``.

        By pulling: the first vertex of each face is joined to its facets that do not hold it. The
        facets of a face are the largest of its proper parts that lie on a row.
        """
        if not self.is_bounded:
            raise InternalError("an unbounded polyhedron has no simplices; please report this")
        parts = [frozenset(p for p in self.points if self.on[p] >> k & 1)
                 for k in range(len(self.rows))]  # fmt: skip
        known: dict[frozenset[Form], list[tuple[Form, ...]]] = {}
        return _pulled(frozenset(self.points), dim, parts, known)


def _pulled(
    face: frozenset[Form],
    dim: int,
    parts: Sequence[frozenset[Form]],
    known: dict[frozenset[Form], list[tuple[Form, ...]]],
) -> list[tuple[Form, ...]]:
    """Return simplices that fill a face of so many dimensions."""
    if face in known:
        return known[face]
    apex = min(face)
    if dim == 0:
        return [(apex,)]
    proper = {below for part in parts if (below := face & part) and below != face}
    known[face] = [
        (apex, *simplex)
        for facet in sorted(proper, key=sorted)
        if apex not in facet and not any(facet < other for other in proper)
        for simplex in _pulled(facet, dim - 1, parts, known)
    ]
    return known[face]


def polyhedron(rows: Iterable[Form], d: int, flat: Sequence[Form] = ()) -> Polyhedron:
    """Return the polyhedron of the points of R^d where all rows are >= 0, and those ``flat`` are 0.

    It has to have a point. ``on`` is by the rows alone.

    Raises
    ------
    InputError
        If it has more than :data:`MOST_RAYS` vertices and rays on the way.
    """
    own = tuple(rows)
    infinity = (1, *(0,) * d)
    lines = [tuple(int(i == k) for i in range(d + 1)) for k in range(d + 1)]
    rays: dict[Form, int] = {}
    for number, row in enumerate((*flat, infinity, *own)):
        lines, rays = _cut(lines, rays, row, 1 << number, is_flat=number < len(flat))
        if len(rays) > MOST_RAYS:
            raise InputError(
                f"a region has over {MOST_RAYS} vertices and rays of its half-spaces, expected "
                "fewer for its vertices to be told; its half-spaces, bounding box and balls are"
            )
    basis = _reduced_lines(lines, d)
    ends = sorted(_orthogonal(ray, basis) for ray in rays)
    points = tuple(sorted((ray for ray in ends if ray[0]), key=to_point))
    return Polyhedron(own, points, tuple(ray for ray in ends if not ray[0]), basis)


def _cut(
    lines: list[Form], rays: dict[Form, int], row: Form, bit: int, *, is_flat: bool
) -> tuple[list[Form], dict[Form, int]]:
    """Return the lines and rays of a cone where a row is >= 0, or where it is 0.

    With each ray goes on which rows so far it lies.
    """
    across = next((line for line in lines if value(row, line)), None)
    if across is not None:
        if value(row, across) < 0:
            across = tuple(-t for t in across)
        others = [line for line in lines if line not in (across, _opposite(across))]
        lines = [_moved(line, row, across) for line in others]
        rays = {_moved(ray, row, across): on | bit for ray, on in rays.items()}
        if not is_flat:
            rays[across] = bit - 1  # it lies on all rows before this one
        return lines, rays
    values = {ray: value(row, ray) for ray in rays}
    kept = {ray: on | bit * (values[ray] == 0) for ray, on in rays.items()
            if values[ray] == 0 or (values[ray] > 0 and not is_flat)}  # fmt: skip
    # Rows on which two rays lie that span a 2-face: as many as that has codimensions, or more.
    least = len(row) - 2 - len(lines)
    up = [ray for ray in rays if values[ray] > 0]
    down = [ray for ray in rays if values[ray] < 0]
    for p in up:
        for q in down:
            common = rays[p] & rays[q]
            if common.bit_count() < least:
                continue
            third = (on for r, on in rays.items() if r not in (p, q))
            if not any(on & common == common for on in third):
                kept[_between(p, q, values[p], -values[q])] = common | bit
    return lines, kept


def _opposite(ray: Form) -> Form:
    return tuple(-t for t in ray)


def _moved(ray: Form, row: Form, across: Form) -> Form:
    """Return a positive multiple of a ray, moved along another one to where a row is 0."""
    height, own = value(row, across), value(row, ray)
    return primitive(height * s - own * t for s, t in zip(ray, across, strict=True))


def _between(p: Form, q: Form, above: int, below: int) -> Form:
    """Return where a row that is ``above`` at p and -``below`` at q is 0 between them."""
    return primitive(below * s + above * t for s, t in zip(p, q, strict=True))


def value(row: Form, ray: Form) -> int:
    """Return the value of a row at a ray."""
    return sum(s * t for s, t in zip(row, ray, strict=True))


def primitive(numbers: Iterable[int]) -> Form:
    """Return integers divided by their greatest common divisor."""
    own = tuple(numbers)
    divisor = gcd(*own) or 1
    return own if divisor == 1 else tuple(t // divisor for t in own)


def integers(numbers: Sequence[Fraction]) -> Form:
    """Return the smallest positive multiple of rationals in integers."""
    common = lcm(*(t.denominator for t in numbers))
    return primitive(t.numerator * (common // t.denominator) for t in numbers)


def to_point(ray: Form) -> Vector:
    """Return the point of a ray with x_0 > 0, or the direction of one with x_0 = 0."""
    return tuple(Fraction(t, ray[0] or 1) for t in ray[1:])


def dimension(generators: Sequence[Form]) -> int:
    """Return the dimension of the polyhedron of some points, rays and lines."""
    return int(fmpz_mat([list(ray) for ray in generators]).rank()) - 1 if generators else -1


def simplex_volume(points: Sequence[Form]) -> Fraction:
    """Return the volume of a simplex of d + 1 points of R^d."""
    determinant = abs(int(fmpz_mat([list(point) for point in points]).det()))
    return Fraction(determinant, factorial(len(points) - 1) * prod(p[0] for p in points))


def squared_flat_volume(simplices: Sequence[Sequence[Form]], normal: Form) -> Fraction:
    """Return the squared (d - 1)-volume of simplices of d points on a plane of normal g.

    Seen along an axis k on which g_k is not 0 all of them shrink by |g_k| / |g|.
    """
    axis = max(range(len(normal)), key=lambda k: abs(normal[k]))
    seen = [[(*p[: 1 + axis], *p[2 + axis :]) for p in simplex] for simplex in simplices]
    total = sum(map(simplex_volume, seen), Fraction(0))
    return total**2 * sum(g * g for g in normal) / normal[axis] ** 2


def centroid(simplices: Sequence[Sequence[Form]]) -> Vector:
    """Return the centroid of simplices of positive volume that fill a polytope."""
    total = Fraction(0)
    moment: list[Fraction] = [Fraction(0)] * (len(simplices[0]) - 1)
    for simplex in simplices:
        volume = simplex_volume(simplex)
        total += volume
        corners = zip(*map(to_point, simplex), strict=True)
        moment = [s + volume * sum(t) / len(simplex) for s, t in zip(moment, corners, strict=True)]
    return tuple(t / total for t in moment)


def _reduced_lines(lines: Sequence[Form], d: int) -> tuple[Form, ...]:
    """Return the basis of some directions in echelon form, each in coprime integers."""
    if not lines:
        return ()
    reduced, rank = fmpq_mat(fmpz_mat([list(line) for line in lines])).rref()
    rows = [[_fraction(reduced[k, c]) for c in range(d + 1)] for k in range(rank)]
    return tuple(integers(row) for row in rows)


def _orthogonal(ray: Form, lines: Sequence[Form]) -> Form:
    """Return a ray moved along lines, which are directions, to where it is orthogonal to them."""
    if not lines:
        return ray
    basis = fmpq_mat(fmpz_mat([list(line) for line in lines]))
    own = fmpq_mat(fmpz_mat([[t] for t in ray]))
    share = (basis * basis.transpose()).solve(basis * own)
    rest = own - basis.transpose() * share
    return integers([_fraction(rest[k, 0]) for k in range(len(ray))])


def _fraction(t: fmpq) -> Fraction:
    return Fraction(int(t.p), int(t.q))
