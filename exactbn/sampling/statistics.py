"""What hit counts say: chi-square against exact volumes, and estimates of what was not hit."""

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Cells with a smaller expected count are pooled: the usual rule for Pearson's approximation.
LEAST_EXPECTED = 5.0


@dataclass(frozen=True)
class ChiSquare:
    """Pearson's test of hit counts against expected ones.

    ``statistic`` is sum (hits - expected)^2 / expected over ``cells`` cells, of which one may be
    the union of the ``pooled`` regions that expect less than :data:`LEAST_EXPECTED` hits;
    ``p`` is the probability of at least this statistic under chi-square with
    ``degrees_of_freedom`` = cells - 1 (1 where there is only one cell).
    """

    #: A smaller p says that the hits contradict the volumes: right ones give it once in 10^9 runs.
    LEAST_P: ClassVar[float] = 1e-9

    statistic: float
    degrees_of_freedom: int
    p: float
    cells: int
    pooled: int

    @property
    def contradicts(self) -> bool:
        """Return whether the hits contradict the volumes."""
        return self.p < self.LEAST_P


def compare_with_volumes(hits: Counts, volumes: Floats) -> ChiSquare:
    """Return the chi-square test of hit counts against volumes, shapes (regions,).

    Regions that expect less than five hits are pooled to one cell; if that cell still expects
    less than five, the smallest other cell joins it.
    """
    from scipy.stats import chi2

    order = np.argsort(volumes, kind="stable")
    observed = hits[order].astype(np.float64)
    expected = volumes[order] * (observed.sum() / volumes.sum())
    pooled = int(np.count_nonzero(expected < LEAST_EXPECTED))
    if pooled and expected[:pooled].sum() < LEAST_EXPECTED:
        pooled = min(pooled + 1, len(expected))
    if pooled:
        observed = np.append(observed[pooled:], observed[:pooled].sum())
        expected = np.append(expected[pooled:], expected[:pooled].sum())
    freedom = len(expected) - 1
    if freedom < 1:
        return ChiSquare(0.0, 0, 1.0, len(expected), pooled)
    statistic = float(((observed - expected) ** 2 / expected).sum())
    return ChiSquare(statistic, freedom, float(chi2.sf(statistic, freedom)), freedom + 1, pooled)


@dataclass(frozen=True)
class Unseen:
    """Estimates, from the hit counts alone, of what the samples did not see.

    With N hits, S regions hit, of which f1 once and f2 twice: Good and Turing estimate the share
    of the volume not hit as f1 / N, hence the number of regions as S / (1 - f1 / N) (None where
    f1 = N); Chao's bias-corrected lower bound of the number is S + f1 (f1 - 1) / (2 (f2 + 1)).

    References
    ----------
    I. J. Good, *The population frequencies of species and the estimation of population
    parameters*, Biometrika 40, 1953. A. Chao, *Nonparametric estimation of the number of classes
    in a population*, Scandinavian Journal of Statistics 11, 1984.
    """

    once: int
    twice: int
    good_turing_share: float
    good_turing_regions: float | None
    chao1_regions: float


def estimate_unseen(hits: Counts) -> Unseen:
    """Return the Good-Turing and Chao1 estimates of hit counts, shape (regions,)."""
    total, seen = int(hits.sum()), int(np.count_nonzero(hits))
    once, twice = int(np.count_nonzero(hits == 1)), int(np.count_nonzero(hits == 2))
    share = once / total if total else 1.0
    return Unseen(
        once,
        twice,
        share,
        seen / (1 - share) if once < total else None,
        seen + once * (once - 1) / (2 * (twice + 1)),
    )


def enclose_sum(middle: Floats, radius: Floats) -> tuple[Fraction, Fraction]:
    """Return exact (lower, upper) bounds of the sum of volumes given as enclosures."""
    center = sum(map(Fraction, middle.tolist()), Fraction(0))
    slack = sum(map(Fraction, radius.tolist()), Fraction(0))
    return max(center - slack, Fraction(0)), center + slack
