"""Domains in which a partition is computed: boxes, polytopes in them, all of R^d."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import gcd, inf, lcm, prod
from typing import Any, final

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Matrix, Vector, dot, to_fraction, to_matrix, to_text, to_vector
from exactbn.wording import counted

#: Dimensions up to which there are balls of the norm 1: 1024 rows.
MOST_INPUTS_OF_BALL = 10

#: What a domain without rows is made with, which needs no second look.
_NO_ROWS: tuple[()] = ()


@final
@dataclass(frozen=True)
class Box:
    """The closed box {x : lo_i <= x_i <= hi_i}, full-dimensional, with rational bounds.

    ``lo`` and ``hi`` are given as sequences of exact numbers, floats as the dyadic rationals that
    they are, and kept as Fractions.

    >>> Box((0.5, 0), (1, "4/3")).hi
    (Fraction(1, 1), Fraction(4, 3))
    """

    lo: Vector
    hi: Vector

    def __post_init__(self) -> None:
        for name in ("lo", "hi"):
            bounds = getattr(self, name)
            if isinstance(bounds, str) or not isinstance(bounds, Iterable):
                raise InputError(
                    f"{name} is {bounds!r}, expected a sequence of bounds, one an axis; "
                    "Box.of(lo, hi, d) takes one bound for all axes"
                )
            object.__setattr__(self, name, to_vector(bounds, name))
        if len(self.lo) != len(self.hi):
            raise DimensionError(
                f"the box has {len(self.lo)} lower and {len(self.hi)} upper bounds, "
                "expected as many of one as of the other"
            )
        if not self.lo:
            raise DimensionError("the box has no axes, expected at least one")
        for i, (lo, hi) in enumerate(zip(self.lo, self.hi, strict=True)):
            if lo >= hi:
                raise InputError(
                    f"the box is empty or flat on axis {i}: lo is {to_text(lo)} and hi is "
                    f"{to_text(hi)}, expected lo < hi"
                )

    @classmethod
    def of(cls, lo: object, hi: object, d: int) -> "Box":
        """Return the box of d dimensions; a scalar bound holds for every axis.

        >>> Box.of(-1, (1, "1/3"), 2).volume
        Fraction(8, 3)
        """
        return cls(_bound(lo, d, "lo"), _bound(hi, d, "hi"))

    @classmethod
    def ball(cls, center: Iterable[object], radius: object) -> "Box":
        """Return the closed ball of the maximum norm: {x : |x_i - center_i| <= radius for all i}.

        >>> Box.ball((0, "1/2"), 0.25).lo
        (Fraction(-1, 4), Fraction(1, 4))
        """
        r = to_fraction(radius, "radius")
        if r <= 0:
            raise InputError(f"the radius is {to_text(r)}, expected > 0")
        middle = to_vector(center, "center")
        return cls(tuple(t - r for t in middle), tuple(t + r for t in middle))

    @property
    def dim(self) -> int:
        """Return d."""
        return len(self.lo)

    @property
    def volume(self) -> Fraction:
        """Return the exact volume."""
        return prod((hi - lo for lo, hi in zip(self.lo, self.hi, strict=True)), start=Fraction(1))

    def contains(self, x: Vector) -> bool:
        """Return whether the closed box holds the point ``x``."""
        return all(lo <= t <= hi for lo, t, hi in zip(self.lo, x, self.hi, strict=True))

    def has_inside(self, x: Vector) -> bool:
        """Return whether the point ``x`` is in the interior of the box."""
        return all(lo < t < hi for lo, t, hi in zip(self.lo, x, self.hi, strict=True))

    def __str__(self) -> str:
        """Return the box as a product of intervals.

        >>> str(Box.of(-1, "1/3", 2)), str(Box.of((0, -1), 1, 2))
        ('[-1, 1/3]^2', '[0, 1] x [-1, 1]')
        """
        return " x ".join(self.sides())

    def sides(self) -> list[str]:
        """Return the intervals as texts, a power of one where all are the same."""
        bounds = zip(self.lo, self.hi, strict=True)
        sides = [f"[{to_text(lo)}, {to_text(hi)}]" for lo, hi in bounds]
        if len(sides) > 1 and len(set(sides)) == 1:
            return [f"{sides[0]}^{len(sides)}"]
        return sides


@final
@dataclass(frozen=True)
class Domain:
    """The closed domain {x in R^d : x in the box, A x <= b}; without a box all of R^d.

    The rows are kept in one form, however they were given: integers without a common divisor, each
    once, in ascending order, and none that bounds nothing (0 x <= b with b >= 0). So two domains
    are equal where their boxes are and their rows say the same, up to positive factors and order.

    ``matrix`` is A of shape (m, d) and ``bounds`` b of shape (m,), exact.
    """

    dim: int
    box: Box | None = None
    matrix: Matrix = _NO_ROWS
    bounds: Vector = _NO_ROWS

    def __post_init__(self) -> None:
        if self.box is not None and self.box.dim != self.dim:
            raise DimensionError(f"the box has dimension {self.box.dim}, expected {self.dim}")
        if self.matrix is self.bounds is _NO_ROWS:
            return
        matrix, bounds = to_matrix(self.matrix, "A"), to_vector(self.bounds, "b")
        if len(matrix) != len(bounds):
            raise DimensionError(
                f"there are {counted(len(matrix), 'row')} and {counted(len(bounds), 'bound')}, "
                "expected as many of one as of the other"
            )
        rows = sorted(set(_primitive_rows(matrix, bounds, self.dim)))
        object.__setattr__(self, "matrix", tuple(row[1:] for row in rows))
        object.__setattr__(self, "bounds", tuple(row[0] for row in rows))

    @classmethod
    def space(cls, d: int) -> "Domain":
        """Return all of R^d."""
        return cls(d)

    @classmethod
    def of(cls, box: "Box | Domain") -> "Domain":
        """Return a box as a domain; a domain is one."""
        return box if isinstance(box, Domain) else cls(box.dim, box)

    @classmethod
    def cut(cls, box: "Box | Domain", rows: tuple[Any, Any]) -> "Domain":
        """Return the part {x : A x <= b} of a box, for a pair ``rows`` = (A, b).

        Raises
        ------
        DimensionError
            If A has not d columns, or not as many rows as b has entries.
        InputError
            If the rows are no such pair, or one of them holds nowhere (0 x <= b with b < 0).

        Examples
        --------
        >>> Domain.cut(Box.of(0, 1, 2), ([[1, 1]], ["1/2"])).contains((Fraction(1), Fraction(0)))
        False
        """
        try:
            matrix, bounds = rows
        except (TypeError, ValueError):
            raise InputError("the rows are not a pair (A, b)") from None
        for values, name in ((matrix, "A"), (bounds, "b")):
            if isinstance(values, str) or not hasattr(values, "__iter__"):
                raise InputError(f"the rows have no sequence {name}")
        whole = cls.of(box)
        a, b = to_matrix(matrix, "A"), to_vector(bounds, "b")
        return cls(whole.dim, whole.box, (*whole.matrix, *a), (*whole.bounds, *b))

    @classmethod
    def ball(cls, center: Iterable[object], radius: object, *, norm: object = "inf") -> "Domain":
        """Return a closed ball {x : |x - center| <= radius}, exact.

        The norm "inf" is the greatest absolute value of a coordinate, its ball a box; the norm 1
        is their sum, its ball the box cut by 2^d rows.

        Raises
        ------
        InputError
            If the radius is not positive, the norm is another one, or d is over
            :data:`MOST_INPUTS_OF_BALL` for the norm 1.

        Examples
        --------
        >>> len(Domain.ball((0, "1/2"), 1, norm=1).matrix)
        4
        """
        middle = to_vector(center, "center")
        box, d = Box.ball(middle, radius), len(middle)
        if norm not in ("inf", inf, "1", 1):
            raise InputError(
                f"the norm is {norm!r}, expected 'inf' or 1: balls of others are no polytopes"
            )
        if norm in ("inf", inf):
            return cls.of(box)
        if d > MOST_INPUTS_OF_BALL:
            raise InputError(
                f"a ball of the norm 1 in {d} dimensions has 2^{d} rows, expected at most "
                f"{MOST_INPUTS_OF_BALL} dimensions; take the norm 'inf', or a slice of the inputs "
                "(Network.restrict)"
            )
        rows = [[Fraction(sign) for sign in signs] for signs in product((1, -1), repeat=d)]
        r = to_fraction(radius, "radius")
        return cls.cut(box, (rows, [r + dot(row, middle) for row in rows]))

    def restrict(
        self, origin: Iterable[object], directions: Iterable[Iterable[object]]
    ) -> "Domain":
        """Return {t in R^m : origin + t_1 u_1 + ... + t_m u_m in the domain}, exactly.

        The domain of ``Network.restrict(origin, directions)`` that is all of this one's slice.
        Every bound and row is a row of the result, which has no box: a x <= b says
        sum (a u_i) t_i <= b - a origin.

        Raises
        ------
        DimensionError
            If a vector has not d entries.
        InputError
            If the slice misses the domain in that a row which no t changes holds nowhere.

        Examples
        --------
        >>> plane = Domain.of(Box.of(0, 1, 3)).restrict((0, 0, "1/2"), [(1, 0, 0), (1, 1, 0)])
        >>> plane.dim, plane.contains((Fraction(-1), Fraction(1))), len(plane.bounds)
        (2, True, 4)
        """
        point = self._vector(origin, "origin")
        vectors = [self._vector(u, f"directions[{i}]") for i, u in enumerate(directions)]
        rows = list(zip(self.matrix, self.bounds, strict=True))
        if self.box is not None:
            for i, (lo, hi) in enumerate(zip(self.box.lo, self.box.hi, strict=True)):
                axis = tuple(Fraction(int(k == i)) for k in range(self.dim))
                rows += [(axis, hi), (tuple(-t for t in axis), -lo)]
        along = [tuple(dot(a, u) for u in vectors) for a, _ in rows]
        rest = [b - dot(a, point) for a, b in rows]
        if any(b < 0 and not any(a) for a, b in zip(along, rest, strict=True)):
            raise InputError("the slice misses the domain, expected one that meets its interior")
        return Domain(len(vectors), None, tuple(along), tuple(rest))

    def _vector(self, x: Iterable[object], name: str) -> Vector:
        """Return a vector of d exact numbers."""
        vector = to_vector(x, name)
        if len(vector) != self.dim:
            entries = counted(len(vector), "entry", "entries")
            raise DimensionError(f"{name} has {entries}, expected {self.dim}")
        return vector

    @property
    def is_space(self) -> bool:
        """Return whether the domain is all of R^d."""
        return self.box is None and not self.matrix

    @property
    def is_box(self) -> bool:
        """Return whether the domain is a box."""
        return self.box is not None and not self.matrix

    def contains(self, x: Vector) -> bool:
        """Return whether the closed domain holds the point ``x`` of d exact numbers."""
        rows = zip(self.matrix, self.bounds, strict=True)
        return (self.box is None or self.box.contains(x)) and all(dot(a, x) <= b for a, b in rows)

    def has_inside(self, x: Vector) -> bool:
        """Return whether the point ``x`` is in the interior of the domain.

        No row is zero, so the interior are the points where every bound and row is strict.
        """
        rows = zip(self.matrix, self.bounds, strict=True)
        return (self.box is None or self.box.has_inside(x)) and all(dot(a, x) < b for a, b in rows)

    def __str__(self) -> str:
        """Return R^d or the box as text, and the number of rows."""
        place = f"R^{self.dim}" if self.box is None else str(self.box)
        return f"{place} and {counted(len(self.bounds), 'row')}" if self.bounds else place


def _primitive_rows(matrix: Matrix, bounds: Vector, d: int) -> Iterable[Vector]:
    """Yield (b, a_1, ..., a_d) of the rows a x <= b that bound something, as coprime integers."""
    for k, (a, b) in enumerate(zip(matrix, bounds, strict=True)):
        if len(a) != d:
            raise DimensionError(f"row {k} has {counted(len(a), 'entry', 'entries')}, expected {d}")
        if not any(a):
            if b < 0:
                raise InputError(
                    f"row {k} says 0 <= {to_text(b)}, which holds nowhere: the polytope is empty"
                )
            continue
        common = lcm(b.denominator, *(t.denominator for t in a))
        row = [int(t * common) for t in (b, *a)]
        content = gcd(*row)
        yield tuple(Fraction(t // content) for t in row)


def _bound(bound: object, d: int, what: str) -> Vector:
    """Return one bound of a box as d exact numbers."""
    if isinstance(bound, str) or not hasattr(bound, "__iter__"):
        return (to_fraction(bound, what),) * d
    vector = to_vector(bound, what)
    if len(vector) != d:
        entries = counted(len(vector), "entry", "entries")
        raise DimensionError(f"{what} has {entries}, expected 1 or {d}")
    return vector
