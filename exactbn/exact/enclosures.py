"""Enclosures: a float and a proven bound of its distance to a number that is known exactly.

For numbers that are no rationals, roots above all: they are first caught between two rationals,
as close as is asked, and these are then rounded outward, once.
"""

from fractions import Fraction
from math import inf, isqrt, nextafter
from typing import NamedTuple

from exactbn.exact.rational import nearest_float

# Binary digits of a root that is caught between two rationals: some more than a float has.
_BITS = 96


class Enclosure(NamedTuple):
    """A number that is within ``radius`` of ``middle``, both float64.

    The radius is infinite, and the middle 0, where the number is beyond the range of floats.
    """

    middle: float
    radius: float


def enclosure(low: Fraction, high: Fraction) -> Enclosure:
    """Return the enclosure of a number from ``low`` to ``high``.

    >>> enclosure(Fraction(1, 2), Fraction(1, 2))
    Enclosure(middle=0.5, radius=0.0)
    """
    middle = nearest_float(*((low + high) / 2).as_integer_ratio())
    if middle in (inf, -inf):
        return Enclosure(float(0), inf)
    radius = max(high - Fraction(middle), Fraction(middle) - low)
    return Enclosure(middle, float_above(radius))


def root_enclosure(square: Fraction) -> Enclosure:
    """Return the enclosure of the square root of a number that is not negative.

    >>> root_enclosure(Fraction(9, 4))
    Enclosure(middle=1.5, radius=0.0)
    """
    return enclosure(*root_bounds(square))


def root_bounds(square: Fraction, bits: int = _BITS) -> tuple[Fraction, Fraction]:
    """Return rationals between which the square root is, equal where it is one of few digits.

    The distance is at most 2^(1 - bits) of the root.

    >>> root_bounds(Fraction(4, 9))
    (Fraction(2, 3), Fraction(2, 3))
    """
    p, q = square.numerator, square.denominator
    shift = max(0, bits - (p * q).bit_length() // 2)
    root = isqrt(p * q << 2 * shift)
    below = Fraction(root, q << shift)
    is_exact = root * root == p * q << 2 * shift
    return below, below if is_exact else Fraction(root + 1, q << shift)


def float_above(value: Fraction) -> float:
    """Return the least float64 that is not below a number; infinity beyond the range."""
    nearest = nearest_float(*value.as_integer_ratio())
    if nearest == inf or (nearest != -inf and Fraction(nearest) >= value):
        return nearest
    return nextafter(nearest, inf)
