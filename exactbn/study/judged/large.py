"""Region density around data for a network that is too large to enumerate.

What a slice through a data point meets can be counted exactly, also of a large network: segments
(P = 1) and planes (P = 2). In all directions only samples and local complexity are left. The
interval of Chao1 is *calibrated* on small networks, where the truth is known: among the hulls of
:mod:`exactbn.study.judged.local` with as many directions and about the same share f_1 / n of points
that are alone in their region, the quantiles of truth / Chao1 are taken, and Chao1 of the large
network is multiplied by them. For more directions than any small network has, those of the most
directions are taken, which is an extrapolation. Where no such hulls are known there is no interval.
Signs of the samples are those of float64: estimates, not proofs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.run import Budget
from exactbn.errors import InputError, LimitError
from exactbn.exact.rational import Matrix, Vector
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.regions.counting import count_regions
from exactbn.sampling import estimators
from exactbn.sampling.estimators import Frequencies
from exactbn.seeds import derived_seed
from exactbn.study.dataset import DataSet
from exactbn.study.initialization import initialize_network
from exactbn.study.judged.families import FAMILIES, begin
from exactbn.study.judged.judging import seconds_left
from exactbn.study.judged.local import Density, orthonormal, points_of_hull

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]

#: Ends of the classes of f_1 / n within which calibration is done.
EDGES = (0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0)

#: Hulls that a class needs: with fewer a quantile of 2.5 % is not known.
LEAST_HULLS = 39


@dataclass(frozen=True)
class LargeSettings:
    """What is asked about one large network; ``samples`` is that of the calibration, too."""

    widths: tuple[int, ...] = (256, 256)
    families: tuple[str, ...] = tuple(FAMILIES)
    points: int = 10
    exact_directions: tuple[int, ...] = (1, 2)
    radii: tuple[Fraction, ...] = (Fraction(1, 10), Fraction(1, 2), Fraction(2))
    samples: int = 1_000
    batch: int = 200
    steps: int = 800
    seed: int = 0


@dataclass(frozen=True)
class Calibration:
    """For each class of f_1 / n the quantiles of truth / Chao1, None where too little is known."""

    edges: tuple[float, ...]
    factors: tuple[tuple[float, float] | None, ...]
    hulls: tuple[int, ...]

    def interval(self, alone: float, chao1: float) -> tuple[float, float] | None:
        """Return the calibrated interval of a number of regions."""
        place = int(np.searchsorted(self.edges, alone, side="left"))
        factor = self.factors[max(place - 1, 0)]
        return None if factor is None else (factor[0] * chao1, factor[1] * chao1)


@dataclass(frozen=True)
class LargeDensity:
    """One hull about one data point: by samples, by local complexity, exact where it can be.

    ``alone`` is f_1 / n, ``low`` and ``high`` the calibrated interval.
    """

    family: str
    point: int
    directions: int
    radius: Fraction
    regions: int | None
    complexity: int
    seen: int
    alone: float
    chao1: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class LargeStudy:
    """All hulls, the accuracy of the trained network on its data, the calibrations by P."""

    settings: LargeSettings
    calibrations: Mapping[int, Calibration]
    densities: tuple[LargeDensity, ...]
    accuracy: float | None
    stopped: str | None = None


def calibrate(densities: Sequence[Density], samples: int) -> dict[int, Calibration]:
    """Return the calibrations by the hulls of small networks, of ``samples`` points each, by P.

    The quantiles are those of order statistics, at 2.5 and 97.5 % of the hulls of a class plus one,
    so that a further hull of the same kind would lie between them with 95 % (conformal prediction).
    """
    every = sorted({d.directions for d in densities})
    return {
        p: _calibration([d for d in densities if d.directions == p and d.chao1 > 0], samples)
        for p in every
    }


def _calibration(hulls: Sequence[Density], samples: int) -> Calibration:
    """Return the calibration by hulls of one number of directions."""
    alone = np.array([d.once / samples for d in hulls])
    ratios = np.array([d.regions / d.chao1 for d in hulls])
    classes = np.maximum(np.searchsorted(EDGES, alone, side="left") - 1, 0)
    factors: list[tuple[float, float] | None] = []
    sizes = []
    for k in range(len(EDGES) - 1):
        own = np.sort(ratios[classes == k])
        sizes.append(len(own))
        if len(own) < LEAST_HULLS:
            factors.append(None)
            continue
        low = int(np.floor((len(own) + 1) * 0.025)) - 1
        high = int(np.ceil((len(own) + 1) * 0.975)) - 1
        factors.append((float(own[low]), float(own[high])))
    return Calibration(EDGES, tuple(factors), tuple(sizes))


def study_large(
    data: DataSet, small: Sequence[Density], settings: LargeSettings, *,
    max_seconds: float | None = None, progress: Progress | None = None,
) -> LargeStudy:  # fmt: skip
    """Return the densities about data points of one architecture on one set of weights.

    ``small`` are the hulls that the intervals are calibrated on. The data are divided by their
    greatest absolute value. Batch normalization takes its means over the first ``batch`` points.
    """
    most = max(abs(t) for x in data.points for t in x)
    points: Matrix = tuple(tuple(t / most for t in x) for x in data.points)
    clock = Budget(max_seconds=max_seconds)
    calibrations = calibrate(small, settings.samples)
    found: list[LargeDensity] = []
    accuracy, stopped = None, None
    try:
        rng = np.random.default_rng(derived_seed(settings.seed, "large", "points"))
        places = rng.choice(len(points), settings.points, replace=False).tolist()
        for done, (family, network, share) in enumerate(_networks(data, points, settings)):
            accuracy = share if share is not None else accuracy
            for k, place in enumerate(places):
                if progress is not None:
                    progress(done * len(places) + k, len(settings.families) * len(places), family)
                seconds_left(clock)
                for hull in _hulls(network, points[place], place, settings, calibrations):
                    found.append(LargeDensity(family, *hull))
    except LimitError as error:
        stopped = str(error)
    return LargeStudy(settings, calibrations, tuple(found), accuracy, stopped)


def _networks(
    data: DataSet, points: Matrix, settings: LargeSettings
) -> Iterator[tuple[str, Network, float | None]]:
    """Yield the network of each family, and for the trained one its accuracy."""
    start = initialize_network(
        derived_seed(settings.seed, "large", "weights"), num_inputs=data.dim, widths=settings.widths
    )
    for family in settings.families:
        if family == "trained":
            yield family, *train_classes(start, data, points, settings)
        else:
            yield family, begin(family, start, points[: settings.batch]), None


def train_classes(
    network: Network, data: DataSet, points: Matrix, settings: LargeSettings
) -> tuple[Network, float]:
    """Return the network after training on all classes, and its accuracy on the training data.

    Stochastic gradient descent with momentum on the cross-entropy; a head of one output a class is
    drawn for it.
    """
    import torch

    from exactbn.sampling.stage import one_thread

    if data.labels is None:
        raise InputError(f"{data.name} has no column of classes, expected one to train on")
    classes = sorted(set(data.labels))
    x = torch.tensor([[float(t) for t in p] for p in points])
    y = torch.tensor([classes.index(label) for label in data.labels])
    generator = torch.Generator().manual_seed(derived_seed(settings.seed, "large", "training"))
    layers = [
        [torch.tensor([[float(t) for t in row] for row in layer.weight]),
         torch.tensor([float(t) for t in layer.bias])]
        for layer in network.hidden
    ]  # fmt: skip
    width = settings.widths[-1]
    head = (torch.rand(len(classes), width, generator=generator) * 2 - 1) / width**0.5
    layers.append([head, torch.zeros(len(classes))])
    parameters = [t.requires_grad_() for layer in layers for t in layer]
    speeds = [torch.zeros_like(t) for t in parameters]

    def outputs(h: torch.Tensor) -> torch.Tensor:
        for k, (weight, bias) in enumerate(layers):
            h = h @ weight.T + bias
            h = h if k + 1 == len(layers) else h.relu()
        return h

    with one_thread():
        for _ in range(settings.steps):
            chosen = torch.randint(len(x), (64,), generator=generator)
            loss = torch.nn.functional.cross_entropy(outputs(x[chosen]), y[chosen])
            for t, speed, slope in zip(parameters, speeds, torch.autograd.grad(loss, parameters)):
                speed.mul_(0.9).add_(slope)
                t.data.add_(speed, alpha=-0.05)
        with torch.no_grad():
            right = float((outputs(x).argmax(dim=1) == y).float().mean())
    weights = [layer[0].tolist() for layer in layers]
    return Network.from_arrays(weights, [layer[1].tolist() for layer in layers]), right


_Hull = tuple[
    int, int, Fraction, int | None, int, int, float, float, float | None, float | None
]


def _hulls(
    network: Network, x: Vector, place: int, settings: LargeSettings,
    calibrations: Mapping[int, Calibration],
) -> Iterator[_Hull]:  # fmt: skip
    """Yield the hulls about one point, as :class:`LargeDensity` has them from its point on."""
    floats = [
        (np.array([[float(t) for t in row] for row in layer.weight]),
         np.array([float(t) for t in layer.bias]))
        for layer in network.hidden
    ]  # fmt: skip
    origin = np.array([float(t) for t in x])
    for directions in (*settings.exact_directions, len(x)):
        rng = np.random.default_rng(
            [derived_seed(settings.seed, "large", "hull", place), directions]
        )
        frame = orthonormal(rng, directions, len(x))
        counts: list[int | None] = [None] * len(settings.radii)
        if directions in settings.exact_directions:
            slice_ = network.restrict(x, frame)
            zero = (Fraction(0),) * directions
            balls = [Domain.ball(zero, r, norm=1) for r in settings.radii]
            counts = list(count_regions(slice_, balls).tolist())
        u = np.array(frame)
        nearest = directions if directions in calibrations else max(calibrations, default=0)
        calibration = calibrations.get(nearest)
        for radius, regions in zip(settings.radii, counts, strict=True):
            t = points_of_hull(rng, settings.samples, directions, float(radius))
            codes = patterns_in_floats(floats, origin + t @ u)
            _, hits = np.unique(codes, axis=0, return_counts=True)
            found = Frequencies.of(hits)
            corners = np.vstack((origin + float(radius) * u, origin - float(radius) * u))
            signs = np.unpackbits(patterns_in_floats(floats, corners), axis=1)
            complexity = int((signs.min(axis=0) != signs.max(axis=0)).sum())
            alone, chao1 = found.f(1) / found.total, float(estimators.chao(found).value or 0)
            low, high = (calibration and calibration.interval(alone, chao1)) or (None, None)
            yield (place, directions, radius, regions, complexity, found.seen, alone, chao1,
                   low, high)


def patterns_in_floats(layers: Sequence[tuple[Floats, Floats]], x: Floats) -> NDArray[np.uint8]:
    """Return the patterns at points, shape (N, d), as packed bits; signs are those of float64."""
    signs = []
    for weight, bias in layers:
        z = x @ weight.T + bias
        signs.append(z > 0)
        x = np.maximum(z, 0)
    return np.packbits(np.hstack(signs), axis=1)
