"""Domains in which a partition is computed: closed boxes, polytopes in them, all of R^d."""

from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Matrix, Vector, dot, to_fraction, to_matrix, to_text, to_vector


@dataclass(frozen=True)
class Box:
    """The closed box {x : lo_i <= x_i <= hi_i}, full-dimensional, with rational bounds."""

    lo: Vector
    hi: Vector

    def __post_init__(self) -> None:
        if len(self.lo) != len(self.hi):
            raise DimensionError(
                f"the box has {len(self.lo)} lower and {len(self.hi)} upper bounds, "
                "expected as many of one as of the other"
            )
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
        """Return the box as text, one corner and the other."""
        return f"{' '.join(map(to_text, self.lo))} to {' '.join(map(to_text, self.hi))}"


@dataclass(frozen=True)
class Space:
    """All of R^d."""

    dim: int

    def contains(self, x: Vector) -> bool:
        """Return whether the space holds the point ``x``: it does."""
        return len(x) == self.dim

    def has_inside(self, x: Vector) -> bool:
        """Return whether ``x`` is an interior point: every point is."""
        return len(x) == self.dim

    def __str__(self) -> str:
        """Return R^d."""
        return f"R^{self.dim}"


Domain = Box | Space


@dataclass(frozen=True)
class Polytope:
    """The points x of a closed box with A x <= b, rational: rows ``matrix`` and ``bounds``."""

    box: Box
    matrix: Matrix
    bounds: Vector

    def __post_init__(self) -> None:
        if len(self.matrix) != len(self.bounds):
            raise DimensionError(
                f"there are {len(self.matrix)} rows and {len(self.bounds)} bounds, "
                "expected as many of one as of the other"
            )
        for k, row in enumerate(self.matrix):
            if len(row) != self.dim:
                raise DimensionError(f"row {k} has {len(row)} entries, expected {self.dim}")

    @classmethod
    def of(cls, box: Box, rows: tuple[Any, Any]) -> "Polytope":
        """Return the polytope of a box and a pair (A, b).

        >>> Polytope.of(Box.of(0, 1, 2), ([[1, 1]], ["1/2"])).contains((Fraction(1), Fraction(0)))
        False
        """
        try:
            matrix, bounds = rows
        except (TypeError, ValueError):
            raise InputError("the rows are not a pair (A, b)") from None
        for values, name in ((matrix, "A"), (bounds, "b")):
            if isinstance(values, str) or not hasattr(values, "__iter__"):
                raise InputError(f"the rows have no sequence {name}")
        return cls(box, to_matrix(matrix, "A"), to_vector(bounds, "b"))

    @property
    def dim(self) -> int:
        """Return d."""
        return self.box.dim

    def contains(self, x: Vector) -> bool:
        """Return whether the closed polytope holds the point ``x``."""
        rows = zip(self.matrix, self.bounds, strict=True)
        return self.box.contains(x) and all(dot(a, x) <= b for a, b in rows)

    def has_inside(self, x: Vector) -> bool:
        """Return whether the point ``x`` satisfies all bounds and rows strictly.

        Those are the interior points, but for rows 0 x <= 0, which bound nothing.
        """
        rows = zip(self.matrix, self.bounds, strict=True)
        return self.box.has_inside(x) and all(dot(a, x) < b or not (any(a) or b) for a, b in rows)

    def __str__(self) -> str:
        """Return the box as text and the number of rows."""
        return f"{self.box} and {len(self.bounds)} rows"


def _bound(bound: object, d: int, what: str) -> Vector:
    """Return one bound of a box as d exact numbers."""
    if isinstance(bound, str) or not hasattr(bound, "__iter__"):
        return (to_fraction(bound, what),) * d
    vector = to_vector(bound, what)
    if len(vector) != d:
        raise DimensionError(f"{what} has {len(vector)} entries, expected 1 or {d}")
    return vector
