"""Every estimator on random samples of many small networks, beside the exact truth."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.run import Budget
from exactbn.errors import InputError, LimitError
from exactbn.regions.partitioning import partition
from exactbn.sampling import estimators
from exactbn.sampling.estimators import Estimate, Frequencies
from exactbn.sampling.sequence import RegionSequence, Regions, exact_shares
from exactbn.sampling.statistics import ChiSquare, compare_with_volumes
from exactbn.seeds import derived_seed
from exactbn.study.dataset import DataSet
from exactbn.study.judged.families import FAMILIES, WIDTHS, Case, Problem, cases, problem_of
from exactbn.wording import counted

#: Estimators of the number of regions.
OF_REGIONS = {
    "observed": "regions seen",
    "coverage": "coverage-based",
    "chao1": "Chao1",
    "chao2": "Chao2",
    "jackknife1": "jackknife 1",
    "jackknife2": "jackknife 2",
    "ace": "ACE",
}

#: Estimators of the share of the volume that no point has hit.
OF_VOLUME = {"good_turing": "Good-Turing", "held_out": "held-out half"}

#: The share of regions, and of volume, of which it is asked how many points see it.
SEEN = 0.99

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Settings:
    """What a study is asked to do; all of it goes into ``run.json``.

    ``networks`` sets of weights a dimension, on each of which stand all ``families``; a network is
    sampled ``repeats`` times with max(samples) points, of which the first n are the sample of n.
    Chao2 counts regions once in each of ``batches`` equal parts of a sample.
    """

    networks: int = 30
    dims: tuple[int, ...] = (2, 3, 4, 5)
    families: tuple[str, ...] = tuple(FAMILIES)
    samples: tuple[int, ...] = (100, 1_000, 10_000, 100_000)
    repeats: int = 4
    batches: int = 20
    seed: int = 0
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        for name, values, known in (
            ("dimensions", self.dims, tuple(WIDTHS)), ("families", self.families, tuple(FAMILIES))
        ):  # fmt: skip
            if not values or len(set(values)) < len(values) or not set(values) <= set(known):
                told = ", ".join(map(str, values)) or "none"
                raise InputError(
                    f"the {name} are {told}, expected some of {', '.join(map(str, known))}, each "
                    "once"
                )
        for name, number in (("networks", self.networks), ("repeats", self.repeats)):
            if number < 1:
                raise InputError(f"{name}: got {number}, expected at least 1")
        if self.batches < 2:
            raise InputError(f"batches: got {self.batches}, expected at least 2")
        least = 2 * self.batches
        if not self.samples or list(self.samples) != sorted(set(self.samples)):
            raise InputError(f"the samples are {self.samples}, expected ascending sizes")
        if self.samples[0] < least:
            raise InputError(
                f"the least sample has {self.samples[0]} points, expected at least {least}, two a "
                "batch"
            )
        if self.max_seconds is not None and not isfinite(self.max_seconds):
            raise InputError(f"max_seconds is {self.max_seconds}, expected a finite number")

    @property
    def total(self) -> int:
        """Return the number of networks."""
        return self.networks * len(self.dims) * len(self.families)


@dataclass(frozen=True)
class Outcome:
    """One estimate of one sample beside the truth; numbers that do not exist are None."""

    samples: int
    repeat: int
    method: str
    truth: float
    value: float | None
    error: float | None
    low: float | None
    high: float | None

    @property
    def is_covered(self) -> bool:
        """Return whether there is an interval and it holds the truth."""
        if self.low is None or self.high is None:
            return False
        return self.low <= self.truth <= self.high


@dataclass(frozen=True)
class Judged:
    """One network: its truth, and what its samples said.

    ``points_for_regions`` and ``points_for_volume`` are the least n for which the expected number
    of regions seen, or the expected volume seen, is 99 %; they follow from the exact volumes.
    """

    family: str
    dim: int
    index: int
    widths: tuple[int, ...]
    sha256: str
    sigma_policy: str
    regions: int
    least_share: float
    points_for_regions: float
    points_for_volume: float
    on_boundary: int
    outside: int
    chi_square: ChiSquare
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class Study:
    """Everything that was found; ``stopped`` says why where a budget ended it early."""

    data: DataSet
    settings: Settings
    judged: tuple[Judged, ...]
    stopped: str | None = None

    @property
    def is_complete(self) -> bool:
        """Return whether all networks were done."""
        return self.stopped is None

    @property
    def outside(self) -> int:
        """Return how many points had a pattern that is no region's; any but 0 is an error."""
        return sum(j.outside for j in self.judged)

    @property
    def contradictions(self) -> int:
        """Return of how many networks the hits contradict the exact volumes."""
        return sum(j.chi_square.contradicts for j in self.judged)


def study(
    data: DataSet, settings: Settings | None = None, *, progress: Progress | None = None
) -> Study:
    """Return the estimates of many small networks beside their exact truths.

    Parameters
    ----------
    data : DataSet
        Its first d columns are the data in d dimensions; see
        :mod:`exactbn.study.judged.families`.
    settings : Settings, optional
    progress : callable (done, total, note), optional
        Networks done, of all.

    Notes
    -----
    Equal settings and data give equal results on one machine; training, in float32, may differ in
    its last bits on another. When the budget is spent, what is done is returned with ``stopped``
    set.
    """
    settings = Settings() if settings is None else settings
    problems = [problem_of(data, d) for d in settings.dims]  # which fails before anything is done
    clock = Budget(max_seconds=settings.max_seconds)
    judged: list[Judged] = []
    stopped = None
    try:
        for case in _cases(problems, settings, clock):
            if progress is not None:
                where = f"{case.problem.dim} dimensions, {case.family}, {case.widths}"
                progress(len(judged), settings.total, where)
            judged.append(judge(case, settings, max_seconds=seconds_left(clock)))
    except LimitError as error:
        done = f"{len(judged)} of {counted(settings.total, 'network')} done"
        stopped = f"{error} ({done})"
    return Study(data, settings, tuple(judged), stopped)


