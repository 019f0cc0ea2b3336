"""Times of events: real algebraic numbers, known by a polynomial and an interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import final

from flint import fmpq, fmpq_poly, fmpz_poly

from exactbn.errors import InputError
from exactbn.exact.rational import nearest_float, to_fraction, to_text, to_vector
from exactbn.exact.values import Value
from exactbn.paths import zeros
from exactbn.paths.zeros import Zero


@final
@dataclass(frozen=True, repr=False)
class Time(Value):
    """The one zero of an irreducible integer polynomial in a closed interval of rationals.

    ``polynomial`` has its coefficients in ascending order, without a common divisor, the last one
    positive. ``interval`` is (lo, hi): equal where the number is rational, which it is where the
    degree is 1. Else the polynomial has opposite signs at lo and hi.

    >>> root = Time((-2, 0, 1), (1, 2))
    >>> root.exact is None, root.refine("1/100").interval, float(root)
    (True, (Fraction(181, 128), Fraction(91, 64)), 1.4142135623730951)
    """

    polynomial: tuple[int, ...]
    interval: tuple[Fraction, Fraction]

    def __post_init__(self) -> None:
        object.__setattr__(self, "polynomial", tuple(map(int, self.polynomial)))
        lo, hi = to_vector(self.interval, "interval")
        if len(self.polynomial) == 2:
            lo = hi = Fraction(-self.polynomial[0], self.polynomial[1])
        object.__setattr__(self, "interval", (lo, hi))
        poly = fmpz_poly(list(self.polynomial))
        ends = [poly(fmpq(t.numerator, t.denominator)) for t in (lo, hi)]
        if not (ends[0] * ends[1] < 0 if lo < hi else ends[0] == 0):
            raise InputError(
                f"the polynomial {poly} has no change of sign from {to_text(lo)} to {to_text(hi)}"
            )

    @property
    def exact(self) -> Fraction | None:
        """Return the number where it is rational, else None."""
        return self.interval[0] if self.degree == 1 else None

    @property
    def degree(self) -> int:
        """Return the degree of the number: that of its polynomial."""
        return len(self.polynomial) - 1

    def refine(self, width: object) -> "Time":
        """Return the same number with an interval that is at most so wide.

        Raises
        ------
        InputError
            If the width is not positive.
        """
        least = to_fraction(width, "width")
        if least <= 0:
            raise InputError(f"the width is {to_text(least)}, expected > 0")
        zero = self._zero()
        while zeros.to_fraction(zero.hi - zero.lo) > least:
            zero.halve()
        return _with(self.polynomial, zero)

    def side(self, t: object) -> int:
        """Return the sign of (this number - t) for a rational t, exact."""
        value = to_fraction(t, "t")
        return self._zero().side(fmpq(value.numerator, value.denominator))

    def __float__(self) -> float:
        """Return the nearest float."""
        zero = self._zero()
        while True:
            lo, hi = (nearest_float(int(t.p), int(t.q)) for t in (zero.lo, zero.hi))
            if lo == hi:
                return lo
            zero.halve()

    def __str__(self) -> str:
        """Return the number where it is short, else its nearest float and its degree."""
        if self.exact is not None and len(text := to_text(self.exact)) <= 16:
            return text
        kind = "rational" if self.degree == 1 else f"of degree {self.degree}"
        return f"{float(self):.12g}... ({kind})"

    def __repr__(self) -> str:
        """Return one short line."""
        return f"<Time {self}>"

    def _zero(self) -> Zero:
        lo, hi = (fmpq(t.numerator, t.denominator) for t in self.interval)
        return Zero(fmpz_poly(list(self.polynomial)), lo, hi)


def time_of(zero: Zero, certificates: Sequence[fmpz_poly], start: Fraction, end: Fraction) -> Time:
    """Return the time t = start + s (end - start) of a zero s that some polynomials have."""
    poly = zeros.minimal(certificates, zero)
    while zero.lo != zero.hi and poly.degree() > 1 and zero.hi - zero.lo > fmpq(1, 1 << 20):
        zero.halve()
    if poly.degree() == 1:
        zero.lo = zero.hi = fmpq(-poly[0], poly[1])
    length = end - start
    to_s = fmpq_poly(
        [fmpq((-start / length).numerator, (-start / length).denominator),
         fmpq(length.denominator, length.numerator)]
    )  # fmt: skip
    moved = fmpq_poly(poly)(to_s).numer()
    moved //= moved.content()
    if moved.leading_coefficient() < 0:
        moved = -moved
    lo, hi = (start + zeros.to_fraction(s) * length for s in (zero.lo, zero.hi))
    return Time(tuple(int(c) for c in moved.coeffs()), (lo, hi))


def rational_time(t: Fraction) -> Time:
    """Return a rational time."""
    return Time((-t.numerator, t.denominator), (t, t))


def _with(polynomial: tuple[int, ...], zero: Zero) -> Time:
    return Time(polynomial, (zeros.to_fraction(zero.lo), zeros.to_fraction(zero.hi)))
