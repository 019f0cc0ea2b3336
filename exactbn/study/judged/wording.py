"""What the figures of a study say, in sentences and cells of tables."""

from collections.abc import Sequence
from math import floor, log10

from exactbn.study.judged.families import FAMILIES
from exactbn.study.judged.figures import ALL, Figure, Interval, Need, Ranking
from exactbn.study.judged.judging import OF_REGIONS, OF_VOLUME, Study
from exactbn.study.judged.large_figures import LargeFigure
from exactbn.study.judged.local_figures import LocalFigure
from exactbn.study.paired import decimal, number
from exactbn.wording import counted


def percent(value: float | None, *, sign: bool = False) -> str:
    r"""Return a share in percent for people.

    >>> percent(0.1234), percent(-0.5, sign=True), percent(None), percent(0.0004)
    ('12 %', '\u221250 %', '\u2013', '0.04 %')
    """
    if value is None:
        return "\u2013"
    size = 100 * abs(value)
    digits = ".0f" if size >= 10 or size == 0 else ".1f" if size >= 1 else ".1g"
    text = f"{size:{digits}}"
    mark = "" if float(text) == 0 else "\u2212" if value < 0 else "+" if sign else ""
    return f"{mark}{text} %"


def span(interval: Interval, *, sign: bool = False) -> str:
    """Return an interval of shares for people."""
    if interval is None:
        return ""
    return f"{percent(interval[0], sign=sign)} to {percent(interval[1], sign=sign)}"


def two(interval: Interval) -> str:
    """Return an interval of correlations."""
    return "" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"


def points(value: float) -> str:
    r"""Return a number of points for people.

    >>> points(1234.5), points(2.5e12) == "2.5 \u00b7 10\u00b9\u00b2"
    ('1\u202f234', True)
    """
    if value < 10**6:
        return number(float(round(value)))
    exponent = floor(log10(value))
    return f"{value / 10.0**exponent:.1f} \u00b7 {power_of_ten(exponent)}"


def power_of_ten(exponent: int) -> str:
    r"""Return a power of ten as text, without a formula.

    >>> power_of_ten(12) == "10\u00b9\u00b2"
    True
    """
    digits = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
    sign = "\u207b" if exponent < 0 else ""
    return "10" + sign + "".join(digits[int(c)] for c in str(abs(exponent)))


def between(pair: tuple[float, float] | None) -> str:
    """Return an interval of numbers of points."""
    return "" if pair is None else f"{points(pair[0])} to {points(pair[1])}"


def describe(
    study: Study, figures: Sequence[Figure], needs: Sequence[Need], rankings: Sequence[Ranking]
) -> list[str]:
    """Return what the figures say, one sentence each; nothing is assumed before."""
    found = {(f.family, f.dim, f.samples, f.method): f for f in figures}
    most = study.settings.samples[-1]
    sentences = []
    for dim in study.settings.dims:
        here = [found.get((ALL, dim, most, method)) for method in OF_REGIONS]
        known = [f for f in here if f is not None and f.bias is not None]
        if not known:
            continue
        seen = next(f for f in known if f.method == "observed")
        best = min(known, key=lambda f: abs(f.bias or 0))
        holds = max(known, key=lambda f: f.coverage)
        sentences.append(
            f"{dim} inputs, {points(most)} points: {percent(1 + (seen.bias or 0))} of the regions "
            f"are seen. The estimator of least bias is {OF_REGIONS[best.method]}, "
            f"{percent(best.bias, sign=True)} ({span(best.bias_interval, sign=True)}). The "
            f"intervals that hold the truth most often are those of {OF_REGIONS[holds.method]}: in "
            f"{percent(holds.coverage)} of the samples ({span(holds.coverage_interval)}), not in "
            "95 %."
            if holds.coverage_interval is not None and holds.coverage_interval[1] < 0.95
            else f"{dim} inputs, {points(most)} points: {percent(1 + (seen.bias or 0))} of the "
            f"regions are seen; the estimator of least bias is {OF_REGIONS[best.method]}, "
            f"{percent(best.bias, sign=True)}."
        )
    for method, name in OF_VOLUME.items():
        cells = [f for f in figures if (f.family, f.dim, f.method) == (ALL, ALL, method)]
        biases = [f.bias for f in cells if f.bias is not None]
        if biases:  # none where every sample has seen the whole volume
            low, high = min(f.coverage for f in cells), max(f.coverage for f in cells)
            sentences.append(
                f"Unseen volume, {name}: relative bias {percent(min(biases), sign=True)} to "
                f"{percent(max(biases), sign=True)} over the sample sizes, all networks together; "
                f"its intervals hold the truth in {percent(low)} to {percent(high)} of the samples."
            )
    if needs:
        volume, regions = (max(n.volume for n in needs), max(n.regions for n in needs))
        sentences.append(
            f"99 % of the volume is seen by {points(min(n.volume for n in needs))} to "
            f"{points(volume)} points (medians of family and dimension), 99 % of the regions by "
            f"{points(min(n.regions for n in needs))} to {points(regions)}."
        )
    for r in rankings:
        if r.samples == study.settings.samples[0] and r.method == "observed":
            value = "not defined" if r.tau is None else tau(r.tau, r.tau_interval)
            sentences.append(
                f"{r.dim} inputs: the number of patterns among {points(r.samples)} points ranks "
                f"networks with Kendall's tau {value} by their true number of regions."
            )
    return sentences


