"""What local complexity and sampling were worth around data points, with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

from exactbn.study.judged.figures import (
    ALL,
    Floats,
    Interval,
    rank_correlation,
    rank_interval,
    ratio_interval,
    share_interval_of,
)
from exactbn.study.judged.local import Density, LocalStudy


@dataclass(frozen=True)
class LocalFigure:
    """The hulls of one depth, number of directions and radius: all families, or one.

    ``regions``, ``cut`` and ``complexity`` are means over the hulls: of the exact number of
    regions, the exact number of neurons that are on and off inside, and local complexity.
    ``missed`` is local complexity over the exact number of neurons, minus 1; ``seen`` the regions
    that were hit over all regions, minus 1; ``chao1`` the mean of Chao1 over that of the regions,
    minus 1; all ratios of means. ``coverage`` is how often the interval of Chao1 holds the truth.
    ``tau_complexity`` and ``tau_seen`` are Kendall's tau-b with the exact number of regions.
    """

    family: str
    depth: int
    directions: int
    radius: Fraction
    hulls: int
    regions: float
    cut: float
    complexity: float
    missed: float | None
    missed_interval: Interval
    seen: float
    seen_interval: Interval
    chao1: float
    chao1_interval: Interval
    coverage: float
    coverage_interval: Interval
    tau_complexity: float | None
    tau_complexity_interval: Interval
    tau_seen: float | None
    tau_seen_interval: Interval


def local_figures(study: LocalStudy) -> list[LocalFigure]:
    """Return the figures of every depth, number of directions and radius, families together.

    And of each family by itself for the largest number of directions and the middle radius.
    """
    settings = study.settings
    groups: dict[tuple[int, int, Fraction], list[Density]] = {}
    for d in study.densities:
        groups.setdefault((d.depth, d.directions, d.radius), []).append(d)
    table = [
        _figure(ALL, groups[key])
        for key in product(settings.depths, settings.directions, settings.radii)
        if key in groups
    ]
    radius = settings.radii[len(settings.radii) // 2]
    for family, depth in product(settings.families, settings.depths):
        members = groups.get((depth, settings.directions[-1], radius), [])
        own = [d for d in members if d.family == family]
        if own:
            table.append(_figure(family, own))
    return table


def _figure(family: str, hulls: Sequence[Density]) -> LocalFigure:
    """Return the figure of some hulls; the clusters are the sets of weights."""
    clusters = np.array([d.index for d in hulls])
    regions = np.array([d.regions for d in hulls], dtype=np.float64)
    cut = np.array([sum(d.cut) for d in hulls], dtype=np.float64)
    complexity = np.array([sum(d.separated) for d in hulls], dtype=np.float64)
    seen = np.array([d.seen for d in hulls], dtype=np.float64)
    chao1 = np.array([d.chao1 for d in hulls])
    covered = np.array(
        [d.low is not None and d.high is not None and d.low <= d.regions <= d.high for d in hulls],
        dtype=np.float64,
    )
    names = np.unique(clusters)

    def sums(values: Floats) -> Floats:
        return np.array([values[clusters == name].sum() for name in names])

    whole = sums(regions)
    missed, missed_interval = None, None
    if cut.sum() > 0:
        missed, missed_interval = ratio_interval(sums(complexity - cut), sums(cut))
    shares = np.array([covered[clusters == name].mean() for name in names])
    first = hulls[0]
    return LocalFigure(
        family, first.depth, first.directions, first.radius, len(hulls),
        float(regions.mean()), float(cut.mean()), float(complexity.mean()),
        missed, missed_interval,
        *ratio_interval(sums(seen - regions), whole),
        *ratio_interval(sums(chao1 - regions), whole),
        *share_interval_of(shares, len(hulls) // len(names)),
        rank_correlation(complexity, regions), rank_interval(complexity, regions, clusters),
        rank_correlation(seen, regions), rank_interval(seen, regions, clusters),
    )  # fmt: skip
