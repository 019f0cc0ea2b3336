"""Paired statistics: cases worked by hand, and all-zero differences."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import bootstrap, rankdata, wilcoxon

from exactbn.errors import InputError
from exactbn.study.paired import compare_pairs, decimal, exact_mean, exact_median, number

F = Fraction


def test_medians_and_means_are_exact():
    assert exact_median([F(3), F(1), F(2)]) == 2
    assert exact_median([F(1, 3), F(1, 7), F(0), F(5)]) == F(5, 21)
    assert exact_mean([F(1, 3), F(1, 6)]) == F(1, 4)
    with pytest.raises(InputError, match="median of no values"):
        exact_median([])
    with pytest.raises(InputError, match="mean of no values"):
        exact_mean([])


def test_all_of_one_sign():
    result = compare_pairs([F(k) for k in range(1, 11)])
    assert (result.count, result.positive, result.negative, result.zero) == (10, 10, 0, 0)
    assert result.median == F(11, 2)
    assert result.sign_p == pytest.approx(2 / 2**10)
    assert result.wilcoxon_p == pytest.approx(2 / 2**10)
    assert result.interval is not None
    assert 1 <= result.interval[0] < 5.5 < result.interval[1] <= 10


def test_no_difference_at_all():
    result = compare_pairs([F(0)] * 5)
    assert (result.positive, result.negative, result.zero) == (0, 0, 5)
    assert (result.median, result.sign_p, result.wilcoxon_p) == (0, 1, 1)
    assert result.interval == (0, 0)


def test_ties_are_left_out():
    assert compare_pairs([F(0), F(0), F(1), F(2), F(-3)]).sign_p == 1
    assert compare_pairs([F(0), F(4)]).sign_p == 1


def test_a_single_seed():
    result = compare_pairs([F(-1, 3)])
    assert (result.count, result.negative, result.interval) == (1, 1, None)
    assert result.sign_p == result.wilcoxon_p == 1


def test_wilcoxon_is_that_of_scipy():
    values = [3, -1, 4, 1.5, -5, 9, 2, 6, -7, 8]
    expected = wilcoxon(values).pvalue
    assert compare_pairs([F(v) for v in values]).wilcoxon_p == pytest.approx(expected)


def test_ties_count_every_pattern_of_signs():
    # Ranks 3/2, 3/2, 3, 4: of 16 patterns those with |sum| >= 4: 2 * (1 + 2 + 1 + 1).
    assert compare_pairs([F(1), F(1), F(-2), F(3)]).wilcoxon_p == pytest.approx(10 / 16)
    values = [k % 5 - 1.5 for k in range(1, 13)]
    sums = [abs(sum(r if (m >> i) & 1 else -r for i, r in enumerate(ranks_of(values))))
            for m in range(2**12)]
    found = abs(sum(r if v > 0 else -r for r, v in zip(ranks_of(values), values)))
    share = sum(t >= found for t in sums) / 2**12
    assert compare_pairs([F(v) for v in values]).wilcoxon_p == pytest.approx(share)


def ranks_of(values):
    """Return twice the average ranks by absolute value."""
    return (rankdata([abs(t) for t in values]) * 2).astype(int).tolist()


def test_many_differences_take_the_approximation():
    values = [k + 0.5 if k % 3 else -k - 0.5 for k in range(150)]
    assert compare_pairs([F(v) for v in values]).wilcoxon_p == pytest.approx(
        wilcoxon(values).pvalue)


def test_differences_below_float_resolution_keep_their_sign_and_rank():
    tiny = F(1, 10**400)
    result = compare_pairs([tiny, 2 * tiny, 3 * tiny, -4 * tiny, 5 * tiny])
    assert (result.positive, result.negative, result.zero) == (4, 1, 0)
    assert result.wilcoxon_p == pytest.approx(wilcoxon([1, 2, 3, -4, 5]).pvalue)


def test_the_interval_depends_on_the_seed_only():
    values = [F(k * k % 7) for k in range(20)]
    assert compare_pairs(values, seed=1) == compare_pairs(values, seed=1)


def test_differences_beyond_the_range_of_floats():
    huge = F(10**400)
    result = compare_pairs([huge, 2 * huge, 3 * huge, -4 * huge, 5 * huge])
    assert (result.positive, result.negative, result.median) == (4, 1, 2 * huge)
    assert result.wilcoxon_p == pytest.approx(wilcoxon([1, 2, 3, -4, 5]).pvalue)
    assert result.interval == (-np.inf, np.inf)
    # What is small stays so beside what is not.
    mixed = compare_pairs([F(1), F(2), F(3)] * 5 + [huge])
    assert mixed.interval is not None and 1 <= mixed.interval[0] <= 2 <= mixed.interval[1] <= 3


def test_differences_that_floats_cannot_tell_apart():
    values = [F(10**30 + k) for k in range(9)]
    ones = compare_pairs([t - 10**30 for t in values])
    assert compare_pairs(values).interval == tuple(
        float(10**30 + F(t)) for t in ones.interval or ())


@pytest.mark.parametrize("count", [2, 3, 8, 9, 30])
def test_the_interval_is_that_of_scipy(count):
    rng = np.random.default_rng(count)
    values = rng.integers(-20, 20, count) / 4.0
    expected = bootstrap(
        (values,), np.median, confidence_level=0.95, n_resamples=4999, method="percentile",
        vectorized=True, rng=np.random.default_rng(7),
    ).confidence_interval  # fmt: skip
    result = compare_pairs([F(v) for v in values], seed=7)
    assert result.interval == pytest.approx(tuple(expected))


def test_numbers_of_any_size_have_a_text():
    assert number(F(10) ** 400) == "1.000e+400"
    assert number(F(-7, 3 * 10**400), sign=True) == "\u22122.333e-400"
    assert number(F(10**400 + 1, 10**400), sign=True) == "+1"
    assert number(F(0)) == "0"
    assert decimal(F(10) ** 400) == "1" + "0" * 400
    assert decimal(F(-(10**20) - 1, 8)) == "-12500000000000000000.125"
    assert decimal(F(1, 3 * 10**9)) == "1/3000000000"
