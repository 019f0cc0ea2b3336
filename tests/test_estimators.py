"""Estimators on counts of counts: by hand, by their definitions, on exact distributions."""

from fractions import Fraction
from itertools import combinations, product
from math import exp, inf, log, sqrt
from sys import float_info

import pytest
import sympy
from scipy.stats import binom, norm

from exactbn.errors import InputError
from exactbn.sampling import estimators
from exactbn.sampling.estimators import (
    CONFIDENCE,
    Estimate,
    Frequencies,
    ace,
    chao,
    coverage_based,
    held_out,
    jackknife,
    observed,
    unseen_volume,
)

F = Fraction
#: f_1 = 4, f_2 = 2, f_3 = 1, f_12 = 1: n = 23, S = 8.
FOUND = Frequencies.of([1, 2, 1, 12, 1, 3, 2, 1, 0, 0])


def test_counts_of_counts():
    assert FOUND.counts == ((1, 4), (2, 2), (3, 1), (12, 1))
    assert (FOUND.units, FOUND.total, FOUND.seen) == (23, 23, 8)
    assert FOUND.f(2) == 2 and FOUND.f(5) == 0
    batches = Frequencies.of([1, 2, 2], units=2)
    assert (batches.units, batches.total) == (2, 5)


@pytest.mark.parametrize("counts, units", [
    (((2, 1), (1, 1)), 9), (((1, 1), (1, 2)), 9), (((0, 1),), 9), (((1, 0),), 9), (((3, 1),), 2),
])  # fmt: skip
def test_counts_that_cannot_be_are_refused(counts, units):
    with pytest.raises(InputError, match="expected"):
        Frequencies(counts, units)


def test_values_by_hand():
    assert observed(FOUND) == Estimate(F(8), None, (8.0, 8.0))
    assert coverage_based(FOUND).value == F(8 * 23, 19)
    assert chao(FOUND).value == 8 + F(22, 23) * F(4 * 3, 2 * 3)
    assert jackknife(FOUND, 1).value == 8 + F(22, 23) * 4
    assert jackknife(FOUND, 2).value == 8 + F(43, 23) * 4 - F(21**2, 23 * 22) * 2
    # Rare: 4 + 2 + 1 = 7 regions, 11 hits, C = 7/11; gamma^2 = 7 (2 2 + 6) / (7/11 11 10) - 1 = 0.
    assert ace(FOUND).value == 1 + F(7 * 11, 7)
    spread = Frequencies.of([1, 1, 1, 1, 2, 3, 5, 30])
    # 7 rare regions, 14 hits, C = 10/14, pairs 2 + 6 + 20 = 28, gamma^2 = 7 14 28 / (10 14 13) - 1.
    gamma = F(7 * 28, 10 * 13) - 1
    assert ace(spread).value == 1 + F(7 * 14, 10) + F(4 * 14, 10) * gamma
    assert unseen_volume(FOUND).value == F(4, 23)


def test_variance_of_chao_by_hand():
    """As the manual of EstimateS has them, with A = (n - 1)/n, for f_2 > 0 and for f_2 = 0."""
    a = F(22, 23)
    three = a * F(4 * 3, 6) + a**2 * F(4 * 7**2, 4 * 9) + a**2 * F(16 * 2 * 9, 4 * 81)
    assert chao(FOUND).variance == three
    bare = Frequencies.of([1, 1, 1, 5])
    a, value = F(7, 8), 4 + F(7, 8) * 3
    assert chao(bare).value == value
    assert chao(bare).variance == a * 3 + a**2 * F(3 * 25, 4) - a**2 * F(81) / (4 * value)


def incidence(rows):
    """Return counts of counts of an incidence matrix, regions by batches."""
    return Frequencies.of(map(sum, rows), units=len(rows[0]))


ROWS = ((1, 0, 0, 0, 0), (0, 1, 0, 0, 0), (0, 0, 0, 0, 1), (1, 1, 0, 0, 0), (0, 1, 1, 0, 1),
        (1, 1, 1, 1, 1))  # fmt: skip


def seen_without(rows, left_out):
    """Return how many regions are seen when some batches are left out."""
    return sum(any(x for k, x in enumerate(row) if k not in left_out) for row in rows)


