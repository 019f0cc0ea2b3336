"""The real zeros of integer polynomials in [0, 1]: isolated, compared and refined exactly.

The coefficients of a polynomial of degree n in the Bernstein basis of an interval have at least as
many changes of sign as it has zeros inside of it, and as many modulo 2 (Descartes' rule, by the map
t = w / (1 + w)). So none says that there is no zero, one that there is one. What has more is cut
in halves; for a polynomial without multiple zeros this ends (Collins and Akritas, *Polynomial real
root isolation using Descartes' rule of signs*, SYMSAC 1976).
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce

from flint import fmpq, fmpz_poly

_SHIFT = fmpz_poly([1, 1])  # x + 1
_END = fmpz_poly([-1, 1])  # x - 1
_HALF = fmpq(1, 2)

#: Halvings of both intervals before two zeros that overlap are asked whether they are one.
_PATIENCE = 4


class Zero:
    """One real zero of a polynomial without multiple zeros, which it alone is in [lo, hi].

    Either ``lo == hi`` is the zero, or the polynomial has opposite signs, not 0, at ``lo`` and
    ``hi``. The interval shrinks while questions are asked; the number stays. ``tag`` is the
    caller's.
    """

    __slots__ = ("hi", "lo", "poly", "sign", "tag")

    def __init__(self, poly: fmpz_poly, lo: fmpq, hi: fmpq, tag: object = None) -> None:
        self.poly, self.lo, self.hi, self.tag = poly, lo, hi, tag
        self.sign = _sign(poly(lo))

    def halve(self) -> None:
        """Halve the interval."""
        if self.lo == self.hi:
            return
        middle = (self.lo + self.hi) * _HALF
        sign = _sign(self.poly(middle))
        if sign == 0:
            self.lo = self.hi = middle
        elif sign == self.sign:
            self.lo = middle
        else:
            self.hi = middle

    def side(self, point: fmpq) -> int:
        """Return the sign of (zero - point), exact."""
        if self.lo < point < self.hi:
            sign = _sign(self.poly(point))
            if sign == 0:
                self.lo = self.hi = point
            elif sign == self.sign:
                self.lo = point
            else:
                self.hi = point
        # An end of an interval is not the zero, unless both are.
        if self.lo == self.hi:
            return _sign(self.lo - point)
        return 1 if self.lo >= point else -1


def zeros_of(poly: fmpz_poly, tag: object = None) -> list[Zero]:
    """Return the zeros in [0, 1] of a polynomial that is not 0, in no order, each once.

    >>> [(zero.lo, zero.hi) for zero in zeros_of(fmpz_poly([0, -1, 3]))]
    [(0, 0), (0, 1)]
    """
    found = []
    if poly[0] == 0:
        found.append(Zero(fmpz_poly([0, 1]), fmpq(0), fmpq(0), tag))
        while poly[0] == 0:
            poly = fmpz_poly(poly.coeffs()[1:])
    if poly.degree() > 0 and poly(1) == 0:
        found.append(Zero(_END, fmpq(1), fmpq(1), tag))
        while poly(1) == 0:
            poly //= _END
    changes = _changes(poly)
    if changes == 0:
        return found
    if changes > 1:
        poly //= poly.gcd(poly.derivative())
    while (middle := _isolate(poly, found, tag)) is not None:
        # Its intervals would end at this zero: it goes first, and the others are sought again.
        found.append(Zero(fmpz_poly([-middle.p, middle.q]), middle, middle, tag))
        poly //= fmpz_poly([-middle.p, middle.q])
    return found


def _isolate(poly: fmpz_poly, found: list[Zero], tag: object) -> fmpq | None:
    """Put the zeros in (0, 1) of a polynomial without multiple ones, not 0 at the ends, to a list.

    Where a middle of an interval is a zero, that is returned, and nothing is put to the list.
    """
    zeros = []
    # (p, k, c): p(x) is a multiple of poly((c + x) / 2^k).
    pieces = [(poly, 0, 0)]
    while pieces:
        local, k, c = pieces.pop()
        changes = _changes(local)
        if changes == 1:
            zeros.append(Zero(poly, fmpq(c, 1 << k), fmpq(c + 1, 1 << k), tag))
        if changes <= 1:
            continue
        n = local.degree()
        left = fmpz_poly([a << (n - i) for i, a in enumerate(local.coeffs())])  # 2^n p(x / 2)
        if left(1) == 0:
            return fmpq(2 * c + 1, 2 << k)
        pieces += [(left(_SHIFT), k + 1, 2 * c + 1), (left, k + 1, 2 * c)]
    found += zeros
    return None


def _changes(poly: fmpz_poly) -> int:
    """Return the changes of sign of the Bernstein coefficients in [0, 1], ends not 0."""
    coefficients = poly.coeffs()
    if all(a >= 0 for a in coefficients) or all(a <= 0 for a in coefficients):
        return 0
    coefficients.reverse()
    signs = [a > 0 for a in fmpz_poly(coefficients)(_SHIFT).coeffs() if a != 0]
    return sum(a != b for a, b in zip(signs, signs[1:]))


def order(a: Zero, b: Zero) -> int:
    """Return the sign of (a - b), exact.

    Two zeros are one number where the greatest common divisor of their polynomials has a zero in
    both intervals: it divides each, and so has no other one there.
    """
    for _ in range(_PATIENCE):
        if (found := _apart(a, b)) is not None:
            return found
        a.halve()
        b.halve()
    common = a.poly if a.poly == b.poly else a.poly.gcd(b.poly)
    lo, hi = max(a.lo, b.lo), min(a.hi, b.hi)
    if common.degree() > 0 and lo <= hi:
        at_lo, at_hi = _sign(common(lo)), _sign(common(hi))
        # An end is a zero of both only where it is one of the intervals as a whole.
        if at_lo * at_hi < 0 or 0 in (at_lo, at_hi):
            return 0
    while (found := _apart(a, b)) is None:
        a.halve()
        b.halve()
    return found


def _apart(a: Zero, b: Zero) -> int | None:
    """Return the order of two zeros where their intervals tell it."""
    if a.lo == a.hi and b.lo == b.hi:
        return _sign(a.lo - b.lo)
    if a.hi <= b.lo:
        return -1
    if b.hi <= a.lo:
        return 1
    return None


def simplest(lo: fmpq, hi: fmpq) -> fmpq:
    """Return the rational of least denominator strictly between two, 0 <= lo < hi.

    >>> simplest(fmpq(1, 3), fmpq(1, 2)), simplest(fmpq(0), fmpq(1))
    (2/5, 1/2)
    """
    whole = int(lo.p // lo.q)
    if fmpq(whole + 1) < hi:
        return fmpq(whole + 1)
    lo, hi = lo - whole, hi - whole
    if lo == 0:
        # 1/n with n > 1/hi
        return fmpq(whole) + fmpq(1, int(hi.q // hi.p) + 1)
    if hi == 1:
        return fmpq(whole + 1) - simplest(fmpq(0), 1 - lo)
    return fmpq(whole) + 1 / simplest(1 / hi, 1 / lo)


def minimal(polys: Sequence[fmpz_poly], zero: Zero) -> fmpz_poly:
    """Return the irreducible polynomial of a common zero of some polynomials, in lowest terms."""
    common = reduce(lambda a, b: a.gcd(b), polys, zero.poly)
    _, factors = common.factor()
    own: fmpz_poly = next(factor for factor, _ in factors if _has(factor, zero))
    return own if own.leading_coefficient() > 0 else -own


def _has(factor: fmpz_poly, zero: Zero) -> bool:
    """Return whether a factor of a zero's polynomial has that zero."""
    if zero.lo == zero.hi:
        return bool(factor(zero.lo) == 0)
    return _sign(factor(zero.lo)) * _sign(factor(zero.hi)) < 0


def to_fraction(value: fmpq) -> Fraction:
    """Return a rational of flint as a Fraction."""
    return Fraction(int(value.p), int(value.q))


def _sign(value: fmpq) -> int:
    return (value > 0) - (value < 0)
