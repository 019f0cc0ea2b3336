"""Local densities: how many regions meet a small ball, counted, sampled, and by local complexity.

The ball about a data point x is the hull of x +- r u_1, ..., x +- r u_P with orthonormal u_i: a
cross-polytope in the slice through x along the u_i, where it is the ball of radius r of the norm 1.
So the exact partition of the slice in that ball has just the regions that meet the hull.

*Local complexity* (Humayun and others, 2024) sends the 2 P corners of the hull through the network
and counts, layer by layer, the neurons that are on at one corner and off at another. In the first
layer these are the neurons whose hyperplane meets the inside of the hull. In later layers the image
of the hull is not the hull of the images, and a neuron that is on and off inside of the hull may
have one sign at all corners: the count is then too small, never too large.

References
----------
A. I. Humayun, R. Balestriero, R. Baraniuk, *Deep Networks Always Grok and Here is Why*, ICML 2024.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.run import Budget
from exactbn.errors import InputError, LimitError
from exactbn.exact.rational import Vector
from exactbn.model.domain import Box, Domain
from exactbn.model.evaluation import homogeneous
from exactbn.model.network import Network
from exactbn.regions.counting import partition_many
from exactbn.sampling import estimators
from exactbn.sampling.estimators import Frequencies
from exactbn.sampling.sequence import RegionSequence
from exactbn.seeds import derived_seed
from exactbn.study.initialization import initialize_network
from exactbn.study.judged.families import FAMILIES, Problem, begin, trained_networks
from exactbn.study.judged.judging import seconds_left

Progress = Callable[[int, int, str], None]

# Points are drawn a little inside of the hull, so that no rounding puts one outside.
_INSIDE = 1 - 2.0**-40


@dataclass(frozen=True)
class LocalSettings:
    """What is counted around data points; ``networks`` sets of weights a depth.

    ``directions`` are the numbers P, at most the dimension; ``radii`` are in the units of the
    data, which fill [0, 1]^d.
    """

    networks: int = 10
    width: int = 8
    depths: tuple[int, ...] = (1, 2, 4)
    directions: tuple[int, ...] = (1, 2, 3, 4)
    radii: tuple[Fraction, ...] = (Fraction(1, 20), Fraction(1, 5), Fraction(1, 2))
    points: int = 3
    samples: int = 1_000
    families: tuple[str, ...] = tuple(FAMILIES)
    seed: int = 0

    def __post_init__(self) -> None:
        for name, values in (
            ("depths", self.depths), ("directions", self.directions),
            ("radii", self.radii),
        ):  # fmt: skip
            sizes: list[Fraction] = [Fraction(value) for value in values]
            if not sizes or sizes[0] <= 0 or sizes != sorted(set(sizes)):
                told = ", ".join(map(str, sizes)) or "none"
                raise InputError(f"the {name} are {told}, expected ascending positive numbers")
        for name, number in (("networks", self.networks), ("points", self.points),
                             ("samples", self.samples), ("width", self.width)):  # fmt: skip
            if number < 1:
                raise InputError(f"{name}: got {number}, expected at least 1")

    @property
    def total(self) -> int:
        """Return the number of networks."""
        return self.networks * len(self.depths) * len(self.families)


@dataclass(frozen=True)
class Density:
    """What meets one hull: exactly, by local complexity, and by sampling.

    ``regions`` is the exact number of regions that meet the inside of the hull, ``cut`` the exact
    number of neurons, by layer, that are on in one of them and off in another, ``separated`` the
    number that local complexity counts. ``seen`` regions were hit by the samples, and Chao1 makes
    ``chao1`` of them, with the interval (``low``, ``high``) where there is one; ``once`` regions
    were hit by one sample each.
    """

    family: str
    index: int
    depth: int
    point: int
    directions: int
    radius: Fraction
    regions: int
    cut: tuple[int, ...]
    separated: tuple[int, ...]
    seen: int
    once: int
    chao1: float
    low: float | None
    high: float | None

    @property
    def is_consistent(self) -> bool:
        """Return whether local complexity is right in the first layer and nowhere too large."""
        return self.cut[0] == self.separated[0] and all(
            b <= a for a, b in zip(self.cut, self.separated, strict=True)
        )


@dataclass(frozen=True)
class LocalStudy:
    """All hulls that were counted; ``outside`` samples had a pattern that is no region's."""

    settings: LocalSettings
    densities: tuple[Density, ...]
    outside: int = 0
    stopped: str | None = None


def study_locally(
    problem: Problem, settings: LocalSettings, *, max_seconds: float | None = None,
    progress: Progress | None = None,
) -> LocalStudy:  # fmt: skip
    """Return what meets the hulls about data points of many networks.

    When the budget is spent, what is done is returned with ``stopped`` set.
    """
    if settings.directions[-1] > problem.dim:
        raise InputError(
            f"{settings.directions[-1]} orthonormal directions are asked for in {problem.dim} "
            "dimensions, expected at most as many"
        )
    clock = Budget(max_seconds=max_seconds)
    found: list[Density] = []
    outside, stopped = 0, None
    try:
        for done, (family, index, depth, network) in enumerate(_networks(problem, settings)):
            if progress is not None:
                progress(done, settings.total, f"depth {depth}, {family}")
            for number in range(settings.points):
                seed = derived_seed(settings.seed, "local", depth, index, number)
                place = int(np.random.default_rng(seed).integers(len(problem.points)))
                for directions in settings.directions:
                    seconds_left(clock)
                    hulls, missed = densities_at(
                        network, problem.points[place], directions, settings, seed=seed
                    )
                    outside += missed
                    found += [
                        Density(family, index, depth, place, directions, *hull) for hull in hulls
                    ]
    except LimitError as error:
        stopped = str(error)
    return LocalStudy(settings, tuple(found), outside, stopped)


