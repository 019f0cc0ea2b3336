"""How many regions there are, and how much volume is unseen, from counts of counts alone.

Points are drawn at random; f_k regions are hit by exactly k of them, S = sum f_k are seen, and
n = sum k f_k. Everything here is a function of the f_k and of the number of units, which are
points, or batches of points (then a region counts once a batch). What is rational is exact;
logarithms, exponentials and quantiles are float64.

Intervals are of nominal :data:`CONFIDENCE`. Those of a number of regions are log-normal about the
part that is unseen: with T = estimate - S > 0 and K = exp(z sqrt(ln(1 + variance / T^2))) the
interval is [S + T / K, S + T K]. Where T = 0 there is nothing to scale; then the expected number
of unseen regions is taken from the regions that are seen, as if each had the mean that it shows:
with P = sum f_k e^-k / S, the interval is S / (1 - P) -+ z sqrt(v) / (1 - P), not below S, with
v = sum f_k (e^-k - e^-2k) - (sum k e^-k f_k)^2 / n.

References
----------
A. Chao, *Estimating the population size for capture-recapture data with unequal catchability*,
Biometrics 43, 1987 (log-normal intervals). A. Chao, K. H. Ma, T. C. Hsieh, C.-H. Chiu, *SpadeR*,
2016 (the interval for T = 0).
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import exp, inf, isqrt, log, sqrt
from sys import float_info

from exactbn.errors import InputError

#: Nominal confidence of every interval.
CONFIDENCE = Fraction(95, 100)

#: Regions that are hit at most so often are rare for ACE: the usual limit.
RARE = 10


@dataclass(frozen=True)
class Frequencies:
    """Counts of counts: pairs (k, f_k) with f_k > 0, k ascending, and the number of units.

    ``units`` is the number of points where they are counted one by one, or that of batches.

    >>> found = Frequencies.of([3, 1, 0, 1, 2])
    >>> found.counts, found.units, found.seen, found.total, found.f(1)
    (((1, 2), (2, 1), (3, 1)), 7, 4, 7, 2)
    """

    counts: tuple[tuple[int, int], ...]
    units: int

    def __post_init__(self) -> None:
        places = [k for k, _ in self.counts]
        if places != sorted(set(places)) or any(k < 1 or f < 1 for k, f in self.counts):
            raise InputError(
                f"the counts of counts are {self.counts}, expected pairs (k, f_k) of positive "
                "integers with k ascending"
            )
        if places and places[-1] > self.units:
            raise InputError(
                f"a region is hit in {places[-1]} of {self.units} units, expected at most in all"
            )

    @classmethod
    def of(cls, hits: Iterable[int], units: int | None = None) -> "Frequencies":
        """Return those of how often each region was hit, zeros left out; ``units`` is their sum.

        Where regions are counted once a batch ``units`` has to be given.
        """
        counts = Counter(int(k) for k in hits)
        counts.pop(0, None)
        total = sum(k * f for k, f in counts.items())
        return cls(tuple(sorted(counts.items())), total if units is None else units)

    def f(self, k: int) -> int:
        """Return f_k."""
        return self._table.get(k, 0)

    @cached_property
    def _table(self) -> dict[int, int]:
        return dict(self.counts)

    @cached_property
    def seen(self) -> int:
        """Return S, the number of regions that were hit."""
        return sum(f for _, f in self.counts)

    @cached_property
    def total(self) -> int:
        """Return n = sum k f_k, the number of hits."""
        return sum(k * f for k, f in self.counts)


@dataclass(frozen=True)
class Estimate:
    """An estimate, exact where its formula is rational; None where the formula divides by 0.

    ``variance`` is None where none is usual, or the formula for it gives nothing positive;
    ``interval`` is None where there is no interval.
    """

    value: Fraction | None
    variance: Fraction | None = None
    interval: tuple[float, float] | None = None


UNDEFINED = Estimate(None)


def observed(found: Frequencies) -> Estimate:
    """Return the number of regions seen, S; its "interval" is S alone: it holds the truth or not.

    >>> observed(Frequencies.of([3, 1, 1]))
    Estimate(value=Fraction(3, 1), variance=None, interval=(3.0, 3.0))
    """
    return Estimate(Fraction(found.seen), None, (_below(found.seen), _above(found.seen)))


def coverage_based(found: Frequencies) -> Estimate:
    """Return S / C with the sample coverage C = 1 - f_1 / n of Good and Turing.

    The variance is that of the delta method, sum_jk g_j g_k cov(f_j, f_k) with g_k the derivative
    by f_k, cov(f_j, f_k) = f_k [j = k] - f_j f_k / estimate. Undefined where f_1 = n.

    References
    ----------
    J. N. Darroch, D. Ratcliff, *A note on capture-recapture estimation*, Biometrics 36, 1980; the
    variance: A. Chao, S.-M. Lee, *Estimating the number of classes via sample coverage*, JASA 87,
    1992.

    >>> coverage_based(Frequencies.of([3, 1, 1, 2])).value
    Fraction(28, 5)
    """
    seen, total, often = found.seen, found.total, found.total - found.f(1)
    if often == 0:
        return UNDEFINED
    value = Fraction(seen * total, often)

    def slope(k: int) -> int:  # often^2 times the derivative
        return (total + seen * k) * often - (seen * total * k if k > 1 else 0)

    return _estimate(found, value, _delta_variance(found, value, slope, often * often))


def chao(found: Frequencies) -> Estimate:
    """Return Chao's bias-corrected lower bound, S + (m - 1)/m f_1 (f_1 - 1) / (2 (f_2 + 1)).

    With m units: Chao1 where they are points, Chao2 where they are batches. (The Chao1 of
    ``exactbn sample`` leaves out the factor (m - 1)/m.) With A = (m - 1)/m the
    variance is A f_1 (f_1 - 1) / (2 (f_2 + 1)) + A^2 f_1 (2 f_1 - 1)^2 / (4 (f_2 + 1)^2)
    + A^2 f_1^2 f_2 (f_1 - 1)^2 / (4 (f_2 + 1)^4), and for f_2 = 0 instead
    A f_1 (f_1 - 1) / 2 + A^2 f_1 (2 f_1 - 1)^2 / 4 - A^2 f_1^4 / (4 estimate).

    References
    ----------
    A. Chao, *Nonparametric estimation of the number of classes in a population*, Scandinavian
    Journal of Statistics 11, 1984, and the paper of 1987 above; bias-corrected with its variance:
    R. K. Colwell, *EstimateS*, 2013, appendix B, equations 2 and 6 to 8.

    >>> chao(Frequencies.of([3, 1, 1, 1, 2])).value
    Fraction(101, 16)
    """
    once, twice, m = found.f(1), found.f(2), found.units
    if m == 0:
        return UNDEFINED
    a = Fraction(m - 1, m)
    pairs = Fraction(once * (once - 1), 2 * (twice + 1))
    value = found.seen + a * pairs
    slope_once = a * Fraction(2 * once - 1, 2 * (twice + 1))
    variance = a * pairs + slope_once**2 * once
    if twice:
        variance += (a * pairs / (twice + 1)) ** 2 * twice
    elif once:
        variance -= a**2 * Fraction(once**4) / (4 * value)
    return _estimate(found, value, variance)


def jackknife(found: Frequencies, order: int) -> Estimate:
    """Return the jackknife of order 1 or 2 over m units.

    J_1 = S + (m - 1)/m f_1 and J_2 = S + (2m - 3)/m f_1 - (m - 2)^2 / (m (m - 1)) f_2; not less
    than S. Either is sum a_k f_k, and its variance sum a_k^2 f_k - J.

    References
    ----------
    K. P. Burnham, W. S. Overton, *Robust estimation of population size when capture probabilities
    vary among animals*, Ecology 60, 1979; the log-normal interval as in SpadeR, see above.

    >>> found = Frequencies.of([3, 1, 1, 1, 2])
    >>> jackknife(found, 1).value, jackknife(found, 2).value
    (Fraction(61, 8), Fraction(517, 56))
    """
    m = found.units
    if order not in (1, 2):
        raise InputError(f"the order of the jackknife is {order}, expected 1 or 2")
    if m < order:
        return UNDEFINED
    if order == 1:
        more = {1: Fraction(m - 1, m)}
    else:
        more = {1: Fraction(2 * m - 3, m), 2: -Fraction((m - 2) ** 2, m * (m - 1))}
    value = found.seen + sum((more[k] * found.f(k) for k in more), Fraction(0))
    terms = ((1 + more.get(k, 0)) ** 2 * f for k, f in found.counts if k in more)
    rest = found.seen - sum(found.f(k) for k in more)
    return _estimate(found, max(value, Fraction(found.seen)), sum(terms, Fraction(rest)) - value)


def ace(found: Frequencies, rare: int = RARE) -> Estimate:
    """Return the abundance-based coverage estimator of Chao and Lee.

    Of the regions hit at most ``rare`` times: s of them, r hits, C = 1 - f_1 / r, and
    gamma^2 = max(0, s sum k (k - 1) f_k / (C r (r - 1)) - 1). With a regions hit more often the
    estimate is a + s / C + f_1 gamma^2 / C. Undefined where all rare hits are single ones. The
    variance is that of the delta method, as for :func:`coverage_based`.

    References
    ----------
    A. Chao, S.-M. Lee, JASA 87, 1992; A. Chao, M.-C. K. Yang, *Stopping rules and estimation for
    recapture debugging with unequal failure rates*, Biometrika 80, 1993.

    >>> ace(Frequencies.of([3, 1, 1, 1, 2, 40])).value
    Fraction(339, 35)
    """
    few = [(k, f) for k, f in found.counts if k <= rare]
    s, r = sum(f for _, f in few), sum(k * f for k, f in few)
    once, pairs = found.f(1), sum(k * (k - 1) * f for k, f in few)
    if not few:
        return _estimate(found, Fraction(found.seen), None)
    often = r - once
    if often == 0:
        return UNDEFINED
    mean, factor = Fraction(s * r, often), Fraction(once * r, often)
    spread = Fraction(s * pairs, often * (r - 1)) - 1
    value = found.seen - s + mean + factor * max(spread, Fraction(0))

    def slope(k: int) -> Fraction:
        if k > rare:
            return Fraction(1)
        own = k if k > 1 else 0  # the derivative of ``often``
        result = Fraction(r + s * k, often) - mean * Fraction(own, often)
        if spread > 0:
            by_factor = Fraction((r if k == 1 else 0) + once * k, often)
            by_spread = Fraction(pairs + s * k * (k - 1), often * (r - 1))
            by_spread -= (spread + 1) * (Fraction(own, often) + Fraction(k, r - 1))
            result += (by_factor - factor * Fraction(own, often)) * spread + factor * by_spread
        return result

    slopes = {k: slope(k) for k, _ in few}
    return _estimate(
        found, value, _delta_variance(found, value, lambda k: slopes.get(k, Fraction(1)), 1)
    )


def unseen_volume(found: Frequencies) -> Estimate:
    """Return the share of the volume that no point has hit, f_1 / n after Good and Turing.

    Its interval is Esty's normal one, f_1 / n -+ z sqrt(f_1 (1 - f_1 / n) + 2 f_2) / n, cut to
    [0, 1]. For f_1 = f_2 = 0 it is the single point 0. Where no two points share a region, f_1 = n,
    it is [1 - 2 ln(20) / n, 1], cut to [0, 1]: of regions with volumes p_i no pair is met with a
    probability near exp(-n^2 sum p_i^2 / 2), so sum p_i^2 < 2 ln(20) / n^2 by a test of 5 %, and n
    times that is the share that n points are expected to see.

    References
    ----------
    I. J. Good, *The population frequencies of species and the estimation of population
    parameters*, Biometrika 40, 1953; W. W. Esty, *A normal limit law for a nonparametric
    estimator of the coverage of a random sample*, Annals of Statistics 11, 1983.

    >>> unseen_volume(Frequencies.of([3, 1, 1, 1, 2])).value
    Fraction(3, 8)
    """
    once, twice, total = found.f(1), found.f(2), found.total
    if total == 0:
        return UNDEFINED
    share = Fraction(once, total)
    variance = (once * (1 - share) + 2 * twice) / total**2
    if once == total:
        seen = Fraction(2 * log(1 / float(1 - CONFIDENCE))) / total
        return Estimate(share, None, (max(0.0, float(1 - seen)), 1.0))
    half = z_value() * sqrt(variance)
    interval = (max(0.0, float(share) - half), min(1.0, float(share) + half))
    return Estimate(share, variance, interval)


def held_out(new: int, points: int) -> Estimate:
    """Return the share of the volume that earlier points did not hit, from points drawn later.

    ``new`` of the later ``points`` lie in regions that no earlier one has hit. Given the earlier
    points that number is binomial, whatever the volumes are, so the interval of Clopper and
    Pearson holds the unseen share with at least its confidence, for any network.

    References
    ----------
    C. J. Clopper, E. S. Pearson, *The use of confidence or fiducial limits illustrated in the case
    of the binomial*, Biometrika 26, 1934.

    >>> held_out(0, 100).interval[0], held_out(0, 100).interval[1] < 0.04
    (0.0, True)
    """
    from scipy.stats import binomtest

    if not 0 <= new <= points or points == 0:
        raise InputError(f"{new} of {points} later points are new, expected at most all, and some")
    share = Fraction(new, points)
    low, high = binomtest(new, points).proportion_ci(float(CONFIDENCE), method="exact")
    return Estimate(share, share * (1 - share) / points, (float(low), float(high)))


def z_value() -> float:
    """Return the normal quantile of two-sided intervals."""
    from scipy.special import ndtri

    return float(ndtri(float((1 + CONFIDENCE) / 2)))


def _delta_variance(
    found: Frequencies, value: Fraction, slope: Callable[[int], int | Fraction], over: int
) -> Fraction:
    """Return the variance of the delta method; ``slope(k) / over`` is the derivative by f_k."""
    slopes = [(slope(k), f) for k, f in found.counts]
    squares = sum((g * g * f for g, f in slopes), Fraction(0))
    mean = sum((g * f for g, f in slopes), Fraction(0))
    return (squares - mean * mean / value) / over**2


def _estimate(found: Frequencies, value: Fraction, variance: Fraction | None) -> Estimate:
    """Return the estimate of a number of regions with its interval."""
    if variance is not None and variance <= 0:
        variance = None
    unseen = value - found.seen
    if unseen <= 0:
        return Estimate(value, variance, _interval_of_seen(found))
    if variance is None:
        return Estimate(value)
    ratio = _above(variance / unseen**2)
    factor = exp(z_value() * sqrt(log(1 + ratio))) if ratio < inf else inf
    low, high = Fraction(0), inf
    if factor < inf:
        low, high = unseen / Fraction(factor), _above(found.seen + unseen * Fraction(factor))
    return Estimate(value, variance, (_below(found.seen + low), high))


def _interval_of_seen(found: Frequencies) -> tuple[float, float] | None:
    """Return the interval where an estimate adds nothing to what is seen."""
    if not found.seen:
        return None
    # Regions that are hit many times add nothing, and their exponentials are 0. All is relative to
    # the number of regions seen, which may be no float.
    seen = found.seen
    few = [(k, float(Fraction(f, seen)), exp(-k)) for k, f in found.counts if k < 700]
    missed = sum(f * e for _, f, e in few)
    variance = sum(f * (e - e * e) for _, f, e in few)
    variance -= sum(k * f * e for k, f, e in few) ** 2 * float(Fraction(seen, found.total))
    half = z_value() * sqrt(max(variance, 0.0)) / (1 - missed)
    middle, spread = Fraction(seen) / Fraction(1 - missed), Fraction(half) * isqrt(seen)
    if seen < 1 << 1000:
        spread = Fraction(half * sqrt(seen))
    low, high = (max(Fraction(seen), end) for end in (middle - spread, middle + spread))
    return _below(low), _above(high)


def _below(number: Fraction | int) -> float:
    """Return a number >= 0 as a float, the greatest one where it is beyond them all."""
    return min(_above(number), float_info.max)


def _above(number: Fraction | int) -> float:
    """Return a number >= 0 as a float, infinity where it is beyond them all."""
    try:
        return float(number)
    except OverflowError:
        return inf
