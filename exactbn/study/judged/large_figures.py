"""What was found about a large network: means over data points, and whether calibration held."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

from exactbn.study.judged.figures import Interval, mean_interval
from exactbn.study.judged.large import LargeStudy


@dataclass(frozen=True)
class LargeFigure:
    """The hulls of one family, number of directions and radius: means over the data points.

    The intervals are Student's over the points, of this one network. ``regions`` is the mean exact
    number, None where it cannot be counted. ``calibrated`` of the hulls have a calibrated
    interval, and ``held`` of those for which the truth is known hold it.
    """

    family: str
    directions: int
    radius: Fraction
    hulls: int
    regions: float | None
    regions_interval: Interval
    complexity: float
    complexity_interval: Interval
    seen: float
    alone: float
    chao1: float
    calibrated: int
    held: int | None
    low: float | None
    high: float | None


def large_figures(study: LargeStudy) -> list[LargeFigure]:
    """Return the figures of every family, number of directions and radius."""
    settings = study.settings
    table = []
    every = dict.fromkeys(d.directions for d in study.densities)
    for family, directions, radius in product(settings.families, every, settings.radii):
        hulls = [
            d for d in study.densities
            if (d.family, d.directions, d.radius) == (family, directions, radius)
        ]  # fmt: skip
        if not hulls:
            continue
        regions, regions_interval = None, None
        counts = [d.regions for d in hulls if d.regions is not None]
        if counts:
            regions, regions_interval = mean_interval(np.array(counts, dtype=np.float64))
        ends = [(d.low, d.high, d.regions) for d in hulls if d.low is not None]
        known = [(low or 0, high or 0, r) for low, high, r in ends if r is not None]
        table.append(
            LargeFigure(
                family, directions, radius, len(hulls), regions, regions_interval,
                *mean_interval(np.array([d.complexity for d in hulls], dtype=np.float64)),
                float(np.mean([d.seen for d in hulls])),
                float(np.mean([d.alone for d in hulls])),
                float(np.mean([d.chao1 for d in hulls])),
                len(ends),
                sum(low <= r <= high for low, high, r in known) if known else None,
                float(np.mean([low for low, _, _ in ends])) if len(ends) == len(hulls) else None,
                float(np.mean([high for _, high, _ in ends])) if len(ends) == len(hulls) else None,
            )
        )  # fmt: skip
    return table