def test_jackknife_is_what_its_name_says():
    m, s = 5, len(ROWS)
    one, two = (
        F(sum(seen_without(ROWS, out) for out in combinations(range(m), k)),
          len(list(combinations(range(m), k))))
        for k in (1, 2)
    )  # fmt: skip
    found = incidence(ROWS)
    assert jackknife(found, 1).value == m * s - (m - 1) * one
    second = (m**2 * s - 2 * (m - 1) ** 2 * one + (m - 2) ** 2 * two) / 2
    assert jackknife(found, 2).value == second
    # Burnham and Overton: sum a_k^2 f_k - estimate.
    a = {1: 1 + F(4, 5), 2: 1, 3: 1, 5: 1}
    assert jackknife(found, 1).variance == sum(
        a[k] ** 2 * f for k, f in found.counts) - jackknife(found, 1).value


@pytest.mark.parametrize("estimator", [coverage_based, ace])
@pytest.mark.parametrize("counts", [
    ((1, 4), (2, 2), (3, 1), (12, 1)), ((1, 6), (2, 1), (7, 3), (10, 2), (11, 4), (500, 1)),
    ((1, 9), (2, 2), (5, 3), (6, 1)),
])  # fmt: skip
def test_variance_of_the_delta_method(estimator, counts):
    """The derivatives by sympy, of formulas that are written down anew."""
    ks = [k for k, _ in counts]
    f = {k: sympy.Symbol(f"f{k}", positive=True) for k in ks}
    if estimator is coverage_based:
        n = sum(k * f[k] for k in ks)
        formula = sum(f.values()) / (1 - f[1] / n)
    else:
        few = [k for k in ks if k <= 10]
        r = sum(k * f[k] for k in few)
        cover = 1 - f[1] / r
        gamma = sum(f[k] for k in few) / cover * sum(k * (k - 1) * f[k] for k in few) / (
            r * (r - 1)) - 1
        at = {f[k]: v for k, v in counts}
        gamma = gamma if gamma.subs(at) > 0 else 0
        formula = sum(f[k] for k in ks if k > 10) + (
            sum(f[k] for k in few) + f[1] * gamma) / cover
    at = {f[k]: v for k, v in counts}
    value = sympy.Rational(formula.subs(at))
    slopes = {k: sympy.Rational(sympy.diff(formula, f[k]).subs(at)) for k in ks}
    numbers = dict(counts)
    variance = sum(slopes[k] ** 2 * numbers[k] for k in ks) - (
        sum(slopes[k] * numbers[k] for k in ks) ** 2 / value)
    found = Frequencies(counts, sum(k * v for k, v in counts))
    estimate = estimator(found)
    assert estimate.value == F(int(value.p), int(value.q))
    assert estimate.variance == F(int(variance.p), int(variance.q))


def test_intervals_are_log_normal_about_the_unseen():
    estimate = chao(FOUND)
    z, unseen = norm.ppf(0.975), float(estimate.value) - 8
    factor = exp(z * sqrt(log(1 + float(estimate.variance) / unseen**2)))
    low, high = estimate.interval
    assert 8 < low < estimate.value < high
    assert low == pytest.approx(8 + unseen / factor, rel=1e-12)
    assert high == pytest.approx(8 + unseen * factor, rel=1e-12)


def test_what_adds_nothing_has_an_interval_from_what_is_seen():
    often = Frequencies.of([2, 2, 3, 900])
    for estimate in (chao(often), jackknife(often, 1), coverage_based(often), ace(often)):
        assert estimate.value == 4
        low, high = estimate.interval
        assert low == 4 and 4 < high < 8
    assert jackknife(often, 2).value == 4  # the formula gives less than what is seen
    assert chao(Frequencies.of([500] * 9)).interval == pytest.approx((9, 9))


def test_degenerate_counts():
    nothing, one, singles = Frequencies.of([0]), Frequencies.of([1]), Frequencies.of([1] * 6)
    assert observed(nothing).value == 0
    for found in (nothing, one, singles):
        assert coverage_based(found).value is None
    for found in (one, singles):
        assert ace(found) == estimators.UNDEFINED
    assert chao(nothing).value is None and jackknife(nothing, 1).value is None
    assert chao(one).value == 1 and jackknife(one, 1).value == 1
    assert jackknife(one, 2).value is None
    assert chao(singles).value == 6 + F(5, 6) * 15
    assert unseen_volume(singles).value == 1 and unseen_volume(singles).interval[1] == 1
    assert unseen_volume(nothing).value is None
    assert unseen_volume(Frequencies.of([2, 3])).value == 0
    with pytest.raises(InputError, match="order"):
        jackknife(one, 3)