def _cases(
    problems: Sequence[Problem], settings: Settings, clock: Budget
) -> Iterator[Case]:
    """Yield all networks, dimension by dimension."""
    for problem in problems:
        seconds_left(clock)
        yield from cases(
            problem, range(settings.networks), settings.families, settings.seed
        )


def seconds_left(clock: Budget) -> float | None:
    """Return what is left of the seconds, or raise LimitError where nothing is."""
    if clock.max_seconds is None:
        return None
    left = clock.started + clock.max_seconds - time.monotonic()
    if left <= 0:
        raise LimitError("the seconds of --max-seconds are spent")
    return left


def judge(case: Case, settings: Settings, *, max_seconds: float | None = None) -> Judged:
    """Return what samples of one network say, and its truth."""
    clock = Budget(max_seconds=max_seconds)
    part = partition(case.network, case.problem.box, max_seconds=max_seconds)
    shares = exact_shares(part)
    sequence = RegionSequence.of(part)
    hits = np.zeros(part.num_regions, dtype=np.int64)
    outcomes: list[Outcome] = []
    outside = on_boundary = 0
    for repeat in range(settings.repeats):
        seed = derived_seed(
            settings.seed, "points", case.problem.dim, case.family, case.index, repeat
        )
        drawn = sequence.draw(settings.samples[-1], seed, clock)
        outside, on_boundary = outside + drawn.outside, on_boundary + drawn.on_boundary
        hits += np.bincount(drawn.regions, minlength=part.num_regions)
        for samples in settings.samples:
            regions = drawn.regions[:samples]
            for method, truth, found in judged_estimates(regions, shares, settings.batches):
                outcomes.append(_outcome(samples, repeat, method, truth, found))
    return Judged(
        family=case.family,
        dim=case.problem.dim,
        index=case.index,
        widths=case.widths,
        sha256=case.network.sha256,
        sigma_policy=case.network.sigma_policy,
        regions=part.num_regions,
        least_share=float(shares.min()),
        points_for_regions=points_needed(shares, np.full(len(shares), 1 / len(shares))),
        points_for_volume=points_needed(shares, shares),
        on_boundary=on_boundary,
        outside=outside,
        chi_square=compare_with_volumes(hits, shares),
        outcomes=tuple(outcomes),
    )


def _outcome(
    samples: int, repeat: int, method: str, truth: float, found: Estimate
) -> Outcome:
    """Return an estimate as floats."""
    low, high = (None, None) if found.interval is None else found.interval
    return Outcome(
        samples,
        repeat,
        method,
        truth,
        None if found.value is None else float(found.value),
        None if found.variance is None else float(found.variance) ** 0.5,
        low,
        None if high == inf else high,
    )


def judged_estimates(
    regions: Regions, shares: Floats, batches: int
) -> Iterator[tuple[str, float, Estimate]]:
    """Yield (method, truth, estimate) for one sample: the regions of its points, in order.

    ``shares`` are the exact shares of the volume, shape (R,).
    """
    count = float(len(shares))
    for method, found in estimates_of(regions, batches).items():
        yield method, count, found
    seen = np.bincount(regions, minlength=len(shares))
    yield "good_turing", unseen_share(seen, shares), estimators.unseen_volume(Frequencies.of(seen))
    half = len(regions) // 2
    first = np.bincount(regions[:half], minlength=len(shares))
    new = int(np.count_nonzero(first[regions[half:]] == 0))
    yield "held_out", unseen_share(first, shares), estimators.held_out(new, len(regions) - half)


def estimates_of(regions: Regions, batches: int) -> dict[str, Estimate]:
    """Return the estimates of the number of regions from one sample, by the keys of OF_REGIONS."""
    points = Frequencies.of(np.bincount(regions))
    in_batches = Frequencies.of(hits_by_batch(regions, batches), batches)
    return {
        "observed": estimators.observed(points),
        "coverage": estimators.coverage_based(points),
        "chao1": estimators.chao(points),
        "chao2": estimators.chao(in_batches),
        "jackknife1": estimators.jackknife(points, 1),
        "jackknife2": estimators.jackknife(points, 2),
        "ace": estimators.ace(points),
    }


def hits_by_batch(regions: Regions, batches: int) -> NDArray[np.int64]:
    """Return in how many of so many equal batches each region is hit; a rest is left out."""
    size = len(regions) // batches
    used = regions[: size * batches].astype(np.int64)
    pairs = np.unique(used * batches + np.repeat(np.arange(batches), size))
    return np.bincount(pairs // batches)


def unseen_share(hits: NDArray[np.int64], shares: Floats) -> float:
    """Return the exact share of the volume of the regions that are not hit."""
    return float(shares[hits == 0].sum())


def points_needed(shares: Floats, weights: Floats, seen: float = SEEN) -> float:
    """Return the least n with sum w_i (1 - (1 - p_i)^n) >= ``seen`` sum w_i, a whole number.

    With equal weights it is the number of points that see so much of the regions in expectation,
    with the shares p as weights so much of the volume.
    """
    rates = np.log1p(-np.minimum(shares, 1.0 - 2.0**-53))
    allowed = (1 - seen) * float(weights.sum())

    def is_enough(n: float) -> bool:
        return float((weights * np.exp(n * rates)).sum()) <= allowed

    low, high = 0.0, 1.0
    while not is_enough(high):
        low, high = high, 2 * high
        if high == inf:
            return inf
    while high - low > max(1.0, high * 2.0**-50):
        middle = float(np.floor((low + high) / 2))
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
