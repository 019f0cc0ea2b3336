"""What the tests of sampling share: partitions with planted errors, classifiers, exact answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from exactbn import Box, Network, Partition, partition
from exactbn.sampling.classify import Classifier
from exactbn.sampling.stage import DTYPES
from tests.examples import PLANE_NETWORKS

CPU = torch.device("cpu")
WORKLOAD = Path(__file__).parent / "workload"


@dataclass(frozen=True)
class Planted:
    """A stand-in for a partition, with errors where a test wants them."""

    network: Network
    box: Box
    patterns: NDArray[np.uint8]
    middle: NDArray[np.float64]
    radius: NDArray[np.float64]
    is_complete: bool = True
    sigma_policy: str = "no-bn"

    @classmethod
    def of(cls, part: Partition) -> "Planted":
        """Return the copy of a partition, without error so far."""
        return cls(part.network, part.box, part.patterns, *part.volumes())

    @property
    def num_regions(self) -> int:
        """Return the number of regions."""
        return len(self.patterns)

    def volumes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the enclosures of the volumes."""
        return self.middle, self.radius

    def volume(self, i: int) -> Fraction:
        """Return the volume of a region, which is what the enclosure says."""
        return Fraction(float(self.middle[i]))

    def without(self, i: int) -> "Planted":
        """Return the copy that lacks region i."""
        return replace(
            self,
            patterns=np.delete(self.patterns, i, axis=0),
            middle=np.delete(self.middle, i),
            radius=np.delete(self.radius, i),
        )


def plane_part(name: str) -> Partition:
    """Return the partition of one of the plane networks in [-4, 4]^2."""
    return partition(PLANE_NETWORKS[name][0], (-4, 4))


def region_by_fractions(part: Partition | Planted, x: tuple[Fraction, ...]) -> int:
    """Return the result of the classifier as it must be, from exact preactivations alone."""
    signs = [
        (z > 0) - (z < 0) for layer in part.network.preactivations(x) for z in layer
    ]
    matches = [
        i
        for i, pattern in enumerate(part.patterns.tolist())
        if all(s == 0 or on == (s > 0) for s, on in zip(signs, pattern, strict=True))
    ]
    if len(matches) > 1:
        return part.num_regions + 1
    return matches[0] if matches else part.num_regions


def classifier_of(
    part: Partition | Planted, dtype: str = "float32", factor: float = 1.0, chunk: int = 64
) -> Classifier:
    """Return a classifier for the points of the box of ``part``, however wide."""
    lo = np.array([float(t) for t in part.box.lo])
    hi = np.array([float(t) for t in part.box.hi])
    return Classifier.of(
        part.network,
        part.patterns,
        part.volumes()[0],
        (lo, hi),
        dtype=dtype,
        device=CPU,
        chunk=chunk,
        factor=factor,
    )


def with_ones(points: Sequence[tuple[float, ...]], dtype: str) -> torch.Tensor:
    """Return points with a column of ones."""
    return torch.tensor([(*x, 1.0) for x in points], dtype=DTYPES[dtype])


def points_of(box: Box, dtype: str, steps: int = 4) -> list[tuple[float, ...]]:
    """Return floats of the box: a grid, where zeros are met, and points beside it."""
    kind = np.dtype(dtype).type
    axes = []
    for lo, hi in zip(box.lo, box.hi, strict=True):
        ticks = [lo + (hi - lo) * Fraction(i, steps) for i in range(steps + 1)]
        ticks += [lo + (hi - lo) * Fraction(97, 256), Fraction(0), Fraction(1, 3)]
        floats = {float(kind(float(t))) for t in ticks}
        axes.append(sorted(t for t in floats if lo <= Fraction(t) <= hi))
    return list(product(*axes))[:300]
