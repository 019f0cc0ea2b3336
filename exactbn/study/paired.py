"""Paired statistics over seeds, of exact differences.

Signs, ranks and medians are exact, those of the bootstrap's resamples too; p-values and intervals
describe, they prove nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import inf

from flint import fmpq, fmpz

from exactbn.errors import InputError
from exactbn.exact.rational import nearest_floats

#: Confidence of the bootstrap interval, in percent.
CONFIDENCE = 95

RESAMPLES = 4999

#: Differences up to which the signed-rank test counts all sign patterns; beyond, scipy's normal
#: approximation serves.
MOST_COUNTED = 100


@dataclass(frozen=True)
class PairedTest:
    """What N paired differences say.

    Attributes
    ----------
    count, positive, negative, zero : int
        The numbers of differences, all and by exact sign.
    median : Fraction
        The exact median difference.
    sign_p : float
        Two-sided sign test: the chance of a split at least as uneven as ``positive`` to
        ``negative`` under fair coins; ties are left out, and without any difference it is 1.
    wilcoxon_p : float
        Two-sided Wilcoxon signed-rank test, zeros left out, equal sizes with their average rank,
        exact for up to :data:`MOST_COUNTED` differences; without any difference it is 1.
    interval : pair of float, or None
        The percentile bootstrap interval of the median, ends rounded once, infinite beyond the
        range of float64; None for fewer than two differences.
    """

    count: int
    positive: int
    negative: int
    zero: int
    median: Fraction
    sign_p: float
    wilcoxon_p: float
    interval: tuple[float, float] | None


def exact_median(values: Sequence[Fraction]) -> Fraction:
    """Return the median, the mean of the two middle values where their number is even."""
    if not values:
        raise InputError("the median of no values is not defined, expected at least one")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def exact_mean(values: Sequence[Fraction]) -> Fraction:
    """Return the mean of at least one value."""
    if not values:
        raise InputError("the mean of no values is not defined, expected at least one")
    # Halves first: the terms have long and different denominators, so a running sum is slow.
    terms = [fmpq(t.numerator, t.denominator) for t in values]
    while len(terms) > 1:
        pairs = [a + b for a, b in zip(terms[::2], terms[1::2])]
        terms = pairs + terms[len(pairs) * 2:]
    mean = terms[0] / len(values)
    return Fraction(int(mean.p), int(mean.q))


def compare_pairs(differences: Sequence[Fraction], *, seed: int = 0) -> PairedTest:
    """Return the sign test, Wilcoxon's test and the bootstrap interval of paired differences.

    Parameters
    ----------
    differences : at least one exact number, one a seed
    seed : int
        Of the bootstrap.

    References
    ----------
    W. J. Conover, *Practical Nonparametric Statistics*, 3rd ed., 1999, sections 3.4 and 5.7.
    """
    from scipy.stats import binomtest

    positive = sum(t > 0 for t in differences)
    negative = sum(t < 0 for t in differences)
    moved = positive + negative
    sign_p = wilcoxon_p = 1.0
    if moved:
        sign_p = float(binomtest(positive, moved).pvalue)
        # Ranks are those of the exact differences, so that no rounding makes or breaks a tie.
        ranked = _signed_ranks([t for t in differences if t])
        wilcoxon_p = _signed_rank_p(ranked)
    return PairedTest(
        count=len(differences),
        positive=positive,
        negative=negative,
        zero=len(differences) - moved,
        median=exact_median(differences),
        sign_p=sign_p,
        wilcoxon_p=wilcoxon_p,
        interval=_bootstrap(differences, seed),
    )


def _signed_ranks(differences: Sequence[Fraction]) -> list[int]:
    """Return for every difference its sign times twice its average rank by absolute value."""
    sizes = sorted(abs(t) for t in differences)
    first: dict[Fraction, int] = {}
    last: dict[Fraction, int] = {}
    for place, size in enumerate(sizes, 1):
        first.setdefault(size, place)
        last[size] = place
    return [(first[abs(t)] + last[abs(t)]) * (1 if t > 0 else -1) for t in differences]


def _signed_rank_p(ranks: Sequence[int]) -> float:
    """Return the share of all sign patterns whose sum of ranks is at least as far from 0."""
    if len(ranks) > MOST_COUNTED:
        from scipy.stats import wilcoxon

        return float(wilcoxon(ranks).pvalue)
    total = sum(map(abs, ranks))
    # ways[s]: in how many patterns the positive ranks add up to s.
    ways = [1] + [0] * total
    for rank in map(abs, ranks):
        for s in range(total, rank - 1, -1):
            ways[s] += ways[s - rank]
    extreme = abs(sum(ranks))
    count = sum(way for s, way in enumerate(ways) if abs(2 * s - total) >= extreme)
    return float(Fraction(count, 2 ** len(ranks)))


def _bootstrap(values: Sequence[Fraction], seed: int) -> tuple[float, float] | None:
    """Return the percentile bootstrap interval of the median.

    The median of a resample is the mean of its two middle values, so the resamples are of ranks.
    """
    import numpy as np

    count = len(values)
    if count < 2:
        return None
    drawn = np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))
    ranks = np.argsort(sorted(range(count), key=values.__getitem__))[drawn]
    middles = np.sort(ranks, axis=1)[:, [(count - 1) // 2, count // 2]]
    pairs, times = np.unique(middles, axis=0, return_counts=True)
    ordered = sorted(values)
    medians = sorted(
        ((ordered[low] + ordered[high]) / 2, times_drawn)
        for (low, high), times_drawn in zip(pairs.tolist(), times.tolist(), strict=True)
    )
    tail = Fraction(100 - CONFIDENCE, 200)
    low, high = (nearest_floats([_percentile(medians, p)])[0] for p in (tail, 1 - tail))
    return low, high


def _percentile(counted: Sequence[tuple[Fraction, int]], share: Fraction) -> Fraction:
    """Return the value below which a share of the values lies, linear between two of them.

    ``counted`` are values in ascending order and how often each occurs.
    """
    place = share * (sum(times for _, times in counted) - 1)
    below = int(place)
    return _at(counted, below) * (1 - (place - below)) + _at(counted, below + 1) * (place - below)


def _at(counted: Sequence[tuple[Fraction, int]], place: int) -> Fraction:
    """Return the value at a place of all, counted from 0, or the last one beyond."""
    for value, times in counted:
        place -= times
        if place < 0:
            return value
    return counted[-1][0]


def exact_text(value: Fraction) -> str:
    """Return p or p/q in lowest terms, of any length (Python itself stops at 4300 digits)."""
    numerator = fmpz(value.numerator).str()
    return numerator if value.denominator == 1 else f"{numerator}/{fmpz(value.denominator).str()}"


def decimal(value: Fraction) -> str:
    """Return a short decimal where it is exact, else p/q.

    >>> decimal(Fraction(-1, 20)), decimal(Fraction(1, 3)), decimal(Fraction(2))
    ('-0.05', '1/3', '2')
    """
    denominator = value.denominator
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    if denominator != 1 or value.denominator > 10**6:
        return exact_text(value)
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    if digits == 0:
        return exact_text(value)
    whole, rest = divmod(abs(value) * 10**digits, 10**digits)
    return f"{'-' if value < 0 else ''}{exact_text(Fraction(whole))}.{int(rest):0{digits}d}"


def number(value: Fraction | float, *, sign: bool = False) -> str:
    r"""Return a number for people, to four significant digits.

    >>> number(Fraction(280), sign=True), number(-0.00123456), number(12345.6)
    ('+280', '−0.001235', '12\u202f346')
    """
    size = value if value >= 0 else -value
    if size >= 1000 and size < 10**9:
        text = f"{round(size):,}".replace(",", "\u202f")
    elif isinstance(size, Fraction) and size and nearest_floats([size])[0] in (0.0, inf):
        text = f"{Decimal(size.numerator) / Decimal(size.denominator):.4g}"
    else:
        text = f"{float(size):.4g}"
    mark = "\u2212" if value < 0 else "+" if sign and value > 0 else ""
    return mark + text
