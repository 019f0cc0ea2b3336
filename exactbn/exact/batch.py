"""The values of units at all points of a batch, exact, and their mean and variance.

A batch runs through a layer as one product of flint integer matrices: the features of all points
are integers over one common denominator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from flint import fmpz, fmpz_mat

from exactbn.errors import DegenerateError, InputError
from exactbn.exact.rational import Matrix

#: How a variance divides the sum of squares of N values: by N, or by N - 1.
DIVISORS = ("batch", "unbiased")


@dataclass(frozen=True)
class Values:
    """The exact values ``numerators[i] / denominator`` of one unit at N points.

    Sums of flint's integers: with the fractions of the module statistics, centering takes twice
    the time, and six times with scaling (iris and wine, layers of 16).
    """

    numerators: list[fmpz]
    denominator: fmpz

    @classmethod
    def joined(cls, parts: "Sequence[Values]") -> "Values":
        """Return the values of several units, one after the other: those of one channel."""
        if len(parts) == 1:
            return parts[0]
        common = fmpz(1)
        for part in parts:
            common = common.lcm(part.denominator)
        numerators = []
        for part in parts:
            factor = common // part.denominator
            numerators += [t * factor for t in part.numerators]
        return cls(numerators, common)

    def mean(self) -> Fraction:
        """Return the mean of the values."""
        return _fraction(_total(self.numerators), self.denominator * len(self.numerators))

    def variance(self, divisor: str = "batch") -> Fraction:
        """Return the variance, (N sum t^2 - (sum t)^2) / N^2, or unbiased / (N (N - 1))."""
        count, total = len(self.numerators), _total(self.numerators)
        if divisor == "unbiased" and count < 2:
            raise DegenerateError(
                f"the unbiased variance of {count} value is undefined, expected 2 or more"
            )
        squares = _total([t * t for t in self.numerators])
        by = count * (count - (divisor == "unbiased"))
        return _fraction(count * squares - total * total, self.denominator**2 * by)

    def shifted(self, offset: Fraction) -> "Values":
        """Return the values plus ``offset``."""
        p, q = fmpz(offset.numerator), fmpz(offset.denominator)
        step = p * self.denominator
        return Values([t * q + step for t in self.numerators], self.denominator * q)

    def scaled(self, factor: Fraction) -> "Values":
        """Return the values times ``factor``."""
        p, q = fmpz(factor.numerator), fmpz(factor.denominator)
        return Values([t * p for t in self.numerators], self.denominator * q)

    def divided(self, divisor: Fraction) -> "Values":
        """Return the values over the positive ``divisor``."""
        p, q = fmpz(divisor.numerator), fmpz(divisor.denominator)
        return Values([t * q for t in self.numerators], self.denominator * p)

    def activated(self, slope: Fraction) -> "Values":
        """Return max(t, 0) + slope * min(t, 0) of the values, in lowest common terms."""
        above, below = fmpz(slope.denominator), fmpz(slope.numerator)
        numerators = [above * t if t > 0 else below * t for t in self.numerators]
        return Values(numerators, above * self.denominator).reduced()

    def reduced(self) -> "Values":
        """Return the same values over the least common denominator."""
        content = self.denominator
        for t in self.numerators:
            content = content.gcd(t)
            if content == 1:
                return self
        return Values([t // content for t in self.numerators], self.denominator // content)

    def fractions(self) -> list[Fraction]:
        """Return the values as fractions."""
        return [_fraction(t, self.denominator) for t in self.numerators]


@dataclass(frozen=True, eq=False)
class Batch:
    """The features of N points: entry (k, i) is ``numerators[k, i] / denominator``."""

    numerators: fmpz_mat
    denominator: fmpz

    @classmethod
    def of(cls, units: Sequence[Values]) -> "Batch":
        """Return the features ``units`` over one common denominator."""
        common = fmpz(1)
        for unit in units:
            common = common.lcm(unit.denominator)
        rows = []
        for unit in units:
            factor = common // unit.denominator
            rows.append([t * factor for t in unit.numerators])
        return cls(fmpz_mat(rows), common)

    def through(self, weight: Matrix) -> list[Values]:
        """Return W h, one unit a row of ``weight``."""
        scales = [lcm(*(w.denominator for w in row)) for row in weight]
        rows = [[int(w * s) for w in row] for row, s in zip(weight, scales, strict=True)]
        product = (fmpz_mat(rows) * self.numerators).tolist()
        return [
            Values(values, self.denominator * scale)
            for values, scale in zip(product, scales, strict=True)
        ]


def columns_of(points: Matrix) -> list[Values]:
    """Return the coordinates of points, shape (N, d): each as the values of a feature."""
    columns = []
    for column in zip(*points, strict=True):
        common = lcm(*(t.denominator for t in column))
        columns.append(Values([fmpz(int(t * common)) for t in column], fmpz(common)))
    return columns


def checked_divisor(name: object) -> str:
    """Return the name of a divisor that is known."""
    if name not in DIVISORS:
        raise InputError(f"statistics {name!r}, expected one of {', '.join(map(repr, DIVISORS))}")
    return str(name)


def _total(values: Sequence[fmpz]) -> fmpz:
    """Return the sum of integers."""
    total = fmpz(0)
    for value in values:
        total += value
    return total


def _fraction(numerator: fmpz, denominator: fmpz) -> Fraction:
    """Return numerator / denominator, reduced by flint first: its gcd is the faster one."""
    content = numerator.gcd(denominator)
    return Fraction(int(numerator // content), int(denominator // content))
