"""What a study's estimates were worth: bias, coverage and needs, each with its own interval.

Sets of weights are independent; the networks on one set are not, and neither are the samples of a
network. So every interval is over sets of weights: what belongs to one is averaged first. All
intervals are of nominal 95 %.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf

import numpy as np
from numpy.typing import NDArray

from exactbn.study.judged.judging import OF_REGIONS, OF_VOLUME, Outcome, Study

ALL = "all"

#: Confidence of the intervals on the figures themselves.
LEVEL = 0.95

#: Resamples of the bootstrap of rank correlations.
RESAMPLES = 499

Interval = tuple[float, float] | None
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """How one estimator did on the networks of one family and dimension at one sample size.

    ``family`` or ``dim`` may be "all". ``defined`` is the share of samples for which there is an
    estimate. ``bias`` is, of regions, the mean of (estimate - truth) / truth; of volumes, where
    the truth may be 0, mean estimate over mean truth, minus 1; its interval is cut to what is
    possible. ``coverage`` is the share of
    samples whose interval holds the truth; a sample without interval does not. ``width`` is the
    median width of the intervals over the truth.
    """

    family: str
    dim: int | str
    samples: int
    method: str
    networks: int
    defined: float
    bias: float | None
    bias_interval: Interval
    coverage: float
    coverage_interval: Interval
    width: float | None


@dataclass(frozen=True)
class Need:
    """How many points see 99 % of the regions, or of the volume, in expectation: medians.

    Of the networks of one family and dimension, which are independent.

    ``interval`` is that of the median, ``quartiles`` those of the networks; ``seen`` is the share
    of regions that the largest sample of the study saw, on average.
    """

    family: str
    dim: int
    networks: int
    regions: float
    regions_interval: Interval
    regions_quartiles: tuple[float, float]
    volume: float
    volume_interval: Interval
    volume_quartiles: tuple[float, float]
    seen: float
    median_regions: float


@dataclass(frozen=True)
class Ranking:
    """How the number of patterns seen ranks networks by their true number of regions.

    ``tau`` is Kendall's tau-b of the two over the networks of one dimension (first sample of
    each), ``fill`` the mean share of points that found a region of their own (patterns seen over
    points), ``seen`` the mean share of the regions that were seen.
    """

    dim: int | str
    samples: int
    method: str
    networks: int
    tau: float | None
    tau_interval: Interval
    fill: float
    seen: float


def figures(study: Study) -> list[Figure]:
    """Return the figures of every estimator, sample size, family and dimension, and of all."""
    table = []
    dims: tuple[int | str, ...] = (ALL, *study.settings.dims)
    for family, dim in product((ALL, *study.settings.families), dims):
        members = [j for j in study.judged if family in (ALL, j.family) and dim in (ALL, j.dim)]
        clusters: dict[tuple[int, int], list[Outcome]] = {}
        for j in members:
            clusters.setdefault((j.dim, j.index), []).extend(j.outcomes)
        by_cluster = [_by_cell(outcomes) for outcomes in clusters.values()]
        for samples, method in product(study.settings.samples, (*OF_REGIONS, *OF_VOLUME)):
            cells = [cells[samples, method] for cells in by_cluster]
            if cells:
                table.append(_figure(family, dim, samples, method, len(members), cells))
    return table


def _by_cell(outcomes: Iterable[Outcome]) -> dict[tuple[int, str], list[Outcome]]:
    """Return the outcomes on one set of weights by sample size and method."""
    cells: dict[tuple[int, str], list[Outcome]] = {}
    for o in outcomes:
        cells.setdefault((o.samples, o.method), []).append(o)
    return cells


def _figure(
    family: str, dim: int | str, samples: int, method: str, networks: int,
    cells: Sequence[Sequence[Outcome]],
) -> Figure:  # fmt: skip
    """Return the figure of one cell: the outcomes on each of its sets of weights."""
    everything = [o for cell in cells for o in cell]
    known = [[o for o in cell if o.value is not None] for cell in cells]
    known = [cell for cell in known if cell]
    bias, bias_interval = None, None
    if method in OF_REGIONS and known:
        errors = [[(o.value or 0) / o.truth - 1 for o in cell] for cell in known]
        bias, bias_interval = mean_interval(_means(errors))
    elif known:
        truths = _means([[o.truth for o in cell] for cell in known])
        values = _means([[o.value or 0.0 for o in cell] for cell in known])
        if truths.sum() > 0:
            bias, bias_interval = ratio_interval(values - truths, truths)
    # No estimate is negative, and no more regions are seen than there are.
    bias_interval = _cut(bias_interval, -1.0, 0.0 if method == "observed" else inf)
    covered = _means([[float(o.is_covered) for o in cell] for cell in cells])
    share, share_interval = share_interval_of(covered, max(map(len, cells)))
    widths = [
        (o.high - o.low) / o.truth
        for o in everything
        if o.low is not None and o.high is not None and o.truth > 0
    ]
    return Figure(
        family, dim, samples, method, networks,
        sum(map(len, known)) / len(everything),
        bias, bias_interval, share, share_interval,
        float(np.median(widths)) if widths else None,
    )  # fmt: skip


def _cut(interval: Interval, least: float, most: float) -> Interval:
    """Return the part of an interval that is possible."""
    if interval is None:
        return None
    return max(interval[0], least), min(interval[1], most)


def _means(rows: Sequence[Sequence[float]]) -> Floats:
    """Return the mean of each row."""
    return np.array([sum(row) / len(row) for row in rows])


def mean_interval(values: Floats) -> tuple[float, Interval]:
    """Return the mean of independent values and Student's interval, None for fewer than two."""
    from scipy.stats import t

    mean = float(values.mean())
    if len(values) < 2:
        return mean, None
    half = float(t.ppf((1 + LEVEL) / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5)
    return mean, (mean - half, mean + half)


def ratio_interval(numbers: Floats, sizes: Floats) -> tuple[float, Interval]:
    """Return sum numbers / sum sizes with the interval of its linearization.

    References
    ----------
    W. G. Cochran, *Sampling Techniques*, 3rd ed., 1977, section 6.3.
    """
    ratio = float(numbers.sum() / sizes.sum())
    _, around = mean_interval((numbers - ratio * sizes) / float(sizes.mean()))
    return ratio, None if around is None else (ratio + around[0], ratio + around[1])


def share_interval_of(shares: Floats, repeats: int) -> tuple[float, Interval]:
    """Return the mean of the shares of clusters and the interval of Korn and Graubard.

    ``shares`` has one share of successes a cluster, each of ``repeats`` trials. The interval is
    that of Clopper and Pearson for as many independent trials as give the variance that the
    clusters show, not less than there are clusters and not more than there are trials; where there
    are successes only, or none, as many as there are clusters.

    References
    ----------
    E. L. Korn, B. I. Graubard, *Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data*, Survey Methodology 24, 1998.
    """
    from scipy.stats import beta

    clusters, mean = len(shares), float(shares.mean())
    size = float(clusters)
    if clusters > 1 and 0 < mean < 1:
        variance = float(shares.var(ddof=1)) / clusters
        size = max(mean * (1 - mean) / variance, clusters) if variance else inf
        size = min(size, clusters * repeats)
    successes, tail = mean * size, (1 - LEVEL) / 2
    low = float(beta.ppf(tail, successes, size - successes + 1)) if mean > 0 else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, size - successes)) if mean < 1 else 1.0
    return mean, (low, high)


