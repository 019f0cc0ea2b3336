"""The statistics of hit counts, by hand."""

from fractions import Fraction

import numpy as np
import pytest

from exactbn.sampling.statistics import compare_with_volumes, enclose_sum, estimate_unseen


def test_chi_square_by_hand() -> None:
    """Expected 10, 20, 30: (2^2) / 10 + (4^2) / 20 + (2^2) / 30 = 4/3; p = exp(-2/3)."""
    result = compare_with_volumes(np.array([12, 16, 32]), np.array([0.5, 1.0, 1.5]))
    assert result.statistic == pytest.approx(4 / 3)
    assert (result.degrees_of_freedom, result.cells, result.pooled) == (2, 3, 0)
    assert result.p == pytest.approx(np.exp(-2 / 3))


def test_small_cells_are_pooled() -> None:
    """Expected 2, 2, 2, 44 and 50: the first three make one cell of 6."""
    hits, volumes = np.array([44, 1, 2, 4, 49]), np.array([44.0, 2.0, 2.0, 2.0, 50.0])
    result = compare_with_volumes(hits, volumes)
    assert (result.degrees_of_freedom, result.cells, result.pooled) == (2, 3, 3)
    assert result.statistic == pytest.approx(1 / 6 + 0 + 1 / 50)
    # Expected 2, 44 and 54: a cell of 2 is too small, so that the next one joins it.
    result = compare_with_volumes(np.array([1, 44, 55]), np.array([2.0, 44.0, 54.0]))
    assert (result.cells, result.pooled) == (2, 2)
    assert compare_with_volumes(np.array([3]), np.array([1.0])).p == 1
    assert compare_with_volumes(np.array([1, 1]), np.array([1.0, 1.0])).cells == 1
    assert compare_with_volumes(np.array([0, 0]), np.array([1.0, 1.0])).p == 1


def test_estimators_by_hand() -> None:
    """N = 20, S = 6, f1 = 3, f2 = 1: share 3/20, regions 6 / (17/20), Chao1 6 + 3 2 / (2 2)."""
    result = estimate_unseen(np.array([1, 0, 1, 2, 10, 0, 1, 5]))
    assert (result.once, result.twice) == (3, 1)
    assert result.good_turing_share == pytest.approx(3 / 20)
    assert result.good_turing_regions == pytest.approx(120 / 17)
    assert result.chao1_regions == pytest.approx(7.5)
    alone = estimate_unseen(np.array([1, 1, 0]))
    assert (alone.good_turing_share, alone.good_turing_regions) == (1.0, None)
    assert estimate_unseen(np.array([0, 0])).good_turing_share == 1.0


def test_sums_are_enclosed() -> None:
    lower, upper = enclose_sum(np.array([0.1, 2.0**-60]), np.array([2.0**-70, 0.0]))
    middle = Fraction(0.1) + Fraction(1, 2**60)
    assert (lower, upper) == (middle - Fraction(1, 2**70), middle + Fraction(1, 2**70))
    assert enclose_sum(np.array([]), np.array([])) == (Fraction(0), Fraction(0))
    assert enclose_sum(np.array([0.0]), np.array([1.0])) == (Fraction(0), Fraction(1))
