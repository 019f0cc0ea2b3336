"""The regions of random points in the order in which the points are drawn."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray

from exactbn.engines.run import Budget
from exactbn.errors import LimitError
from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.sampling.checked import CheckedPartition, check_request, shares_of_box
from exactbn.sampling.classify import Classifier
from exactbn.sampling.points import PointStream, choose_dtype, float_bounds
from exactbn.sampling.stage import DTYPES, chunk_size, ieee_products, one_thread
from exactbn.sampling.wired import WiredClassifier, classifier_of

Regions = NDArray[np.int32]

_CPU = torch.device("cpu")

# Points that go through the layers together where there are few in all.
_FEW = 1 << 10

# Relative width of an enclosure of a volume that is good enough for a share. Exact volumes in four
# and five dimensions take a hundredth of a second each.
_NARROW = 2.0**-10


@dataclass(frozen=True, eq=False)
class Drawn:
    """The regions of the points that lie in the interior of one, shape (N,), in order.

    ``outside`` points have a pattern that is no region's: any but 0 refutes the partition.
    ``on_boundary`` points lie exactly on a boundary. Neither kind has a place in ``regions``.
    """

    regions: Regions
    outside: int
    on_boundary: int


@dataclass(frozen=True, eq=False)
class RegionSequence:
    """Finds the regions of points of one domain, on the CPU; a prefix of a sample is a sample."""

    classifier: Classifier | WiredClassifier
    bounds: tuple[NDArray[np.float64], NDArray[np.float64]]
    dtype: str

    @classmethod
    def of(cls, part: CheckedPartition) -> "RegionSequence":
        """Return that of a complete partition of a box.

        Raises
        ------
        InputError
            As :func:`exactbn.sampling.sample`.
        """
        check_request(part, 1, 0)
        dtype = choose_dtype(part.box)
        bounds = float_bounds(part.box, dtype)
        middle, _ = shares_of_box(part, 1)
        classifier = classifier_of(
            part, middle, bounds, dtype=dtype, device=_CPU,
            chunk=chunk_size(_CPU, part.network.widths),
        )  # fmt: skip
        return cls(classifier, bounds, dtype)

    @classmethod
    def within(cls, network: Network, box: Box, patterns: NDArray[np.uint8]) -> "RegionSequence":
        """Return that of the regions with these ``patterns``, shape (regions, neurons).

        ``box`` holds all points that will be asked for; the regions may be those of a part of it.
        """
        dtype = "float64"
        bounds = float_bounds(box, dtype)
        weights = np.ones(len(patterns))
        classifier = Classifier.of(
            network, patterns, weights, bounds, dtype=dtype, device=_CPU, chunk=_FEW
        )
        return cls(classifier, bounds, dtype)

    def draw(self, samples: int, seed: int, budget: Budget | None = None) -> Drawn:
        """Return the regions of ``samples`` uniform points of the box, those of a seed.

        Points are held a block at a time.

        Raises
        ------
        LimitError
            If the seconds of the ``budget`` are spent after a block that is not the last.
        """
        stream = PointStream(self.bounds, samples, seed, self.dtype, _CPU)
        buffer = stream.buffer()

        def blocks() -> Iterator[torch.Tensor]:
            for k in range(stream.num_blocks):
                if k and budget is not None and budget.is_late():
                    done = f"{k * stream.block} of {samples} points drawn"
                    raise LimitError(f"the seconds of --max-seconds are spent ({done})")
                yield stream.draw(k, buffer).t()

        return self._found(blocks())

    def find(self, points: NDArray[np.float64]) -> Drawn:
        """Return the regions of float points, shape (N, d), each the dyadic numbers that it is."""
        rows = torch.from_numpy(np.column_stack((points, np.ones(len(points)))))
        return self._found([rows.to(DTYPES[self.dtype])])

    def _found(self, blocks: Iterable[torch.Tensor]) -> Drawn:
        """Return the regions of blocks of points, shape (n, d + 1)."""
        found = [np.zeros(0, dtype=np.int32)]
        with ieee_products(), one_thread():
            for block in blocks:
                for points in torch.split(block, self.classifier.chunk):
                    found.append(self.classifier.classify(points)[0].numpy())
        regions = np.concatenate(found)
        outside = int(np.count_nonzero(regions == self.classifier.outside))
        inside = regions[regions < self.classifier.outside]
        return Drawn(inside, outside, len(regions) - outside - len(inside))


def exact_shares(part: CheckedPartition) -> NDArray[np.float64]:
    """Return the share of the box that each region takes, shape (regions,), to a thousandth.

    An enclosure that is wider than that gives way to the exact volume, rounded once.
    """
    middle, radius = shares_of_box(part, 1)
    whole = part.box.volume
    for i in np.flatnonzero(~(radius <= middle * _NARROW)).tolist():
        middle[i] = float(Fraction(part.volume(i)) / whole)
    return middle