def _networks(
    problem: Problem, settings: LocalSettings
) -> Iterator[tuple[str, int, int, Network]]:
    """Yield the networks, depth by depth: family, index, depth, network."""
    for depth in settings.depths:
        widths = (settings.width,) * depth
        drawn = [
            initialize_network(
                derived_seed(settings.seed, "local", depth, i),
                num_inputs=problem.dim,
                widths=widths,
            )
            for i in range(settings.networks)
        ]
        wants = "trained" in settings.families
        trained = trained_networks(drawn, problem, settings.seed) if wants else drawn
        for index, (start, end) in enumerate(zip(drawn, trained, strict=True)):
            for family in settings.families:
                is_trained = family == "trained"
                yield family, index, depth, (
                    end if is_trained else begin(family, start, problem.points)
                )


_Hull = tuple[
    Fraction, int, tuple[int, ...], tuple[int, ...], int, int, float, float | None, float | None
]


def densities_at(
    network: Network, x: Vector, directions: int, settings: LocalSettings, *, seed: int
) -> tuple[list[_Hull], int]:
    """Return the hulls of all radii about x, as :class:`Density` has them from its radius on.

    Also returned is how many samples were outside the exact partition.
    """
    rng = np.random.default_rng([seed, directions])
    frame = orthonormal(rng, directions, network.num_inputs)
    slice_ = network.restrict(x, frame)
    origin = (Fraction(0),) * directions
    radii = settings.radii
    parts = partition_many(slice_, [Domain.ball(origin, r, norm=1) for r in radii])
    largest = parts[-1].patterns.astype(np.uint8)
    sequence = RegionSequence.within(slice_, Box.ball(origin, radii[-1]), largest)
    hulls: list[_Hull] = []
    outside = 0
    for radius, part in zip(radii, parts, strict=True):
        drawn = sequence.find(points_of_hull(rng, settings.samples, directions, float(radius)))
        outside += drawn.outside
        found = Frequencies.of(np.bincount(drawn.regions))
        chao = estimators.chao(found)
        low, high = (None, None) if chao.interval is None else chao.interval
        hulls.append(
            (
                radius, part.num_regions, neurons_cut(part.patterns, slice_.widths),
                local_complexity(slice_, radius), found.seen, found.f(1), float(chao.value or 0),
                low, high,
            )
        )  # fmt: skip
    return hulls, outside


def orthonormal(
    rng: np.random.Generator, directions: int, dim: int
) -> list[list[float]]:
    """Return random vectors that are orthonormal up to rounding, uniform as a frame."""
    q, r = np.linalg.qr(rng.standard_normal((dim, directions)))
    rows: list[list[float]] = (q * np.sign(np.diag(r))).T.tolist()
    return rows


def points_of_hull(
    rng: np.random.Generator, count: int, directions: int, radius: float
) -> NDArray[np.float64]:
    """Return uniform points of the ball of the norm 1 about 0, shape (count, directions).

    With independent exponential E_0, ..., E_P the vector (E_1, ..., E_P) / sum E is uniform in the
    simplex; each coordinate gets a random sign.
    """
    parts = rng.standard_exponential((count, directions + 1))
    signs = rng.choice([-1.0, 1.0], (count, directions))
    points: NDArray[np.float64] = parts[:, 1:] / parts.sum(axis=1, keepdims=True) * signs
    return points * (radius * _INSIDE)


def local_complexity(network: Network, radius: Fraction) -> tuple[int, ...]:
    """Return by layer how many neurons have corners +- radius e_i strictly on both sides, exactly.

    Such a neuron is on in one region of the ball and off in another; one whose zeros touch the ball
    in a corner is not.

    >>> net = Network.from_arrays([[[1, 0], [1, 1]], [[1, 0]], [[1]]], [[0, -2], [-2], [0]])
    >>> local_complexity(net, Fraction(1)), local_complexity(net, Fraction(3))
    ((1, 0), (2, 1))
    """
    d = network.num_inputs
    corners = [
        tuple(sign * radius if k == axis else Fraction(0) for k in range(d))
        for axis in range(d)
        for sign in (1, -1)
    ]
    last = len(network.widths) - 1
    values = network.integers.preactivations(homogeneous(corners), last)
    return tuple(
        sum(any(t > 0 for t in row) and any(t < 0 for t in row) for row in z.tolist())
        for z in values
    )


def neurons_cut(
    patterns: NDArray[np.unsignedinteger], widths: Sequence[int]
) -> tuple[int, ...]:
    """Return by layer how many neurons are on in one region and off in another."""
    both = (patterns.min(axis=0) == 0) & (patterns.max(axis=0) > 0)
    ends = np.cumsum([0, *widths])
    return tuple(int(both[a:b].sum()) for a, b in zip(ends, ends[1:]))
