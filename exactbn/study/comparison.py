"""Batch-norm centering against random initialization on data: exact measures over seeds.

For every seed one set of weights and, on the same weights, four networks; for the data as it is
and for the data exactly standardized. Every measure is exact. What comes out is reported; nothing
here assumes that one network has more regions than another.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite

from exactbn.engines.run import Budget
from exactbn.errors import DegenerateError, InputError, LimitError
from exactbn.exact.rational import Matrix, dot, to_text
from exactbn.model.batchnorm import center, standardize
from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.regions.counting import count_regions
from exactbn.regions.distances import PointMeasures, measure_points
from exactbn.regions.partitioning import Partition, partition
from exactbn.study.dataset import DataSet
from exactbn.study.initialization import initialize_network, zero_biases
from exactbn.study.paired import decimal, exact_mean, exact_median
from exactbn.wording import counted

#: The four networks on one set of weights, in the order of every table.
NETWORKS = {
    "random": "random bias",
    "zero": "zero bias",
    "centred": "BN-centred",
    "scaled": "BN-centred and scaled",
}

DATA_VARIANTS = {"raw": "data as it is", "standardized": "standardized data"}

#: Greatest length of an exact setting as text: it names measures and stands in every table.
MAX_TEXT = 200

#: Faces of its box and balls, 3^d each, with which a network may begin; the engine makes some
#: millions a second.
MAX_FACES = 10**8

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Settings:
    """What a comparison is asked to do; all of it goes into ``run.json``.

    ``radii`` are relative to the longest side of the data's bounding box; ``margin`` is the part
    of each side by which that box grows at both ends.
    """

    seeds: tuple[int, ...] = tuple(range(20))
    widths: tuple[int, ...] = (16, 16)
    slope: Fraction = Fraction(0)
    radii: tuple[Fraction, ...] = (Fraction(1, 100), Fraction(1, 20), Fraction(1, 5))
    random_points: int = 150
    margin: Fraction = Fraction(1, 4)
    eps: Fraction = Fraction(0)
    max_regions: int | None = None
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        for number in (self.slope, self.margin, self.eps, *self.radii):
            if len(to_text(number)) > MAX_TEXT:
                raise InputError(
                    f"the slope, the margin, eps or a radius has {len(to_text(number))} "
                    f"characters as p/q, expected at most {MAX_TEXT}"
                )
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise InputError(f"seeds are {list(self.seeds)}, expected at least one, each once")
        if not self.radii or min(self.radii) <= 0 or len(set(self.radii)) < len(self.radii):
            told = ", ".join(map(decimal, self.radii)) or "none"
            raise InputError(f"the radii are {told}, expected at least one, all different and > 0")
        if self.random_points < 1:
            raise InputError(f"random points: got {self.random_points}, expected at least 1")
        if self.margin < 0:
            raise InputError(f"the margin is {self.margin}, expected >= 0")
        if self.eps < 0:
            raise InputError(f"eps is {self.eps}, expected >= 0")
        if self.max_seconds is not None and not isfinite(self.max_seconds):
            raise InputError(f"max_seconds is {self.max_seconds}, expected a finite number")


@dataclass(frozen=True)
class DataVariant:
    """The data in one form, with the box and the absolute radii that go with it."""

    key: str
    points: Matrix
    box: Box
    radii: tuple[Fraction, ...]


@dataclass(frozen=True)
class NetworkMeasures:
    """The exact measures of one network: one (seed, data variant, network).

    ``values`` maps the keys of :func:`measure_labels` to exact numbers, None where the measure
    is not defined (the network has no boundary). ``is_central`` says whether every hyperplane of
    layer 1 holds the mean of the data. ``data_counts[j][i]`` is the number of regions that meet
    the ball of radius j about data point i; ``random_counts`` the same about the random points.
    """

    seed: int
    data: str
    network: str
    sigma_policy: str
    sha256: str
    values: Mapping[str, Fraction | None]
    is_central: bool
    points: PointMeasures
    random_points: Matrix
    data_counts: tuple[tuple[int, ...], ...]
    random_counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Undefined:
    """A network that does not exist for a seed, and why."""

    seed: int
    data: str
    network: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """Everything that was found; ``stopped`` says why where a budget ended it early."""

    data: DataSet
    settings: Settings
    variants: tuple[DataVariant, ...]
    measures: tuple[NetworkMeasures, ...]
    undefined: tuple[Undefined, ...]
    shown: Mapping[tuple[str, str], Partition] = field(repr=False)
    stopped: str | None = None

    @property
    def is_complete(self) -> bool:
        """Return whether every seed was done."""
        return self.stopped is None

    def select(self, data: str, network: str) -> dict[int, NetworkMeasures]:
        """Return the measures of one network on one form of the data, by seed."""
        return {m.seed: m for m in self.measures if (m.data, m.network) == (data, network)}


def measure_labels(settings: Settings) -> dict[str, str]:
    """Return the key of every measure and what it says, in the order of the tables."""
    labels = {"regions": "regions in the box"}
    for radius in settings.radii:
        labels[f"near_data@{radius}"] = f"regions within {decimal(radius)} of a data point"
    for radius in settings.radii:
        labels[f"near_random@{radius}"] = f"regions within {decimal(radius)} of a random point"
    for radius in settings.radii:
        labels[f"concentration@{radius}"] = f"data over random points, within {decimal(radius)}"
    labels |= {
        "mean_squared_distance": "squared distance to boundary, mean",
        "median_squared_distance": "squared distance to boundary, median",
        "layer1_sum": "layer-1 sum of squared distances",
        "cut_units": "units with data on both sides",
        "regions_with_data": "regions that hold data",
    }
    return labels


def compare(
    data: DataSet, settings: Settings | None = None, *, progress: Progress | None = None
) -> Comparison:
    """Return the exact comparison of the four networks on ``data``.

    Parameters
    ----------
    data : DataSet
        N points of Q^d; no coordinate may be constant.
    settings : Settings, optional
    progress : callable (done, total, note), optional
        Networks done, of all.

    Raises
    ------
    InputError
        If the data have so many coordinates that the engine would not even begin, see
        :func:`faces_to_begin`.
    DegenerateError
        If a coordinate of the data is constant.

    Notes
    -----
    When a budget is spent, what is done is returned with ``stopped`` set; it may be nothing. The
    seconds count inside a partition and inside the counts of balls too.

    A scaled network does not exist where some unit's sigma is 0 on the data; it is then listed
    in ``undefined``, and its seed takes no part in the pairs of that network.
    """
    settings = Settings() if settings is None else settings
    check_dimension(data, settings)
    variants = data_variants(data, settings)
    clock = Budget(max_seconds=settings.max_seconds)
    total = len(settings.seeds) * len(variants) * len(NETWORKS)
    measures: list[NetworkMeasures] = []
    undefined: list[Undefined] = []
    shown: dict[tuple[str, str], Partition] = {}
    stopped = None
    done = 0
    try:
        for seed, variant, name, network in _networks(data, settings, variants):
            report = _Report(progress, done, total, f"seed {seed}, {variant.key}, {name}")
            report("")
            if isinstance(network, str):
                undefined.append(Undefined(seed, variant.key, name, network))
            else:
                part = _partition(network, variant.box, settings, clock, report)
                counts = _ball_counts(network, variant, settings, seed, clock, report)
                measures.append(_measure(seed, variant, name, part, counts, settings))
                if seed == settings.seeds[0]:
                    shown[variant.key, name] = part
            done += 1
    except LimitError as error:
        stopped = f"{error} ({done} of {counted(total, 'network')} done)"
    return Comparison(
        data, settings, variants, tuple(measures), tuple(undefined), shown, stopped
    )


def faces_to_begin(data: DataSet, settings: Settings) -> int:
    """Return the number of faces with which each network begins, in its box and in all balls.

    A box or a ball in d dimensions has 3^d faces. Balls are put about every data point and every
    random point, with every radius.
    """
    points = len(set(data.points)) + settings.random_points
    faces: int = (1 + points * len(settings.radii)) * 3**data.dim
    return faces


def check_dimension(data: DataSet, settings: Settings) -> None:
    """Raise InputError if the engine could not begin on so many coordinates in bearable time."""
    faces = faces_to_begin(data, settings)
    if faces > MAX_FACES:
        raise InputError(
            f"{data.name} has {data.dim} features, so a box or a ball begins with 3^{data.dim} = "
            f"{3**data.dim} faces and each network with {faces} faces in all, expected at most "
            f"{MAX_FACES}; choose a few columns with --features, as {','.join(data.features[:2])}. "
            "In so many dimensions a slice of a network (exactbn.model.slices.restrict) or its "
            "regions without faces (exactbn partition --engine lp) can be computed"
        )


def data_variants(data: DataSet, settings: Settings) -> tuple[DataVariant, ...]:
    """Return the data as it is and exactly standardized, each with its box and radii."""
    lo, hi = data.bounds
    for name, low, high in zip(data.features, lo, hi, strict=True):
        if low == high:
            raise DegenerateError(
                f"{data.name}: the column {name!r} is constant ({to_text(low)}), so the data "
                "has no box; choose other columns with --features"
            )
    forms = {"raw": data.points, "standardized": standardize(data.points, names=data.features)}
    return tuple(_variant(key, points, settings) for key, points in forms.items())


def _variant(key: str, points: Matrix, settings: Settings) -> DataVariant:
    """Return one form of the data with its box, grown by the margin, and its radii."""
    columns = list(zip(*points, strict=True))
    lo, hi = [min(c) for c in columns], [max(c) for c in columns]
    sides = [b - a for a, b in zip(lo, hi, strict=True)]
    box = Box(
        tuple(a - settings.margin * s for a, s in zip(lo, sides, strict=True)),
        tuple(b + settings.margin * s for b, s in zip(hi, sides, strict=True)),
    )
    return DataVariant(key, points, box, tuple(r * max(sides) for r in settings.radii))


def _networks(
    data: DataSet, settings: Settings, variants: tuple[DataVariant, ...]
) -> Iterator[tuple[int, DataVariant, str, Network | str]]:
    """Yield every network, or the reason why it does not exist."""
    for seed in settings.seeds:
        drawn = initialize_network(
            seed, num_inputs=data.dim, widths=settings.widths, slope=settings.slope
        )
        for variant in variants:
            yield seed, variant, "random", drawn
            yield seed, variant, "zero", zero_biases(drawn)
            yield seed, variant, "centred", center(drawn, variant.points)
            try:
                scaled = center(drawn, variant.points, scale=True, eps=settings.eps)
            except DegenerateError as error:
                yield seed, variant, "scaled", str(error)
            else:
                yield seed, variant, "scaled", scaled


@dataclass(frozen=True)
class _Report:
    """Whom to tell how far a comparison is, and what is in hand: the ``done``-th of ``total``."""

    progress: Progress | None
    done: int
    total: int
    what: str

    def __call__(self, note: str) -> None:
        if self.progress is not None:
            self.progress(self.done, self.total, f"{self.what} {note}".rstrip())

    def of(self, task: str) -> Progress:
        """Return the progress of one run of the engine."""
        return lambda done, total, note: self(
            f"({task}: {done} of {counted(total, 'neuron')}, {note})"
        )


def _seconds_left(clock: Budget) -> float | None:
    """Return what is left of the seconds, or raise LimitError where nothing is."""
    if clock.max_seconds is None:
        return None
    left = clock.started + clock.max_seconds - time.monotonic()
    if left <= 0:
        raise LimitError(f"the {clock.max_seconds:g} seconds of --max-seconds are spent")
    return left


def _partition(
    network: Network, box: Box, settings: Settings, clock: Budget, report: _Report
) -> Partition:
    """Return the partition within what is left of the budget."""
    return partition(
        network, box, max_regions=settings.max_regions, max_seconds=_seconds_left(clock),
        progress=report.of("box"),
    )  # fmt: skip


def _measure(
    seed: int, variant: DataVariant, name: str, part: Partition, counts: "_BallCounts",
    settings: Settings,
) -> NetworkMeasures:  # fmt: skip
    """Return the measures of one network, whose partition is ``part``."""
    network = part.network
    points = measure_points(network, variant.points)
    values: dict[str, Fraction | None] = {"regions": Fraction(part.num_regions)}
    for radius, near, far in zip(settings.radii, counts.at_data, counts.at_random, strict=True):
        at_data, at_random = Fraction(sum(near), len(near)), Fraction(sum(far), len(far))
        values[f"near_data@{radius}"] = at_data
        values[f"near_random@{radius}"] = at_random
        values[f"concentration@{radius}"] = at_data / at_random
    defined = [t for t in points.squared_distances if t is not None]
    values["mean_squared_distance"] = exact_mean(defined) if defined else None
    values["median_squared_distance"] = exact_median(defined) if defined else None
    values["layer1_sum"] = points.layer1_sum
    values["cut_units"] = Fraction(sum(points.cut_units))
    values["regions_with_data"] = Fraction(points.regions_with_points)
    return NetworkMeasures(
        seed=seed,
        data=variant.key,
        network=name,
        sigma_policy=network.sigma_policy,
        sha256=network.sha256,
        values=values,
        is_central=_is_central(network, variant.points),
        points=points,
        random_points=counts.random_points,
        data_counts=counts.at_data,
        random_counts=counts.at_random,
    )


def draw_points(box: Box, count: int, *, seed: int) -> Matrix:
    """Return ``count`` uniform random points of the open box, exact.

    Each coordinate is lo + (hi - lo) (2k + 1) / 2^33 with k uniform on 0, ..., 2^32 - 1.
    """
    import numpy as np

    draws = np.random.default_rng(seed).integers(0, 2**32, size=(count, box.dim)).tolist()
    return tuple(
        tuple(
            lo + (hi - lo) * Fraction(2 * k + 1, 2**33)
            for lo, hi, k in zip(box.lo, box.hi, row, strict=True)
        )
        for row in draws
    )


@dataclass(frozen=True)
class _BallCounts:
    """The random points, and the counts of regions for each radius and point of either kind."""

    random_points: Matrix
    at_data: tuple[tuple[int, ...], ...]
    at_random: tuple[tuple[int, ...], ...]


def _ball_counts(
    network: Network, variant: DataVariant, settings: Settings, seed: int, clock: Budget,
    report: _Report,
) -> _BallCounts:  # fmt: skip
    """Return for each radius the numbers of regions that meet the open ball about each point."""
    random_points = draw_points(variant.box, settings.random_points, seed=seed)
    places = {x: i for i, x in enumerate(dict.fromkeys((*variant.points, *random_points)))}
    balls = [Box.ball(x, radius) for radius in variant.radii for x in places]
    counts = count_regions(
        network, balls, max_seconds=_seconds_left(clock), progress=report.of("balls")
    ).reshape(len(variant.radii), len(places))
    at_data, at_random = ([places[x] for x in t] for t in (variant.points, random_points))
    return _BallCounts(
        random_points,
        tuple(tuple(row) for row in counts[:, at_data].tolist()),
        tuple(tuple(row) for row in counts[:, at_random].tolist()),
    )


def _is_central(network: Network, points: Matrix) -> bool:
    """Return whether every hyperplane of layer 1 holds the mean of the points."""
    mean = tuple(exact_mean(column) for column in zip(*points, strict=True))
    first = network.layers[0]
    return all(dot(row, mean) + b == 0 for row, b in zip(first.weight, first.bias, strict=True))