def figure_cells(figures: Sequence[Figure]) -> list[dict[str, object]]:
    """Return the rows of a table of figures, as texts."""
    names = OF_REGIONS | OF_VOLUME
    return [
        {
            "family": FAMILIES.get(f.family, "all"), "dim": f.dim, "samples": points(f.samples),
            "method": names[f.method], "networks": f.networks, "defined": percent(f.defined),
            "bias": percent(f.bias, sign=True), "bias_interval": span(f.bias_interval, sign=True),
            "coverage": percent(f.coverage), "coverage_interval": span(f.coverage_interval),
            "width": percent(f.width),
            "is_good": f.coverage_interval is not None and f.coverage_interval[1] >= 0.95,
        }
        for f in figures
    ]  # fmt: skip


def need_cells(needs: Sequence[Need]) -> list[dict[str, object]]:
    """Return the rows of the table of points that are needed, as texts."""
    return [
        {
            "family": FAMILIES[n.family], "dim": n.dim, "networks": n.networks,
            "median": points(n.median_regions), "seen": percent(n.seen),
            "volume": points(n.volume), "volume_interval": between(n.volume_interval),
            "regions": points(n.regions), "regions_interval": between(n.regions_interval),
        }
        for n in needs
    ]  # fmt: skip


def ranking_cells(rankings: Sequence[Ranking]) -> list[dict[str, object]]:
    """Return the rows of the table of rankings, as texts."""
    return [
        {
            "dim": r.dim, "samples": points(r.samples), "method": OF_REGIONS[r.method],
            "tau": tau(r.tau),
            "interval": two(r.tau_interval),
            "fill": percent(r.fill), "seen": percent(r.seen),
        }
        for r in rankings
    ]  # fmt: skip


def local_cells(figures: Sequence[LocalFigure]) -> list[dict[str, object]]:
    """Return the rows of the table of local densities, as texts."""
    return [
        {
            "family": FAMILIES.get(f.family, "all"), "depth": f.depth, "directions": f.directions,
            "radius": decimal(f.radius), "hulls": f.hulls, "regions": three(f.regions),
            "cut": three(f.cut), "complexity": three(f.complexity),
            "missed": percent(f.missed, sign=True),
            "missed_interval": span(f.missed_interval, sign=True),
            "seen": percent(1 + f.seen), "chao1": percent(f.chao1, sign=True),
            "coverage": percent(f.coverage), "coverage_interval": span(f.coverage_interval),
            "tau_complexity": tau(f.tau_complexity),
            "tau_complexity_interval": two(f.tau_complexity_interval),
            "tau_seen": tau(f.tau_seen), "tau_seen_interval": two(f.tau_seen_interval),
        }
        for f in figures
    ]  # fmt: skip


def tau(value: float | None, interval: Interval = None) -> str:
    """Return a correlation as text, with its interval where there is one."""
    text = "\u2013" if value is None else f"{value:.2f}".replace("-", "\u2212")
    return text if interval is None else f"{text} ({two(interval)})"


def three(value: float) -> str:
    r"""Return a mean to three digits, or to a whole number.

    >>> three(2 / 3), three(5299.3)
    ('0.667', '5\u202f299')
    """
    return number(value) if value >= 1000 else f"{value:.3g}"


def describe_local(figures: Sequence[LocalFigure]) -> list[str]:
    """Return what the figures of local densities say."""
    overall = [f for f in figures if f.family == ALL]
    sentences = []
    for depth in dict.fromkeys(f.depth for f in overall):
        here = [f for f in overall if f.depth == depth]
        last = here[-1]
        worst = min((f for f in here if f.missed is not None), key=lambda f: f.missed or 0,
                    default=None)  # fmt: skip
        if worst is None:
            missed = ""
        elif worst.missed == 0:
            missed = " It misses none of the neurons that are on and off inside."
        else:
            missed = (
                f" It misses up to {percent(-(worst.missed or 0))} of the neurons that are on and "
                f"off inside (P = {worst.directions}, r = {decimal(worst.radius)})."
            )
        by_complexity = tau(last.tau_complexity, last.tau_complexity_interval)
        by_seen = tau(last.tau_seen, last.tau_seen_interval)
        sentences.append(
            f"{counted(depth, 'hidden layer')}, P = {last.directions}, r = "
            f"{decimal(last.radius)}: {number(last.regions)} regions meet the hull on average, "
            f"local complexity is {number(last.complexity)}; the samples saw "
            f"{percent(1 + last.seen)} of the regions.{missed} Kendall's tau with the exact number "
            f"of regions: local complexity {by_complexity}, patterns seen {by_seen}."
        )
    return sentences


def large_cells(figures: Sequence[LargeFigure]) -> list[dict[str, object]]:
    """Return the rows of the table of the large network, as texts."""
    return [
        {
            "family": FAMILIES[f.family], "directions": f.directions, "radius": decimal(f.radius),
            "hulls": f.hulls,
            "regions": "not counted" if f.regions is None else points(f.regions),
            "regions_interval": between(f.regions_interval),
            "complexity": number(round(f.complexity, 1)), "seen": number(round(f.seen, 1)),
            "alone": percent(f.alone), "chao1": points(f.chao1),
            "calibrated": "none" if f.low is None or f.high is None
            else f"{points(f.low)} to {points(f.high)}",
            "held": "" if f.held is None else f"{f.held} of {f.calibrated}",
        }
        for f in figures
    ]  # fmt: skip
