"""Domains: the closed boxes, or all of R^d, in which a partition is computed."""

from dataclasses import dataclass
from fractions import Fraction
from math import prod

from exactbn.errors import DimensionError, InputError
from exactbn.rational import Vector, to_fraction, to_text, to_vector


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


def _bound(bound: object, d: int, what: str) -> Vector:
    """Return one bound of a box as d exact numbers."""
    if isinstance(bound, str) or not hasattr(bound, "__iter__"):
        return (to_fraction(bound, what),) * d
    vector = to_vector(bound, what)
    if len(vector) != d:
        raise DimensionError(f"{what} has {len(vector)} entries, expected 1 or {d}")
    return vector