def test_single_hits_only_leave_an_interval():
    """A point would say that nothing of the volume was seen, which is never so."""
    for number in (1, 3, 6, 7, 100, 10**6):
        low, high = unseen_volume(Frequencies(((1, number),), number)).interval
        assert high == 1 and low == pytest.approx(max(0, 1 - 2 * log(20) / number))
    # Of N equal regions no two of n points share one: n / N are seen. If that happens once in 20
    # times, the interval holds the truth, but hardly.
    n, unit = 1000, 1000**2 / (2 * log(20))
    low, _ = unseen_volume(Frequencies(((1, n),), n)).interval
    assert low == pytest.approx(1 - n / unit)


def test_counts_beyond_the_floats():
    """Estimates are exact whatever the counts; intervals end at the last float, or at infinity."""
    huge = 10**400
    for counts in (((1, huge), (2, huge)), ((1, 5), (huge, 3)), ((3, huge),), ((1, huge),)):
        found = Frequencies(counts, sum(k * f for k, f in counts))
        results = [observed(found), coverage_based(found), chao(found), jackknife(found, 1),
                   jackknife(found, 2), ace(found), unseen_volume(found)]  # fmt: skip
        for result in results:
            if result.interval is not None:
                low, high = result.interval
                assert 0 <= low <= high and low < inf
    assert observed(Frequencies(((1, huge),), huge)).interval == (float_info.max, inf)


def test_intervals_far_below_the_last_float_do_not_depend_on_it():
    """Of counts a million times as large, the interval is that much larger, in good measure."""
    small, large = (Frequencies(((3, f), (5, f)), 8 * f) for f in (10**6, 10**290))
    (low, high), (least, most) = ace(small).interval, ace(large).interval
    assert low / 2e6 == pytest.approx(least / 2e290, rel=2e-3)
    assert high / 2e6 == pytest.approx(most / 2e290, rel=2e-3)


def samples_of(shares, points):
    """Yield all samples of so many points, as hit counts, with their exact probabilities."""
    for regions in product(range(len(shares)), repeat=points):
        probability = F(1)
        for region in regions:
            probability *= shares[region]
        yield [regions.count(k) for k in range(len(shares))], probability


def test_good_turing_has_the_expectation_that_it_must():
    """E f_1 / n over all samples of 5 points is the mean share that 4 points do not see."""
    shares = (F(1, 2), F(1, 4), F(1, 5), F(1, 20))
    mean = sum(p * unseen_volume(Frequencies.of(hits)).value for hits, p in samples_of(shares, 5))
    assert mean == sum(t * (1 - t) ** 4 for t in shares)


def test_chao_is_a_lower_bound_where_regions_are_equal_or_not():
    """With all samples of 5 points of 4 regions: the mean of S is below that of Chao1, below 4."""
    for shares in ((F(1, 4),) * 4, (F(7, 10), F(1, 10), F(1, 10), F(1, 10))):
        every = [(Frequencies.of(hits), p) for hits, p in samples_of(shares, 5)]
        seen, value = (sum(p * e(found).value for found, p in every) for e in (observed, chao))
        assert seen < value < 4


def test_variance_of_esty_by_hand():
    low, high = unseen_volume(FOUND).interval
    half = norm.ppf(0.975) * sqrt(4 * (1 - 4 / 23) + 2 * 2) / 23
    assert (low, high) == pytest.approx((max(0, 4 / 23 - half), 4 / 23 + half), rel=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.03, 0.2, 0.5, 0.97, 1.0])
def test_held_out_points_cover_every_share(share):
    points, covered = 20, 0.0
    for new in range(points + 1):
        low, high = held_out(new, points).interval
        covered += binom.pmf(new, points, share) if low <= share <= high else 0
    assert covered >= float(CONFIDENCE)


@pytest.mark.parametrize("new, points", [(3, 2), (-1, 2), (0, 0)])
def test_held_out_points_that_cannot_be(new, points):
    with pytest.raises(InputError, match="later points"):
        held_out(new, points)
