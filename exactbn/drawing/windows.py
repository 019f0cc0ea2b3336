"""Windows: what a picture shows, clipped exactly and mapped to its coordinates before rounding.

A point is its homogeneous integer vector (X_0, X_1, ..., X_d): the point X / X_0 where X_0 > 0, the
direction X at infinity where X_0 = 0. A row (c_0, ..., c_d) stands for the half-space of the points
with c_0 X_0 + ... + c_d X_d >= 0. Both ends of a cut edge are on its two sides, so the point
between them is a combination of both with positive integer factors, and nothing is divided.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import gcd
from typing import Any, final

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Vector, nearest_float, to_fraction, to_text

#: Homogeneous integers, those of Python or of flint.
Point = tuple[Any, ...]
Row = tuple[int, ...]

#: A window that is so many times as far from 0 as it is wide has coordinates of its own.
FAR = 10**4
#: Sides beyond these have coordinates of their own too: floats end not far from there.
GREATEST_SIDE = 10**100
#: Digits of a centre that are shown; what else there is of it is in the coordinates.
_MOST_DIGITS = 40


@final
@dataclass(frozen=True)
class Window:
    """The closed box {x : lo_i <= x_i <= hi_i} that a picture shows, exact, with lo_i < hi_i.

    ``axes`` are its coordinates: t_i = (x_i - origin_i) / unit_i, with (0, 1) where floats can
    tell the numbers of the window apart, and else with a short decimal in the window and a power of
    ten, so that t is of size 1. What is drawn are floats nearest to exact t.
    """

    lo: Vector
    hi: Vector

    @classmethod
    def asked(cls, window: object, d: int) -> "Window":
        """Return the window that a user names: d pairs of exact numbers.

        Raises
        ------
        InputError
            If it is nothing of the kind, or empty or flat on an axis.

        Examples
        --------
        >>> Window.asked(((0, "1/3"), (-1, 1)), 2).hi
        (Fraction(1, 3), Fraction(1, 1))
        """
        form = f"one pair (lo, hi) of numbers for each of the {d} axes"
        try:
            pairs = [tuple(pair) for pair in window]  # type: ignore[attr-defined]
        except TypeError:
            raise InputError(f"the window is {window!r:.60}, expected {form}") from None
        if len(pairs) != d or any(len(pair) != 2 for pair in pairs):
            raise DimensionError(f"the window is {window!r:.60}, expected {form}")
        lo, hi = (tuple(to_fraction(pair[k], "the window") for pair in pairs) for k in (0, 1))
        for i, (a, b) in enumerate(zip(lo, hi, strict=True)):
            if a >= b:
                told = (f"{float(t):.9g}" if abs(t) < 1e300 else to_text(t) for t in (a, b))
                raise InputError(
                    f"the window is empty or flat on axis {i}: {' to '.join(told)}, expected "
                    f"lo < hi; a window is {form}, not a pair of corners as a box is"
                )
        return cls(lo, hi)

    @classmethod
    def around(cls, points: Sequence[Vector], room: Fraction) -> "Window":
        """Return the bounding box of points, grown on each side by ``room`` times its side.

        An axis on which all points agree gets the longest side, and 1 where there is none.
        """
        columns = list(zip(*points, strict=True))
        lo, hi = [min(c) for c in columns], [max(c) for c in columns]
        longest = max(b - a for a, b in zip(lo, hi, strict=True)) or Fraction(2)
        grow = [room * (b - a) if a < b else longest / 2 for a, b in zip(lo, hi, strict=True)]
        return cls(
            tuple(a - g for a, g in zip(lo, grow, strict=True)),
            tuple(b + g for b, g in zip(hi, grow, strict=True)),
        )

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Return the half-spaces whose intersection the window is."""
        rows = []
        for i, (a, b) in enumerate(zip(self.lo, self.hi, strict=True)):
            for bound, side in ((a, 1), (b, -1)):
                row = [0] * (1 + len(self.lo))
                row[0], row[1 + i] = -side * bound.numerator, side * bound.denominator
                rows.append(tuple(row))
        return tuple(rows)

    @cached_property
    def axes(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """Return (origin, unit) of the coordinates of each axis."""
        return tuple(map(_axis, self.lo, self.hi))

    def contains(self, x: Vector) -> bool:
        """Return whether the point ``x`` of exact numbers lies in the window."""
        return all(a <= t <= b for a, t, b in zip(self.lo, x, self.hi, strict=True))

    def floats(self, point: Point) -> tuple[float, ...]:
        """Return the coordinates of a homogeneous point, each the float nearest to the exact one.

        >>> far = Window.asked((("1/3", "0.3333333333333333334"), (0, 2)), 2)
        >>> far.axes[0][1], far.floats((3, 1, 3))[1]
        (Fraction(1, 100000000000000000000), 1.0)
        """
        return tuple(
            nearest_float(
                int(t * origin.denominator - point[0] * origin.numerator) * unit.denominator,
                int(point[0] * origin.denominator) * unit.numerator,
            )
            for t, (origin, unit) in zip(point[1:], self.axes, strict=True)
        )

    def limits(self) -> list[tuple[float, float]]:
        """Return the ends of the axes in their coordinates."""
        ends = zip(*(self.floats(homogeneous(x)) for x in (self.lo, self.hi)), strict=True)
        return [(a, b) for a, b in ends]

    def is_local(self, axis: int) -> bool:
        """Return whether an axis has coordinates of its own."""
        origin, unit = self.axes[axis]
        return origin != 0 or unit != 1

    def label(self, axis: int, name: str) -> str:
        """Return what is written at an axis: its name, and what its coordinates are."""
        if not self.is_local(axis):
            return name
        origin, unit = self.axes[axis]
        return f"t ({name} = {_decimal(origin)} + 1e{_exponent(unit)} t)"


def _axis(lo: Fraction, hi: Fraction) -> tuple[Fraction, Fraction]:
    """Return (origin, unit) of the coordinates of an axis."""
    side, size = hi - lo, max(abs(lo), abs(hi))
    if size <= FAR * side and Fraction(1, GREATEST_SIDE) <= side <= GREATEST_SIDE:
        return Fraction(0), Fraction(1)
    # The power of ten that is at most the side, and the multiple of it next to the middle.
    exponent = (side.numerator.bit_length() - side.denominator.bit_length()) * 3 // 10
    while Fraction(10) ** exponent > side:
        exponent -= 1
    while Fraction(10) ** (exponent + 1) <= side:
        exponent += 1
    unit = Fraction(10) ** exponent
    origin = round((lo + hi) / 2 / unit) * unit
    return origin, unit


def _exponent(unit: Fraction) -> int:
    """Return k of 10^k."""
    return len(to_text(Fraction(unit.numerator))) - len(to_text(Fraction(unit.denominator)))


def _decimal(value: Fraction) -> str:
    """Return a fraction, a multiple of a power of ten, as a decimal; of a long one its ends."""
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    whole = to_text(abs(value * 10**digits)).rjust(digits + 1, "0")
    text = whole[: len(whole) - digits] + ("." + whole[len(whole) - digits :] if digits else "")
    if len(text) > _MOST_DIGITS:
        text = f"{text[:16]}...{text[-16:]}"
    return f"-{text}" if value < 0 else text


def homogeneous(x: Vector) -> Point:
    """Return a point of exact numbers as homogeneous integers."""
    common = 1
    for t in x:
        common = common * t.denominator // gcd(common, t.denominator)
    return (common, *(int(t * common) for t in x))


def value(row: Row, point: Point) -> Any:
    """Return the value of a row at a point; its sign says on which side the point is."""
    return sum(c * t for c, t in zip(row, point, strict=True) if c)


def _between(p: Point, v: Any, q: Point, w: Any) -> Point:
    """Return the point between p and q at which a row vanishes that has v at p, w at q."""
    v, w = abs(v), abs(w)
    point = [int(v * t + w * s) for s, t in zip(p, q, strict=True)]
    common = gcd(*point)
    return tuple(t // common for t in point)


def clip_polygon(polygon: Sequence[Point], rows: Iterable[Row]) -> list[Point]:
    """Return the part of a convex polygon in some half-spaces; [] where it has no interior.

    ``polygon`` are its corners in order, with directions where it is unbounded.

    >>> clip_polygon([(1, 0, 0), (0, 1, 0), (0, 0, 1)], Window.asked(((-1, 1), (-2, 1)), 2).rows)
    [(1, 0, 1), (1, 0, 0), (1, 1, 0), (1, 1, 1)]
    """
    corners = list(polygon)
    for row in rows:
        values = [value(row, p) for p in corners]
        if not any(v > 0 for v in values):
            return []
        if any(v < 0 for v in values):
            corners = list(_kept(corners, values))
    return corners


def _kept(corners: Sequence[Point], values: Sequence[Any]) -> Iterable[Point]:
    """Yield the corners of the part of a polygon where a row, given at its corners, is >= 0."""
    for i, (p, v) in enumerate(zip(corners, values, strict=True)):
        q, w = corners[i - 1], values[i - 1]
        if (v > 0 > w) or (v < 0 < w):
            yield _between(q, w, p, v)
        if v >= 0:
            yield p


def clip_segment(p: Point, q: Point, rows: Iterable[Row]) -> tuple[Point, Point] | None:
    """Return the part of a segment, or ray, in some half-spaces; None where it has no length."""
    for row in rows:
        v, w = value(row, p), value(row, q)
        if (v <= 0 and w <= 0) and (v < 0 or w < 0):
            return None
        if v < 0:
            p = _between(p, v, q, w)
        elif w < 0:
            q = _between(p, v, q, w)
    return p, q