def median_interval(values: Floats) -> tuple[float, Interval]:
    """Return the median and its distribution-free interval, by order statistics.

    None where there are too few values for the level.

    References
    ----------
    W. J. Conover, *Practical Nonparametric Statistics*, 3rd ed., 1999, section 3.2.
    """
    from scipy.stats import binom

    ordered = np.sort(values)
    count = len(ordered)
    k = int(binom.ppf((1 - LEVEL) / 2, count, 0.5))
    while k > 0 and binom.cdf(k - 1, count, 0.5) > (1 - LEVEL) / 2:
        k -= 1
    if k == 0:
        return float(np.median(ordered)), None
    return float(np.median(ordered)), (float(ordered[k - 1]), float(ordered[count - k]))


def needs(study: Study) -> list[Need]:
    """Return how many points are needed, by family and dimension."""
    table = []
    most = study.settings.samples[-1]
    for family, dim in product(study.settings.families, study.settings.dims):
        members = [j for j in study.judged if (j.family, j.dim) == (family, dim)]
        if not members:
            continue
        regions = np.array([j.points_for_regions for j in members])
        volume = np.array([j.points_for_volume for j in members])
        seen = [
            np.mean([o.truth and (o.value or 0) / o.truth for o in j.outcomes
                     if o.samples == most and o.method == "observed"])
            for j in members
        ]  # fmt: skip
        table.append(
            Need(
                family, dim, len(members),
                *median_interval(regions), _quartiles(regions),
                *median_interval(volume), _quartiles(volume),
                float(np.mean(seen)), float(np.median([j.regions for j in members])),
            )
        )  # fmt: skip
    return table


def _quartiles(values: Floats) -> tuple[float, float]:
    """Return the lower and the upper quartile."""
    low, high = np.quantile(values, (0.25, 0.75))
    return float(low), float(high)


def rankings(study: Study) -> list[Ranking]:
    """Return how well counts and estimates rank networks, by dimension and sample size."""
    table = []
    for dim in study.settings.dims:
        members = [j for j in study.judged if j.dim == dim]
        for samples, method in product(study.settings.samples, ("observed", "chao1")):
            first = [
                next(o for o in j.outcomes
                     if (o.samples, o.method, o.repeat) == (samples, method, 0))
                for j in members
            ]  # fmt: skip
            if not first:
                continue
            values = np.array([o.value or 0.0 for o in first])
            truths = np.array([o.truth for o in first])
            weights = np.array([j.index for j in members])
            table.append(
                Ranking(
                    dim, samples, method, len(members), rank_correlation(values, truths),
                    rank_interval(values, truths, weights),
                    float((values / samples).mean()), float((values / truths).mean()),
                )
            )  # fmt: skip
    return table


def rank_correlation(values: Floats, truths: Floats) -> float | None:
    """Return Kendall's tau-b, None where all values, or all truths, are equal."""
    from scipy.stats import kendalltau

    if len(set(values)) < 2 or len(set(truths)) < 2:
        return None
    return float(kendalltau(values, truths).statistic)


def rank_interval(
    values: Floats, truths: Floats, clusters: NDArray[np.int64], *, seed: int = 0
) -> Interval:
    """Return the percentile bootstrap interval of tau-b over clusters, None where there are few.

    Whole clusters are drawn with replacement, :data:`RESAMPLES` times.
    """
    names = np.unique(clusters)
    if len(names) < 5:
        return None
    places = [np.flatnonzero(clusters == name) for name in names]
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(RESAMPLES):
        chosen = np.concatenate([places[k] for k in rng.integers(0, len(names), len(names))])
        tau = rank_correlation(values[chosen], truths[chosen])
        if tau is not None:
            found.append(tau)
    if not found:
        return None
    low, high = np.quantile(found, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)
